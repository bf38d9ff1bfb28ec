"""Recovery plans that fail or are stopped: by machines, actions and people."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from tests.copies import copied
from tests.emulator.plans import recovery_plans_support as plans
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP_NAME,
    VAULT,
    VAULT_NAME,
    Site,
)

DB, APP, APP_2, WEB = (support.windows(number) for number in (1, 2, 3, 4))
FLEET = (DB, APP, APP_2, WEB)
BROKEN = {
    "errorCode": "28075",
    "errorMessage": "It broke.",
    "possibleCauses": "Chance.",
    "recommendedAction": "Try again.",
}


@copied
def protected() -> Site:
    site = Site(FLEET).prepare()
    for machine in FLEET:
        site.protect(machine)
    return site


@pytest.fixture
def site() -> Site:
    return protected()


def tiers(site: Site, **changes: Any) -> None:
    plans.create(
        site,
        plans.group(site, DB),
        plans.group(site, APP, APP_2, **changes),
        plans.group(site, WEB),
    )


def over(site: Site) -> list[str]:
    return [
        entry["machine"]
        for entry in site.world.audited()
        if entry["operation"] == "ReplicationProtectedItems_UnplannedFailover"
    ]


def test_a_machine_that_fails_in_the_middle_stops_later_groups_not_its_own(site: Site) -> None:
    tiers(site)
    site.fault(operation="UnplannedFailover", match="web-02", job=BROKEN)
    job = plans.ended(site, plans.fail_over(site))
    assert (job["state"], job["allowedActions"]) == ("Failed", [])
    assert job["errors"][0]["serviceErrorDetails"]["message"] == "It broke."
    assert job["errors"][0]["providerErrorDetails"]["recommendedAction"] == "Try again."
    assert plans.states(job) == {
        "Prerequisites check for failover": "Succeeded",
        "All groups shutdown": "Succeeded",
        "All groups failover": "Succeeded",
        "Group 1: Start": "Succeeded",
        "Group 2: Start": "Failed",
        "Group 3: Start": "NotStarted",
    }
    broken, other = plans.children(job, "Group 2: Start")
    assert (broken["state"], other["state"]) == ("Failed", "Succeeded")
    assert broken["errors"] == job["errors"]
    assert job["errors"][0]["taskId"] == broken["taskId"]
    assert set(site.virtual_machines()) == {"web-01", "web-03"}
    assert "UnplannedFailover" in site.properties(APP)["allowedOperations"]
    assert "UnplannedFailover" in site.properties(WEB)["allowedOperations"]
    plan = plans.plan(site)
    assert (plan["currentScenarioStatus"], plan["currentScenarioStatusDescription"]) == (
        *("Failed", "Failed"),
    )
    assert plan["allowedOperations"] == ["UnplannedFailover", "TestFailover", "Commit"]
    assert "lastUnplannedFailoverTime" not in plan


def test_the_same_plan_run_again_does_the_rest_and_nothing_twice(site: Site) -> None:
    tiers(site)
    site.fault(operation="UnplannedFailover", match="web-02", job=BROKEN)
    plans.ended(site, plans.fail_over(site))
    job = plans.ended(site, plans.fail_over(site))
    assert job["state"] == "Succeeded"
    told = [task["stateDescription"] for task in plans.children(job, "Group 2: Start")]
    assert told == ["Completed", "Skipped"]
    assert set(site.virtual_machines()) == {machine.name for machine in FLEET}
    assert over(site) == ["web-01", "web-02", "web-03", "web-02", "web-04"]


def test_what_a_plan_left_is_failed_over_one_by_one(site: Site) -> None:
    tiers(site)
    site.fault(operation="UnplannedFailover", match="web-02", job=BROKEN)
    plans.ended(site, plans.fail_over(site))
    for machine in (APP, WEB):
        assert site.finished(site.fail_over(machine))["state"] == "Succeeded"
    assert plans.plan(site)["allowedOperations"] == ["Commit"]


def test_a_failed_machine_of_a_plan_is_restarted_by_its_own_job(site: Site) -> None:
    tiers(site)
    site.fault(operation="TestFailover", match="web-02", job=BROKEN)
    job = plans.ended(site, plans.begin_test(site))
    own = plans.children(job, "Group 2: Start")[0]["customDetails"]["jobTask"]["jobId"]
    assert site.get(own)["properties"]["allowedActions"] == ["Restart"]
    site.accepted("POST", f"{own}/restart")
    site.pass_time(minutes=5)
    assert "web-02-test" in site.virtual_machines()


def test_a_failed_test_is_cleaned_up_as_far_as_it_came(site: Site) -> None:
    tiers(site)
    site.fault(operation="TestFailover", match="web-02", job=BROKEN)
    assert plans.ended(site, plans.begin_test(site))["state"] == "Failed"
    assert plans.plan(site)["allowedOperations"] == [
        *("UnplannedFailover", "TestFailover", "TestFailoverCleanup"),
    ]
    status, code, message = site.refused(
        "POST", f"{plans.PLAN}/unplannedFailover", plans.failover_body()
    )
    assert (status, code) == (400, "OperationNotAllowed")
    assert "web-01" in message, "a machine under test is not failed over"
    job = plans.ended(site, plans.run(site, "testFailoverCleanup", {"properties": {}}))
    assert job["state"] == "Succeeded"
    assert site.virtual_machines() == {}
    assert plans.plan(site)["allowedOperations"] == ["UnplannedFailover", "TestFailover"]


def test_the_sdk_raises_what_the_machine_says(site: Site) -> None:
    tiers(site)
    site.fault(operation="UnplannedFailover", match="web-02", job=BROKEN)
    operations = site.client.replication_recovery_plans
    poller = operations.begin_unplanned_failover(*plans.AT, plans.failover_body())
    with pytest.raises(HttpResponseError, match="It broke") as raised:
        poller.result()
    assert raised.value.error is not None
    assert raised.value.error.code == "28075"


def test_a_plan_that_fails_its_check_touches_no_machine(site: Site) -> None:
    tiers(site)
    site.fault(operation="ReplicationRecoveryPlans_UnplannedFailover", job=BROKEN)
    job = plans.ended(site, plans.fail_over(site))
    assert job["state"] == "Failed"
    assert job["errors"][0]["taskId"] == job["tasks"][0]["taskId"]
    assert over(site) == []
    assert site.finished(site.fail_over(WEB))["state"] == "Succeeded", "nothing holds it"


def test_a_failing_runbook_does_not_stop_a_failover(site: Site) -> None:
    tiers(site, start=[plans.runbook("Open the gates")])
    site.fault(operation="AutomationRunbook", match="Open the gates", job=BROKEN)
    job = plans.ended(site, plans.fail_over(site))
    assert (job["state"], job["stateDescription"]) == ("Succeeded", "PartiallySucceeded")
    assert job["errors"][0]["serviceErrorDetails"]["message"] == "It broke."
    assert plans.children(job, "Group 2: Start")[0]["state"] == "Failed"
    assert set(site.virtual_machines()) == {machine.name for machine in FLEET}


def test_a_failing_runbook_stops_a_test(site: Site) -> None:
    tiers(site, start=[plans.runbook("Open the gates")])
    site.fault(operation="AutomationRunbook", job=BROKEN)
    assert plans.ended(site, plans.begin_test(site))["state"] == "Failed"
    assert set(site.virtual_machines()) == {"web-01-test"}


@pytest.mark.parametrize(("timeout", "seconds"), [("PT2M", 120), ("90", 90)])
def test_a_runbook_that_takes_too_long_fails(site: Site, timeout: str, seconds: int) -> None:
    tiers(site, start=[plans.runbook("Open the gates", timeout=timeout)])
    site.fault(operation="AutomationRunbook", delaySeconds=3600)
    job = plans.ended(site, plans.fail_over(site))
    message = job["errors"][0]["serviceErrorDetails"]["message"]
    assert f"within {seconds} seconds" in message


def test_a_script_ends_well_unless_told_otherwise(site: Site) -> None:
    details = {"instanceType": "ScriptActionDetails", "path": "a.ps1", "fabricLocation": "Recovery"}
    tiers(site, end=[plans.action("Script", details)])
    job = plans.ended(site, plans.fail_over(site))
    assert job["stateDescription"] == "Completed"
    script = plans.children(job, "Group 2: Start")[-1]
    assert script["customDetails"] == {
        "instanceType": "ScriptActionTaskDetails",
        "name": "Script",
        "path": "a.ps1",
        "output": None,
        "isPrimarySideScript": False,
    }


def test_a_plan_is_cancelled_while_it_waits_for_a_person(site: Site) -> None:
    tiers(site, start=[plans.manual("Look")])
    accepted = plans.fail_over(site)
    plans.paused(site, accepted)
    site.client.replication_jobs.begin_cancel(
        GROUP_NAME, VAULT_NAME, plans.name_of(accepted)
    ).result()
    job = plans.ended(site, accepted)
    assert (job["state"], plans.states(job)["Group 2: Start"]) == ("Cancelled", "Cancelled")
    assert plans.children(job, "Group 2: Start")[0]["state"] == "Cancelled"
    assert set(site.virtual_machines()) == {"web-01"}
    assert "UnplannedFailover" in site.properties(APP)["allowedOperations"]
    assert plans.paused(site, plans.fail_over(site))["errors"] == []


def test_a_cancelled_plan_lets_its_machines_finish_and_starts_no_more(site: Site) -> None:
    tiers(site)
    accepted = plans.fail_over(site)
    site.pass_time(seconds=40)
    site.accepted("POST", f"{VAULT}/replicationJobs/{plans.name_of(accepted)}/cancel")
    site.pass_time(seconds=20)
    assert site.job(accepted)["state"] == "Cancelling"
    assert plans.ended(site, accepted)["state"] == "Cancelled"
    assert set(site.virtual_machines()) == {"web-01"}
    assert over(site) == ["web-01"]


def test_a_machine_that_is_purged_from_a_running_plan_fails_it(site: Site) -> None:
    tiers(site)
    accepted = plans.fail_over(site)
    site.pass_time(seconds=40)
    assert site.call("DELETE", site.item(DB)).status == 202
    job = plans.ended(site, accepted)
    assert job["state"] == "Failed"
    assert over(site) == ["web-01"]
    site.pass_time(minutes=1)
    members = [group["replicationProtectedItems"] for group in plans.plan(site)["groups"]]
    assert [len(group) for group in members] == [0, 0, 0, 2, 1]


def test_a_machine_that_was_purged_before_its_turn_is_skipped(site: Site) -> None:
    tiers(site, start=[plans.manual("Look")])
    accepted = plans.fail_over(site)
    plans.paused(site, accepted)
    site.finished(site.call("DELETE", site.item(WEB)))
    plans.resume(site, accepted)
    job = plans.ended(site, accepted)
    assert job["state"] == "Succeeded"
    assert plans.children(job, "Group 3: Start")[0]["stateDescription"] == "Skipped"


def test_without_a_point_of_the_kind_the_machine_fails(site: Site) -> None:
    bare = support.windows(9)
    site = Site([bare]).prepare()
    site.protect(bare)
    plans.create(site, plans.group(site, bare))
    job = plans.ended(site, plans.fail_over(site, "LatestApplicationConsistent"))
    assert job["state"] == "Failed"
    assert job["errors"][0]["serviceErrorDetails"]["code"] == "RecoveryPointNotFound"
    assert plans.children(job, "Group 1: Start")[0]["state"] == "Failed"
