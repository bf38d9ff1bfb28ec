"""A wave with a recovery plan fails over as one, in order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.outcome import Status
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from site_recovery.recovery_plan import Group, ManualAction, Plan
from tests.convergence.fleet import STRICT, Fleet
from tests.emulator.recovery_services.site_recovery_support import VAULT

PLAN = Plan("dev-shop", (Group(("db-01",)), Group(("web-01", "web-02"))))
PAUSE = Plan(
    "dev-shop",
    (Group(("db-01",)), Group(("web-01", "web-02"), pre=(ManualAction("check the database"),))),
)
ERROR = {
    "errorCode": "150097",
    "errorMessage": "The disk is not consistent",
    "possibleCauses": "The machine was under load",
    "recommendedAction": "Run it again at night",
}


def plan_of(fleet: Fleet) -> dict[str, Any]:
    plan = fleet.site.get(f"{VAULT}/replicationRecoveryPlans/dev-shop")
    properties: dict[str, Any] = plan["properties"]
    return properties


def _operations(fleet: Fleet, prefix: str) -> list[str]:
    operations = [entry["operation"] for entry in fleet.site.world.audited()]
    return [op.removeprefix(prefix) for op in operations if op.startswith(prefix)]


def test_the_plan_is_made_once_all_machines_are_protected(fleet: Fleet) -> None:
    fleet.drive(Phase.PROTECTED, plan=PlanOrder(PLAN))
    boot = [group for group in plan_of(fleet)["groups"] if group["groupType"] == "Boot"]
    assert [len(group["replicationProtectedItems"]) for group in boot] == [1, 2]


def test_a_machine_whose_target_changes_is_tested_anew_beside_its_plan(
    quiet_fleet: Fleet,
) -> None:
    fleet = quiet_fleet
    fleet.drive(Phase.TEST_FAILOVER, plan=PlanOrder(PLAN))
    fleet.targets["web-01"] = {"vm_size": "Standard_D8s_v5"}
    outcomes = fleet.drive(Phase.TEST_FAILOVER, plan=PlanOrder(PLAN))
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert _operations(fleet, "ReplicationRecoveryPlans_")[1:] == ["TestFailover"]
    assert fleet.accepted("web-01")[-3:] == [
        "ReplicationProtectedItems_TestFailoverCleanup",
        "ReplicationProtectedItems_Update",
        "ReplicationProtectedItems_TestFailover",
    ]


def test_machines_that_all_change_are_tested_anew_through_their_plan(quiet_fleet: Fleet) -> None:
    fleet = quiet_fleet
    fleet.drive(Phase.TEST_FAILOVER, plan=PlanOrder(PLAN))
    fleet.targets = {name: {"vm_size": "Standard_D8s_v5"} for name in fleet.machines}
    outcomes = fleet.drive(Phase.TEST_FAILOVER, plan=PlanOrder(PLAN))
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    walked = ["TestFailover", "TestFailoverCleanup", "TestFailover"]
    assert _operations(fleet, "ReplicationRecoveryPlans_")[1:] == walked


def test_a_wave_walks_through_its_plan(fleet: Fleet) -> None:
    for phase in (Phase.TEST_FAILOVER, Phase.PROTECTED, Phase.TEST_FAILOVER, Phase.MIGRATED):
        outcomes = fleet.drive(phase, plan=PlanOrder(PLAN), rules=STRICT)
        assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    walked = [
        "TestFailover",
        "TestFailoverCleanup",
        "TestFailover",
        "TestFailoverCleanup",
        "UnplannedFailover",
    ]
    assert _operations(fleet, "ReplicationRecoveryPlans_")[1:] == walked
    # Earlier operations enable protection and, in classic, discover the machines.
    before = 2 if fleet.experience.name == "classic" else 1
    for machine in fleet.machines:
        its = [op.removeprefix("ReplicationProtectedItems_") for op in fleet.accepted(machine)]
        assert its[before:-1] == walked


def test_a_later_group_boots_when_the_one_before_is_up(fleet: Fleet) -> None:
    fleet.drive(Phase.FAILED_OVER, plan=PlanOrder(PLAN))
    ended = {
        job["properties"]["targetObjectName"]: job["properties"]
        for job in fleet.site.get(f"{VAULT}/replicationJobs")["value"]
        if job["properties"]["scenarioName"] == "UnplannedFailover"
    }
    for later in ("web-01", "web-02"):
        # Compared as times and not as text, because whole seconds have no fraction.
        started, before = ended[later]["startTime"], ended["db-01"]["endTime"]
        assert datetime.fromisoformat(started) >= datetime.fromisoformat(before)


def test_progress_tells_group_and_machines(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive(Phase.FAILED_OVER, plan=PlanOrder(PLAN))
    statuses = quiet_fleet.reporter.statuses
    assert any("Group 1: Start (Failover: db-01)" in status for status in statuses)
    assert any("Group 2: Start (Failover: web-01, Failover: web-02)" in s for s in statuses)


def test_a_machine_that_is_behind_holds_the_plan(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive({"web-01": Phase.PROTECTED, "web-02": Phase.PROTECTED})
    quiet_fleet.reporter.statuses.clear()
    quiet_fleet.drive(Phase.FAILED_OVER, plan=PlanOrder(PLAN))
    assert any("waits for db-01" in status for status in quiet_fleet.reporter.statuses)


def test_a_machine_that_cannot_be_protected_stops_the_plan_and_says_so(
    quiet_fleet: Fleet,
) -> None:
    quiet_fleet.fault(operation="EnableDr", match="db-01", job=ERROR)
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER, plan=PlanOrder(PLAN))
    assert ERROR["errorMessage"] in outcomes["db-01"].message
    assert "does not run while" in outcomes["web-01"].message
    assert "db-01" in outcomes["web-01"].message
    assert _operations(quiet_fleet, "ReplicationRecoveryPlans_") == []


def test_a_manual_action_pauses_and_says_how_to_go_on(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive(Phase.PROTECTED, plan=PlanOrder(PAUSE))
    paused = quiet_fleet.drive(Phase.FAILED_OVER, plan=PlanOrder(PAUSE), wait=timedelta(hours=1))
    waiting = [o for o in paused.values() if o.status is Status.PENDING]
    assert waiting
    assert all("check the database" in o.message and "/resume" in o.message for o in waiting)
    _resume(quiet_fleet)
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER, plan=PlanOrder(PAUSE))
    assert {o.observed.stage for o in outcomes.values()} == {Stage.FAILED_OVER}
    assert _operations(quiet_fleet, "ReplicationRecoveryPlans_").count("UnplannedFailover") == 1


def _resume(fleet: Fleet) -> None:
    jobs = fleet.site.get(f"{VAULT}/replicationJobs")["value"]
    [job] = [
        j
        for j in jobs
        if j["properties"]["targetObjectName"] == "dev-shop"
        and j["properties"]["state"] in ("Suspended", "InProgress")
    ]
    response = fleet.site.call("POST", f"{job['id']}/resume", {"properties": {"comments": "done"}})
    assert response.status == 202, response.body


THREE = Plan("dev-shop", (Group(("db-01",)), Group(("web-01",)), Group(("web-02",))))


@pytest.mark.parametrize("machine", ["db-01", "web-01", "web-02"])
def test_a_machine_that_fails_in_the_plan_fails_alone_and_the_next_run_goes_on(
    quiet_fleet: Fleet, machine: str
) -> None:
    quiet_fleet.drive(Phase.PROTECTED, plan=PlanOrder(THREE))
    quiet_fleet.fault(operation="UnplannedFailover", match=machine, job=ERROR)
    first = quiet_fleet.drive(Phase.FAILED_OVER, plan=PlanOrder(THREE))
    assert first[machine].status is Status.FAILED
    assert ERROR["errorMessage"] in first[machine].message
    before = ["db-01", "web-01", "web-02"][: ["db-01", "web-01", "web-02"].index(machine)]
    assert {name for name, o in first.items() if o.status is Status.SATISFIED} == set(before)
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER, plan=PlanOrder(THREE))
    for name in before:
        assert quiet_fleet.accepted(name).count("ReplicationProtectedItems_UnplannedFailover") == 1
    assert {o.observed.stage for o in outcomes.values()} == {Stage.FAILED_OVER}


@pytest.mark.parametrize("operation", ["Create", "Get"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_plan_is_asked_for_again_where_the_service_is_busy(
    quiet_fleet: Fleet, operation: str, status: int
) -> None:
    quiet_fleet.fault(
        operation=f"ReplicationRecoveryPlans_{operation}",
        status=status,
        code="Busy",
        message="later",
        times=6 if operation == "Get" else 2,
    )
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER, plan=PlanOrder(PLAN))
    assert {o.observed.stage for o in outcomes.values()} == {Stage.FAILED_OVER}
    assert _operations(quiet_fleet, "ReplicationRecoveryPlans_").count("Create") == 1


def test_a_plan_that_cannot_be_created_fails_its_machines(quiet_fleet: Fleet) -> None:
    quiet_fleet.fault(
        operation="ReplicationRecoveryPlans_Create",
        status=503,
        code="Busy",
        message="later",
        times=50,
    )
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER, plan=PlanOrder(PLAN))
    assert {o.status for o in outcomes.values()} == {Status.FAILED}
    assert all("dev-shop" in o.message for o in outcomes.values())


@pytest.mark.parametrize("killed", [False, True])
def test_machines_that_got_through_a_plan_that_failed_go_on(
    quiet_fleet: Fleet, killed: bool
) -> None:
    quiet_fleet.drive(Phase.PROTECTED, plan=PlanOrder(PLAN))
    quiet_fleet.fault(operation="UnplannedFailover", match="web-01", job=ERROR)
    if killed:
        left = iter(range(3))
        quiet_fleet.drive(
            Phase.MIGRATED, plan=PlanOrder(PLAN), may_submit=lambda: next(left, None) is not None
        )
    outcomes = quiet_fleet.drive(Phase.MIGRATED, plan=PlanOrder(PLAN))
    assert outcomes["web-01"].status is Status.FAILED
    assert ERROR["errorMessage"] in outcomes["web-01"].message
    assert outcomes["db-01"].observed.stage is Stage.MIGRATED
    assert outcomes["web-02"].observed.stage is Stage.MIGRATED


def test_changed_groups_are_updated_before_the_failover(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive(Phase.TEST_FAILOVER, plan=PlanOrder(PLAN))
    turned = Plan("dev-shop", (Group(("web-01", "web-02")), Group(("db-01",))))
    quiet_fleet.drive(Phase.FAILED_OVER, plan=PlanOrder(turned, PLAN))
    boot = [g for g in plan_of(quiet_fleet)["groups"] if g["groupType"] == "Boot"]
    assert [len(g["replicationProtectedItems"]) for g in boot] == [2, 1]


def test_groups_that_someone_changes_meanwhile_are_put_right_before_the_failover(
    quiet_fleet: Fleet,
) -> None:
    quiet_fleet.drive(Phase.TEST_FAILOVER, plan=PlanOrder(PLAN))
    groups = plan_of(quiet_fleet)["groups"]
    groups[-1]["replicationProtectedItems"].pop()
    plan = f"{VAULT}/replicationRecoveryPlans/dev-shop"
    changed: list[bool] = []

    def by_hand() -> bool:
        cleaned = "TestFailoverCleanup" in _operations(quiet_fleet, "ReplicationRecoveryPlans_")
        if cleaned and not any(changed):
            body = {"properties": {"groups": groups}}
            # The service refuses this while the plan runs.
            changed.append(quiet_fleet.site.call("PATCH", plan, body).status == 202)
        return True

    outcomes = quiet_fleet.drive(Phase.FAILED_OVER, plan=PlanOrder(PLAN), may_submit=by_hand)
    assert changed[-1]
    walked = _operations(quiet_fleet, "ReplicationRecoveryPlans_")
    assert walked[-4:] == ["TestFailoverCleanup", "Update", "Update", "UnplannedFailover"]
    assert {o.observed.stage for o in outcomes.values()} == {Stage.FAILED_OVER}


def test_an_action_added_by_hand_is_told_and_kept(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive(Phase.PROTECTED, plan=PlanOrder(PLAN))
    groups = plan_of(quiet_fleet)["groups"]
    groups[-1]["endGroupActions"] = [
        {
            "actionName": "call the owner",
            "failoverTypes": ["TestFailover"],
            "failoverDirections": ["PrimaryToRecovery"],
            "customDetails": {
                "instanceType": "ManualActionDetails",
                "description": "call the owner",
            },
        }
    ]
    plan = f"{VAULT}/replicationRecoveryPlans/dev-shop"
    quiet_fleet.site.finished(
        quiet_fleet.site.accepted("PATCH", plan, {"properties": {"groups": groups}})
    )
    turned = Plan("dev-shop", (Group(("web-01",)), Group(("web-02", "db-01"))))
    quiet_fleet.drive(Phase.PROTECTED, plan=PlanOrder(turned, PLAN))
    actions = plan_of(quiet_fleet)["groups"][-1]["endGroupActions"]
    assert [action["actionName"] for action in actions] == ["call the owner"]
    assert any("call the owner" in event for event in quiet_fleet.reporter.events)


@pytest.mark.parametrize("rounds", [3, 5, 7])
def test_the_next_run_continues_a_run_that_was_killed_in_the_plan(
    quiet_fleet: Fleet, rounds: int
) -> None:
    quiet_fleet.drive(Phase.PROTECTED, plan=PlanOrder(PLAN))
    left = iter(range(rounds))
    quiet_fleet.drive(
        Phase.FAILED_OVER, plan=PlanOrder(PLAN), may_submit=lambda: next(left, None) is not None
    )
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER, plan=PlanOrder(PLAN))
    assert {o.observed.stage for o in outcomes.values()} == {Stage.FAILED_OVER}
    for machine in quiet_fleet.machines:
        failovers = [op for op in quiet_fleet.accepted(machine) if "UnplannedFailover" in op]
        assert len(failovers) == 1


def test_a_machine_leaves_the_plan_with_the_vault(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive(Phase.PROTECTED, plan=PlanOrder(PLAN))
    smaller = Plan("dev-shop", (Group(("db-01",)), Group(("web-01",))))
    outcomes = quiet_fleet.drive(
        {"web-01": Phase.PROTECTED, "db-01": Phase.PROTECTED, "web-02": None},
        plan=PlanOrder(smaller, PLAN),
    )
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert set(quiet_fleet.items()) == {"web-01", "db-01"}
    boot = [g for g in plan_of(quiet_fleet)["groups"] if g["groupType"] == "Boot"]
    assert [len(g["replicationProtectedItems"]) for g in boot] == [1, 1]


def test_a_plan_with_machines_of_someone_else_is_neither_changed_nor_run(
    quiet_fleet: Fleet,
) -> None:
    quiet_fleet.drive(Phase.PROTECTED, plan=PlanOrder(PLAN))
    ours = Plan("dev-shop", (Group(("db-01",)),))
    before = _operations(quiet_fleet, "ReplicationRecoveryPlans_")
    outcomes = quiet_fleet.drive({"db-01": Phase.FAILED_OVER}, plan=PlanOrder(ours))
    assert outcomes["db-01"].status is Status.FAILED
    assert "web-01, web-02" in outcomes["db-01"].message
    assert _operations(quiet_fleet, "ReplicationRecoveryPlans_") == before
