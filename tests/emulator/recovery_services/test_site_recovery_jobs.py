"""Jobs: failure, cancellation, restart and filters."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from emulator.estate.machines import Disk
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP_NAME,
    TEST_NETWORK,
    VAULT,
    VAULT_NAME,
    Classic,
    Site,
)

WEB, OTHER = support.windows(1), support.windows(2)
BROKEN = {
    "errorCode": "28075",
    "errorMessage": "It broke.",
    "possibleCauses": "Chance.",
    "recommendedAction": "Try again.",
}


@pytest.fixture
def site(experience: Classic) -> Site:
    site = Site([WEB, OTHER], experience=experience).prepare()
    for machine in (WEB, OTHER):
        site.protect(machine)
    return site


def test_a_failing_job_fails_with_its_words_and_the_item_is_as_before(site: Site) -> None:
    before = site.properties(WEB)
    site.fault(operation="TestFailover", match="web-01", job=BROKEN)
    accepted = site.test_failover(WEB)
    other = site.test_failover(OTHER)
    job = site.finished(accepted)
    assert job["state"] == "Failed"
    assert job["errors"][0]["serviceErrorDetails"]["message"] == "It broke."
    assert job["errors"][0]["providerErrorDetails"]["errorCode"] == 28075
    assert job["errors"][0]["providerErrorDetails"]["recommendedAction"] == "Try again."
    assert site.finished(other)["state"] == "Succeeded"
    after = site.properties(WEB)
    for name in ("protectionState", "testFailoverState", "allowedOperations", "currentScenario"):
        assert after[name] == before[name]
    assert set(site.virtual_machines()) == {"web-02-test"}
    assert site.finished(site.test_failover(WEB))["state"] == "Succeeded", "once only"


def test_the_sdk_raises_what_the_job_says(site: Site) -> None:
    site.fault(operation="ReplicationProtectedItems_UnplannedFailover", job=BROKEN)
    inside = (GROUP_NAME, VAULT_NAME, *site.container.split("/")[10:13:2], WEB.name)
    poller = site.client.replication_protected_items.begin_unplanned_failover(
        *inside, {"properties": site.experience.failover()}
    )
    with pytest.raises(HttpResponseError, match="It broke") as raised:
        poller.result()
    assert raised.value.error is not None
    assert raised.value.error.code == "28075"
    assert site.virtual_machines() == {}


def test_a_failing_enabling_leaves_an_item_that_can_only_be_removed(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.fault(operation="EnableDr", job=BROKEN)
    assert site.enable(WEB)["state"] == "Failed"
    properties = site.properties(WEB)
    assert properties["allowedOperations"] == ["DisableProtection"]
    assert properties["protectionState"] == "EnablingFailed"
    assert properties["protectionStateDescription"] == "Protection couldn't be enabled"
    assert (properties["replicationHealth"], properties["failoverHealth"]) == ("Critical", "Normal")
    assert properties["healthErrors"][0]["errorCode"] == "310056", "the job tells why"
    scenario = properties["currentScenario"]
    assert scenario["scenarioName"] == "EnableProtection", "it stays"
    failed = site.get(scenario["jobId"])["properties"]
    assert failed["errors"][0]["serviceErrorDetails"]["message"] == "It broke."
    site.finished(site.remove(WEB))
    site.protect(WEB)


def test_a_failing_removal_leaves_the_machine_failed_over(site: Site) -> None:
    site.finished(site.fail_over(WEB))
    site.fault(operation="DisableDr", job=BROKEN)
    assert site.finished(site.remove(WEB, "MigrationComplete"))["state"] == "Failed"
    assert "CompleteMigration" in site.properties(WEB)["allowedOperations"]
    assert site.finished(site.remove(WEB, "MigrationComplete"))["state"] == "Succeeded"


def test_a_failing_completion_of_the_initial_replication_is_tried_again(
    experience: Classic,
) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.fault(operation="SecondaryIrCompletion", job=BROKEN)
    site.protect(WEB)
    states = [j["properties"]["state"] for j in jobs(site, "jobName eq 'SecondaryIrCompletion'")]
    assert states == ["Succeeded", "Failed"]


def test_a_removal_that_fails_during_initial_replication_does_not_stop_it(
    experience: Classic,
) -> None:
    site = Site([WEB], experience=experience).prepare()
    assert site.enable(WEB)["state"] == "Succeeded"
    site.fault(operation="DisableDr", job=BROKEN, delaySeconds=3600)
    assert site.finished(site.remove(WEB))["state"] == "Failed"
    site.pass_time(minutes=40)
    assert site.state(WEB) == "Protected"


def test_a_delay_makes_a_job_longer(site: Site) -> None:
    site.fault(operation="TestFailover", delaySeconds=3600)
    accepted = site.test_failover(WEB)
    site.pass_time(minutes=50)
    assert site.job(accepted)["state"] == "InProgress"
    site.pass_time(minutes=20)
    assert site.job(accepted)["state"] == "Succeeded"


@pytest.mark.parametrize(
    ("spoil", "code", "word"),
    [
        (
            lambda site: site.call("DELETE", f"{TEST_NETWORK}?api-version=2024-05-01"),
            "28031",
            "vnet-test",
        ),
        (
            lambda site: site.call("DELETE", f"{support.STORAGE}?api-version=2024-01-01"),
            "28031",
            "stcache",
        ),
    ],
)
def test_what_was_deleted_meanwhile_fails_the_job(
    site: Site, spoil: Any, code: str, word: str
) -> None:
    assert spoil(site).status < 300
    site.pass_time(minutes=5)
    job = site.finished(site.test_failover(WEB))
    assert job["state"] == "Failed"
    assert job["errors"][0]["serviceErrorDetails"]["code"] == code
    assert word in job["errors"][0]["serviceErrorDetails"]["message"]
    assert site.virtual_machines() == {}


def test_a_network_of_another_region_takes_no_machine_of_the_vault(site: Site) -> None:
    elsewhere = TEST_NETWORK.replace("vnet-test", "vnet-elsewhere")
    body = {
        "location": "eastus",
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.22.0.0/16"]},
            "subnets": [{"name": "servers", "properties": {"addressPrefix": "10.22.1.0/24"}}],
        },
    }
    assert site.call("PUT", elsewhere, body, "2024-05-01").status == 201
    job = site.finished(site.test_failover(WEB, networkId=elsewhere))
    assert job["state"] == "Failed"
    assert (
        "vnet-elsewhere' is not in the region"
        in (job["errors"][0]["serviceErrorDetails"]["message"])
    )
    assert site.virtual_machines() == {}


def test_a_size_with_too_few_data_disks_fails_the_failover(experience: Classic) -> None:
    many = support.windows(1, disks=tuple(Disk(f"xvd{c}", 10) for c in "abcdef"))
    site = Site([many], experience=experience).prepare()
    site.protect(many, targetVmSize="Standard_B1s")
    job = site.finished(site.fail_over(many))
    assert job["errors"][0]["serviceErrorDetails"]["code"] == "28074"
    properties = site.properties(many)
    assert properties["protectionState"] == experience.failover_failed[0]
    assert properties["allowedOperations"] == experience.failover_failed[1]
    assert properties["activeLocation"] == "Primary"


def test_a_cancelled_test_failover_leaves_the_machine_protected(site: Site) -> None:
    accepted = site.test_failover(WEB)
    name = accepted.headers["x-ms-request-id"].rpartition("/")[2]
    poller = site.client.replication_jobs.begin_cancel(GROUP_NAME, VAULT_NAME, name)
    poller.result()
    site.pass_time(minutes=10)
    assert site.job(accepted)["state"] == "Cancelled"
    assert site.virtual_machines() == {}
    assert "TestFailover" in site.properties(WEB)["allowedOperations"]


def test_a_cancelled_failover_leaves_a_machine_that_does_not_replicate_again(site: Site) -> None:
    accepted = site.fail_over(WEB)
    name = accepted.headers["x-ms-request-id"].rpartition("/")[2]
    site.accepted("POST", f"{VAULT}/replicationJobs/{name}/cancel")
    assert site.job(accepted)["state"] == "Cancelling"
    assert site.finished(accepted)["state"] == "Cancelled"
    assert site.properties(WEB)["allowedOperations"] == ["DisableProtection"]


def test_only_jobs_that_allow_it_are_cancelled_restarted_or_resumed(site: Site) -> None:
    accepted = site.test_failover(WEB)
    name = accepted.headers["x-ms-request-id"].rpartition("/")[2]
    path = f"{VAULT}/replicationJobs/{name}"
    assert site.refused("POST", f"{path}/restart")[:2] == (400, "JobActionNotAllowed")
    assert site.refused("POST", f"{path}/resume", {"properties": {}})[1] == "JobActionNotAllowed"
    site.finished(accepted)
    assert site.refused("POST", f"{path}/cancel")[1] == "JobActionNotAllowed"


def test_a_failed_job_is_restarted(site: Site) -> None:
    site.fault(operation="TestFailover", job=BROKEN)
    accepted = site.test_failover(WEB)
    assert site.finished(accepted)["allowedActions"] == ["Restart"]
    name = accepted.headers["x-ms-request-id"].rpartition("/")[2]
    site.accepted("POST", f"{VAULT}/replicationJobs/{name}/restart")
    assert site.properties(WEB)["currentScenario"]["scenarioName"] == "TestFailover"
    assert site.refused("POST", f"{VAULT}/replicationJobs/{name}/restart")[1] == (
        "OperationInProgress"
    )
    site.pass_time(minutes=15)
    assert set(site.virtual_machines()) == {"web-01-test"}


def test_a_failed_failover_is_asked_for_again_and_not_restarted(site: Site) -> None:
    site.fault(operation="UnplannedFailover", job=BROKEN)
    assert site.finished(site.fail_over(WEB))["allowedActions"] == []
    properties = site.properties(WEB)
    assert properties["protectionState"] == site.experience.failover_failed[0]
    assert properties["replicationHealth"] == "Critical"
    told = {error["errorCode"] for error in properties["healthErrors"]}
    assert ("78037" in told) == (site.experience.name == "classic")
    assert "lastSuccessfulFailoverTime" not in properties
    assert site.finished(site.fail_over(WEB))["state"] == "Succeeded"


def test_a_commit_after_a_failed_classic_failover_is_accepted_and_fails() -> None:
    site = Site([WEB]).prepare()
    site.protect(WEB)
    site.fault(operation="UnplannedFailover", job=BROKEN)
    site.finished(site.fail_over(WEB))
    job = site.finished(site.post(WEB, "failoverCommit", None))
    assert (job["scenarioName"], job["friendlyName"], job["state"]) == (
        "FinalizeFailback",
        "Commit",
        "Failed",
    )
    assert job["errors"][0]["serviceErrorDetails"]["code"] == "25037"
    assert job["errors"][0]["providerErrorDetails"]["errorMessage"] is None


def test_a_test_failover_after_a_failed_modernized_failover_is_accepted() -> None:
    site = Site([WEB], experience=support.MODERNIZED).prepare()
    site.protect(WEB)
    site.fault(operation="UnplannedFailover", job=BROKEN)
    site.finished(site.fail_over(WEB))
    assert site.finished(site.test_failover(WEB))["state"] == "Succeeded"
    site.finished(site.clean_up(WEB))
    assert site.state(WEB) == "Protected"


def test_a_failed_enabling_is_restarted_once_the_way_is_free(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    assert site.protectable(WEB)
    assert site.estate.groups is not None
    site.estate.groups["sg-server"] = support.NO_DATA
    failed = site.accepted("PUT", site.item(WEB), site.enable_body(WEB))
    assert site.finished(failed)["state"] == "Failed"
    site.estate.groups["sg-server"] = support.SERVER_GROUP
    name = failed.headers["x-ms-request-id"].rpartition("/")[2]
    site.accepted("POST", f"{VAULT}/replicationJobs/{name}/restart")
    site.pass_time(minutes=120)
    properties = site.properties(WEB)
    assert (properties["protectionState"], properties["replicationHealth"]) == (
        *("Protected", "Normal"),
    )


def test_the_list_of_jobs_has_less_detail_than_a_job(site: Site) -> None:
    site.finished(site.test_failover(WEB))
    (listed, *_) = site.get(f"{VAULT}/replicationJobs")["value"]
    job = site.get(listed["id"])
    for name, empty in (("tasks", []), ("activityId", None), ("customDetails", None)):
        assert listed["properties"][name] == empty
        assert job["properties"][name]
    assert listed["properties"]["state"] == job["properties"]["state"] == "Succeeded"


@pytest.mark.parametrize(
    "client", ["5bfb73e4-8ab2-4c75-9472-3c91116cd0c5", "bb7836e7-2017-09-12 06:12:11Z-P"]
)
def test_a_job_tells_which_request_began_it(site: Site, client: str) -> None:
    sent = {"x-ms-client-request-id": client, "x-ms-correlation-request-id": "b66fb0f5"}
    path, body = f"{site.item(WEB)}/testFailover", {"properties": site.experience.test_failover()}
    accepted = site.call("POST", path, body, headers=sent)
    activity = f"{client} ActivityId: b66fb0f5"
    assert site.job(accepted)["activityId"] == activity
    assert {name: accepted.headers[name] for name in sent} == sent
    site.fault(operation="TestFailover", match="web-02", job=BROKEN)
    failed = site.finished(
        site.call("POST", path.replace(WEB.name, OTHER.name), body, headers=sent)
    )
    assert failed["errors"][0]["serviceErrorDetails"]["activityId"] == activity


def test_requests_without_ids_get_ids_of_their_own(site: Site) -> None:
    told = {site.job(site.test_failover(machine))["activityId"] for machine in (WEB, OTHER)}
    assert len(told) == 2
    assert all(len(activity.split(" ActivityId: ")) == 2 for activity in told)


def test_jobs_are_found_by_name_state_and_time(site: Site) -> None:
    before = site.world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    site.pass_time(seconds=5)
    site.finished(site.test_failover(WEB))
    running = site.test_failover(OTHER)
    names = {j["properties"]["scenarioName"] for j in jobs(site, f"startTime eq '{before}'")}
    assert names == {"TestFailover"}
    (found,) = jobs(site, "jobStatus eq 'InProgress'")
    assert found["properties"]["targetObjectName"] == "web-02"
    assert len(jobs(site, "jobStatus eq 'Succeeded' and jobName eq 'TestFailover'")) == 1
    assert len(jobs(site, f"endTime eq '{before}'")) == len(jobs(site)) - 2
    site.pass_time(seconds=5)
    later = site.world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert jobs(site, f"StartTime eq '{later}'") == []
    site.finished(running)
    assert jobs(site, "jobStatus eq 'InProgress'") == []


@pytest.mark.parametrize(
    "text", ["state eq 'x'", "jobStatus is 'x'", "startTime eq 'soon'", "startTime eq '2026-01-05'"]
)
def test_a_filter_that_is_not_understood_is_refused(site: Site, text: str) -> None:
    path = f"{VAULT}/replicationJobs?api-version=2025-08-01&$filter={text}"
    assert site.refused("GET", path)[:2] == (400, "InvalidFilter")


def test_a_test_failover_job_tells_its_network_and_machine(site: Site) -> None:
    details = site.finished(site.test_failover(WEB))["customDetails"]
    assert details["instanceType"] == "TestFailoverJobDetails"
    assert details["testFailoverStatus"] == "Active"
    assert details["networkName"] == "vnet-test"
    (item,) = details["protectedItemDetails"]
    assert item["testVmName"] == "web-01-test"
    assert item["subnet"] == site.experience.subnet_of_test


def test_a_machine_that_turns_critical_makes_an_event(site: Site) -> None:
    site.become(1, state="stopped")
    site.pass_time(minutes=10)
    newest = site.get(f"{VAULT}/replicationEvents")["value"][0]["properties"]
    assert (newest["eventType"], newest["severity"]) == ("VmHealth", "Critical")
    assert newest["affectedObjectFriendlyName"] == "web-01"
    assert newest["healthErrors"][0]["errorCode"] == "78145"


def test_events_and_health_tell_what_happened(site: Site) -> None:
    site.fault(operation="TestFailover", job=BROKEN)
    site.finished(site.test_failover(WEB))
    newest = site.get(f"{VAULT}/replicationEvents")["value"][0]
    assert newest["properties"]["severity"] == "Critical"
    assert newest["properties"]["affectedObjectFriendlyName"] == "web-01"
    assert site.get(newest["id"]) == newest
    assert newest["properties"]["eventType"] == "JobStatus"
    assert newest["properties"]["eventSpecificDetails"]["jobStatus"] == "Failed"
    assert newest["properties"]["healthErrors"][0]["errorMessage"] == "It broke."
    provider = newest["properties"]["providerSpecificDetails"]["instanceType"]
    assert provider == site.experience.instance_type
    path = f"{VAULT}/replicationEvents?api-version=2025-08-01&$filter=EventType eq 'JobStatus'"
    assert [event["id"] for event in site.get(path)["value"]] == [newest["id"]]
    health = site.client.replication_vault_health.get(GROUP_NAME, VAULT_NAME).properties
    counts = health.protected_items_health.categorized_resource_counts
    assert health.protected_items_health.resource_count == 2
    assert counts["testFailoverApplicableProtectedItemsCount"] == 2
    issues = health.protected_items_health.issues
    assert tuple(issue.summary_code for issue in issues) == site.experience.untested_warning
    assert {len(issue.affected_resource_correlation_ids) for issue in issues} <= {2}
    site.client.replication_vault_health.begin_refresh(GROUP_NAME, VAULT_NAME).result()


def test_every_accepted_change_is_audited_with_its_machine_and_job(site: Site) -> None:
    accepted = site.fail_over(WEB)
    entry = site.world.audited()[-1]
    assert entry["operation"] == "ReplicationProtectedItems_UnplannedFailover"
    assert entry["resource"] == site.item(WEB)
    assert entry["machine"] == "web-01"
    assert accepted.headers["x-ms-request-id"].endswith(entry["job"])


def jobs(site: Site, text: str = "") -> Any:
    query = f"&$filter={text}" if text else ""
    return site.get(f"{VAULT}/replicationJobs?api-version=2025-08-01{query}")["value"]
