"""The oddities of the real service that break real clients, one test each."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from emulator.kernel.wire import Request
from emulator.recovery_services.wire import paths
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP_NAME,
    VAULT,
    VAULT_NAME,
    Classic,
    Site,
)

WEB = support.windows(1)


@pytest.fixture
def site(experience: Classic) -> Site:
    return Site([WEB], experience=experience).prepare()


@pytest.fixture
def classic() -> Site:
    return Site([WEB]).prepare()


def poll(site: Site, url: str) -> Any:
    headers = {"Authorization": f"Bearer {site.token}", "Host": "127.0.0.1:5000"}
    return site.world.handle(Request.of("GET", url, headers))


def test_a_202_has_an_empty_body_and_says_where_and_when_to_poll(site: Site) -> None:
    site.protectable(WEB)
    response = site.accepted("PUT", site.item(WEB), site.enable_body(WEB))
    assert response.content() == b""
    assert response.headers["Retry-After"] == "30"
    job = response.headers["x-ms-request-id"]
    name = job.rpartition("/")[2]
    assert job == f"{paths.service_id(VAULT)}/replicationJobs/{name}"
    location = response.headers["Location"].partition("?")[0]
    assert location == f"http://localhost:5000{site.item(WEB)}/operationresults/{name}"
    status = response.headers["Azure-AsyncOperation"].partition("?")[0]
    assert status.endswith(f"/vaults/rsv-migration/replicationOperationStatus/{name}")


def test_short_operations_have_no_job_in_their_request_id(site: Site) -> None:
    response = site.accepted("PUT", f"{VAULT}/replicationPolicies/b", site.experience.policy())
    assert "/replicationJobs/" not in response.headers["x-ms-request-id"]
    assert site.finished(response)["state"] == "Succeeded"


def test_poll_urls_are_signed_and_of_an_older_api_version(site: Site) -> None:
    response = site.accepted("PUT", f"{VAULT}/replicationPolicies/b", site.experience.policy())
    for header in ("Location", "Azure-AsyncOperation"):
        url = response.headers[header]
        assert len(url) > 2000
        assert re.findall(r"[?&]([\w-]+)=", url) == ["api-version", "t", "c", "s", "h"]
        assert "api-version=2021-06-01&" in url
        assert poll(site, url).status in (200, 202)


@pytest.mark.parametrize(
    ("asked", "polled"),
    [
        ("127.0.0.1:5000", "http://localhost:5000/"),
        ("localhost:5000", "http://127.0.0.1:5000/"),
        ("localhost", "http://127.0.0.1/"),
        ("management.azure.com", "https://westeurope.management.azure.com/"),
    ],
)
def test_polls_go_to_another_host_than_the_request(site: Site, asked: str, polled: str) -> None:
    headers = {"Authorization": f"Bearer {site.token}", "Host": asked}
    path = f"{VAULT}/replicationPolicies/b?api-version=2025-08-01"
    body = json.dumps(site.experience.policy()).encode()
    response = site.world.handle(Request.of("PUT", path, headers, body))
    for header in ("Location", "Azure-AsyncOperation"):
        assert response.headers[header].startswith(polled)


def test_the_sdk_polls_the_other_host_over_http_with_its_token(site: Site) -> None:
    asked = []

    def note(pipeline: Any) -> None:
        request = pipeline.http_request
        asked.append((urlsplit(request.url).hostname, "Authorization" in request.headers))

    with site.over_http() as client:
        client.replication_policies.begin_create(
            GROUP_NAME, VAULT_NAME, "b", site.experience.policy(), raw_request_hook=note
        ).result()
    (first, *polls, last) = asked
    assert first == ("127.0.0.1", True)
    assert polls
    assert set(polls) == {("localhost", True)}
    assert last == ("127.0.0.1", True)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda url: url.partition("&t=")[0],
        lambda url: url.partition("?")[0] + "?api-version=2025-08-01",
        lambda url: url.replace("&s=", "&s=A"),
        lambda url: url.replace("&h=", "&h=A"),
        lambda url: url.replace("&t=6", "&t=7"),
        lambda url: url.replace("2021-06-01", "2025-08-01"),
    ],
)
def test_a_poll_url_that_was_rebuilt_is_refused(site: Site, spoil: Any) -> None:
    response = site.accepted("PUT", f"{VAULT}/replicationPolicies/b", site.experience.policy())
    for header in ("Location", "Azure-AsyncOperation"):
        refusal = poll(site, spoil(response.headers[header]))
        assert refusal.status == 403
        assert refusal.body["error"]["code"] == "InvalidAsyncOperationToken"


def test_a_poll_url_of_one_operation_does_not_open_another(site: Site) -> None:
    first = site.accepted("PUT", f"{VAULT}/replicationPolicies/b", site.experience.policy())
    second = site.accepted("PUT", f"{VAULT}/replicationPolicies/c", site.experience.policy())
    url, other = (r.headers["Azure-AsyncOperation"] for r in (first, second))
    swapped = other.partition("?")[0] + "?" + url.partition("?")[2]
    assert poll(site, swapped).status == 403


def test_the_operation_status_has_nulls_and_its_result_the_resource(site: Site) -> None:
    response = site.accepted("PUT", f"{VAULT}/replicationPolicies/b", site.experience.policy())
    status = poll(site, response.headers["Azure-AsyncOperation"])
    assert status.headers["Retry-After"] == "30"
    assert status.body | {"name": "", "startTime": ""} == {
        **{"error": None, "id": None, "name": "", "properties": None, "status": "InProgress"},
        **{"startTime": "", "endTime": None, "percentComplete": None},
    }
    assert poll(site, response.headers["Location"]).status == 202
    site.finished(response)
    status = poll(site, response.headers["Azure-AsyncOperation"])
    assert status.body["status"] == "Succeeded"
    assert status.body["endTime"].endswith(".0000000Z")
    result = poll(site, response.headers["Location"])
    assert result.body["name"] == "b"


def test_the_result_of_a_removal_is_204(site: Site) -> None:
    site.protect(WEB)
    response = site.remove(WEB)
    site.finished(response)
    result = poll(site, response.headers["Location"])
    assert (result.status, result.content()) == (204, b"")


def test_an_operation_may_not_have_started_yet(site: Site) -> None:
    mapping = f"{site.container}/replicationProtectionContainerMappings"
    site.finished(site.accepted("POST", f"{mapping}/mapping/remove", {"properties": {}}))
    response = site.accepted("PUT", f"{mapping}/again", site.experience.mapping(site.policy))
    assert poll(site, response.headers["Azure-AsyncOperation"]).body["status"] == "NotStarted"
    site.pass_time(seconds=4)
    assert poll(site, response.headers["Azure-AsyncOperation"]).body["status"] == "InProgress"


def test_ids_come_back_with_a_capital_s_and_are_found_in_any_case(site: Site) -> None:
    for path in (f"{VAULT}/replicationFabrics", f"{VAULT}/replicationPolicies"):
        assert all(r["id"].startswith("/Subscriptions/") for r in site.get(path)["value"])
    assert site.get(site.container.upper())["name"] == site.container.rpartition("/")[2]


def test_enable_comes_back_as_enabled(classic: Site) -> None:
    details = classic.get(classic.policy)["properties"]["providerSpecificDetails"]
    assert details["multiVmSyncStatus"] == "Enabled"
    assert details["recoveryPointHistory"] == 1440


def test_a_modernized_list_leaves_out_disks_interfaces_and_tags_only() -> None:
    site = Site([WEB], experience=support.MODERNIZED).prepare()
    site.protect(WEB)
    site.finished(site.test_failover(WEB))
    site.finished(site.clean_up(WEB))
    (listed,) = site.get(f"{VAULT}/replicationProtectedItems")["value"]
    full = site.get(site.item(WEB))
    listed, full = (
        found["properties"] | found["properties"]["providerSpecificDetails"]
        for found in (listed, full)
    )
    differ = {name for name in full if listed[name] != full[name]}
    assert differ == {
        "providerSpecificDetails",
        "protectedDisks",
        "vmNics",
        "agentUpgradeBlockingErrorDetails",
        "targetVmTags",
        "seedManagedDiskTags",
        "targetManagedDiskTags",
        "targetNicTags",
        "supportedOSVersions",
    }
    assert listed["vmNics"] == listed["protectedDisks"] == listed["targetVmTags"] == []
    assert listed["targetNicTags"] is None
    assert listed["processorCoreCount"] == 2
    assert "/cloud_" in listed["failoverRecoveryPointId"]


def test_while_a_modernized_machine_is_enabled_its_target_is_not_known() -> None:
    site = Site([WEB], experience=support.MODERNIZED).prepare()
    accepted = site.accepted("PUT", site.item(WEB), site.enable_body(WEB))
    details = site.properties(WEB)["providerSpecificDetails"]
    assert (details["targetVmName"], details["osType"], details["vmNics"]) == (None, None, [])
    assert details["processorCoreCount"] == 0
    assert "lastHeartbeatUtc" not in details["mobilityAgentDetails"]
    site.finished(accepted)
    details = site.properties(WEB)["providerSpecificDetails"]
    assert (details["targetVmName"], details["osType"]) == ("web-01", "Windows")


def test_a_modernized_machine_warns_a_day_after_it_was_protected_or_at_an_update() -> None:
    other = support.windows(2)
    site = Site([WEB, other], experience=support.MODERNIZED).prepare()
    for machine in (WEB, other):
        site.protect(machine)
        assert site.properties(machine)["healthErrors"] == []
    body = site.experience.update("web-new", "Standard_D2s_v3", {})
    site.finished(site.accepted("PATCH", site.item(WEB), body))
    assert site.properties(WEB)["healthErrors"][0]["errorCode"] == "161011"
    assert site.properties(other)["healthErrors"] == []
    site.pass_time(hours=24)
    properties = site.properties(other)
    assert properties["healthErrors"][0]["errorId"] == "6:15"
    assert (properties["replicationHealth"], properties["failoverHealth"]) == ("Normal", "Warning")


def test_a_list_has_less_detail_than_a_get(classic: Site) -> None:
    classic.protect(WEB)
    (listed,) = classic.get(f"{VAULT}/replicationProtectedItems")["value"]
    details = listed["properties"]["providerSpecificDetails"]
    assert details["protectedDisks"] == []
    assert details["masterTargetId"] is None
    assert details["sourceVmCpuCount"] == 0
    details = classic.properties(WEB)["providerSpecificDetails"]
    assert [disk["diskCapacityInBytes"] for disk in details["protectedDisks"]] == [30 * 1024**3]
    assert details["masterTargetId"] == classic.host
    assert details["sourceVmCpuCount"] == 2


def test_an_idle_item_runs_a_scenario_named_none_since_1753(site: Site) -> None:
    site.protect(WEB)
    scenario = site.properties(WEB)["currentScenario"]
    assert scenario == {
        "scenarioName": "None",
        "jobId": f"{paths.service_id(VAULT)}/replicationJobs/None",
        "startTime": "1753-01-01T01:01:01Z",
    }


def test_times_that_are_not_known_are_of_the_year_one(site: Site) -> None:
    site.protect(WEB)
    job = site.job(site.test_failover(WEB))
    assert "endTime" not in job
    assert job["tasks"][-1]["startTime"] == "0001-01-01T00:00:00"
    assert job["tasks"][-1]["state"] == "NotStarted"
    name = site.get(f"{VAULT}/replicationJobs")["value"][0]["name"]
    read = site.client.replication_jobs.get(GROUP_NAME, VAULT_NAME, name)
    assert read.properties.tasks[-1].start_time == datetime(1, 1, 1)


def test_for_one_poll_all_tasks_are_done_and_their_job_is_not(site: Site) -> None:
    site.protect(WEB)
    accepted = site.test_failover(WEB)
    disagreed = 0
    while (job := site.job(accepted))["state"] == "InProgress":
        disagreed += all(task["state"] == "Succeeded" for task in job["tasks"])
        site.pass_time(seconds=30)
    assert disagreed == 1


def test_a_discovery_is_done_before_its_task(classic: Site) -> None:
    job = classic.discover(WEB)
    assert job["state"] == "Succeeded"
    (task,) = job["tasks"]
    assert (task["state"], task["endTime"]) == ("InProgress", "0001-01-01T00:00:00")


def test_the_boot_task_ends_before_it_starts(site: Site) -> None:
    site.protect(WEB)
    boot = site.finished(site.test_failover(WEB))["tasks"][-1]
    assert (boot["taskId"], boot["name"]) == ("BootTestProtectedEntitiesTask", "VmTfoBootTestVm")
    assert (boot["endTime"] < boot["startTime"]) == site.experience.boots_before_it_starts


def test_a_test_environment_waits_and_leaves_a_mark(site: Site) -> None:
    site.protect(WEB)
    assert site.properties(WEB)["testFailoverState"] == "None"
    site.finished(site.test_failover(WEB))
    properties = site.properties(WEB)
    assert properties["testFailoverState"] == "WaitingForCompletion"
    assert properties["protectionStateDescription"] == "Cleanup test failover pending"
    assert properties["currentScenario"]["scenarioName"] == "TestFailover"
    site.finished(site.clean_up(WEB))
    site.pass_time(hours=3)
    properties = site.properties(WEB)
    assert properties["testFailoverState"] == "MarkedForDeletion"
    assert properties["testFailoverStateDescription"] == "Cleaning up test environment"
    assert properties["allowedOperations"] == [
        *("UnplannedFailover", "DisableProtection", "TestFailover"),
    ]


def test_a_machine_that_was_never_tested_warns(classic: Site) -> None:
    classic.protect(WEB)
    properties = classic.properties(WEB)
    assert (properties["replicationHealth"], properties["failoverHealth"]) == ("Normal", "Warning")
    assert [error["errorCode"] for error in properties["healthErrors"]] == ["161011"]
    assert "lastSuccessfulTestFailoverTime" not in properties
    classic.finished(classic.test_failover(WEB))
    assert classic.properties(WEB)["healthErrors"] == []


def test_a_name_that_is_taken_in_azure_is_changed_and_the_operation_says_so(site: Site) -> None:
    other = support.windows(2)
    site.add(other)
    site.protect(WEB)
    site.finished(site.fail_over(WEB))
    body = site.enable_body(other, **site.experience.named(vm_name="web-01"))
    accepted = site.accepted("PUT", site.item(other), body)
    status = poll(site, accepted.headers["Azure-AsyncOperation"]).body
    assert (status["status"], status["error"]["code"]) == ("InProgress", site.experience.name_taken)
    site.finished(accepted)
    site.pass_time(hours=2)
    accepted = site.fail_over(other)
    assert site.finished(accepted)["state"] == "Succeeded"
    status = poll(site, accepted.headers["Azure-AsyncOperation"]).body
    assert (status["status"], status["error"]["code"]) == ("Succeeded", "28175")
    names = set(site.virtual_machines())
    assert len(names) == 2
    assert any(re.fullmatch(r"web-01-[0-9a-f-]{36}", name) for name in names)


def test_delete_is_a_purge_and_cleans_nothing_up(site: Site) -> None:
    site.protect(WEB)
    site.finished(site.test_failover(WEB))
    response = site.accepted("DELETE", site.item(WEB))
    job = site.finished(response)
    assert job["scenarioName"] == "PurgeVm"
    assert site.call("GET", site.item(WEB)).status == 404
    assert site.world.audited()[-1]["operation"] == "ReplicationProtectedItems_Purge"
    guests = site.call("GET", "/_emulator/guests?").body
    (web,) = [g for g in guests["machines"] if g["name"] == "web-01"]
    assert web["agent"] is not None
    assert set(site.virtual_machines()) == {"web-01-test"}
    assert site.call("DELETE", site.item(WEB)).status == 204


def test_a_purge_stops_what_runs(site: Site) -> None:
    site.protect(WEB)
    running = site.test_failover(WEB)
    site.finished(site.accepted("DELETE", site.item(WEB)))
    assert site.job(running)["state"] == "Cancelled"
    site.pass_time(hours=1)
    assert site.virtual_machines() == {}


def test_a_job_and_its_item_use_different_words_for_enabling(site: Site) -> None:
    site.accepted("PUT", site.item(WEB), site.enable_body(WEB))
    properties = site.properties(WEB)
    assert properties["currentScenario"]["scenarioName"] == "EnableProtection"
    job = site.get(properties["currentScenario"]["jobId"])
    assert job["properties"]["scenarioName"] == "EnableDr"


def test_initial_replication_ends_with_a_job_that_nobody_began(site: Site) -> None:
    site.protect(WEB)
    jobs = [j["properties"]["scenarioName"] for j in site.get(f"{VAULT}/replicationJobs")["value"]]
    assert jobs[:2] == ["SecondaryIrCompletion", "PrimaryIrCompletion"]
    assert all(
        e["operation"] != "_ReplicationProtectedItems_Finalize" for e in site.world.audited()
    )


def test_lists_page_with_a_skip_token(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    machines = [support.windows(number) for number in range(2, 7)]
    for machine in machines:
        site.add(machine)
    for machine in machines:
        site.accepted("PUT", site.item(machine), site.enable_body(machine))
    monkeypatch.setattr(paths, "PAGE_SIZE", 2)
    first = site.get(f"{VAULT}/replicationProtectedItems")
    assert len(first["value"]) == 2
    assert "skipToken=" in first["nextLink"]
    items = list(site.client.replication_protected_items.list(GROUP_NAME, VAULT_NAME))
    assert [item.name for item in items] == [machine.name for machine in machines]
    bad = f"{VAULT}/replicationProtectedItems?api-version=2025-08-01&skipToken=x"
    assert site.refused("GET", bad)[:2] == (400, "InvalidSkipToken")


def test_old_and_new_api_versions_are_answered_side_by_side(site: Site) -> None:
    for version in (
        "2018-01-10",
        "2022-08-01",
        "2024-04-01",
        "2024-10-01",
        "2025-08-01",
        "2026-06-01",
    ):
        assert site.call("GET", f"{VAULT}/replicationFabrics", version=version).status == 200
