"""A failure of one machine is reported with its name, and does not stop the others."""

from __future__ import annotations

from emulator.kernel.wire import Response
from site_recovery.convergence.outcome import Status
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from tests.convergence.fleet import STRICT, Fleet
from tests.emulator.recovery_services.site_recovery_support import discover_body, windows

ERROR = {
    "errorCode": "150097",
    "errorMessage": "The disk is not consistent",
    "possibleCauses": "The machine was under load",
    "recommendedAction": "Run it again at night",
}


def test_a_job_that_fails_fails_its_machine_with_the_services_words(fleet: Fleet) -> None:
    fleet.drive(Phase.PROTECTED)
    fleet.fault(operation="TestFailover", match="web-01", job=ERROR)
    outcomes = fleet.drive(Phase.TEST_FAILOVER)
    assert outcomes["web-01"].status is Status.FAILED
    for words in ERROR.values():
        assert words in outcomes["web-01"].message
    assert outcomes["web-02"].status is Status.SATISFIED
    assert outcomes["db-01"].status is Status.SATISFIED


def test_a_discovery_that_fails_because_another_one_found_the_machine_is_no_failure() -> None:
    """Two stacks that begin at the same moment both ask for it."""
    fleet = Fleet([windows(1)])
    fleet.fault(operation="DiscoverPhysicalMachine", job=ERROR)
    asked: list[Response] = []

    async def another_stack_asks_too() -> None:
        if not asked:
            body = discover_body(fleet.machines["web-01"])
            path = f"{fleet.site.container}/discoverProtectableItem"
            asked.append(fleet.site.accepted("POST", path, body))

    outcomes = fleet.drive(Phase.PROTECTED, between_rounds=another_stack_asks_too)
    assert asked
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}


def test_the_next_run_recovers_it(fleet: Fleet) -> None:
    fleet.fault(operation="UnplannedFailover", match="web-01", job=ERROR)
    first = fleet.drive(Phase.MIGRATED)
    assert first["web-01"].status is Status.FAILED
    again = fleet.drive(Phase.MIGRATED)
    assert {o.observed.stage for o in again.values()} == {Stage.MIGRATED}


def test_a_failed_enable_protection_starts_over_in_the_next_run(fleet: Fleet) -> None:
    fleet.fault(operation="EnableDr", match="web-01", job=ERROR)
    first = fleet.drive(Phase.PROTECTED)
    assert first["web-01"].status is Status.FAILED
    again = fleet.drive(Phase.PROTECTED)
    assert {o.status for o in again.values()} == {Status.SATISFIED}


def test_a_gate_blocks_a_machine_and_says_the_way_out(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive({"web-01": Phase.TEST_FAILOVER, "web-02": Phase.PROTECTED})
    outcomes = quiet_fleet.drive(
        {"web-01": Phase.FAILED_OVER, "web-02": Phase.FAILED_OVER}, rules=STRICT
    )
    assert outcomes["web-01"].status is Status.SATISFIED
    assert outcomes["web-02"].status is Status.BLOCKED
    assert "test-failover" in outcomes["web-02"].message


def test_lowering_a_phase_is_refused_and_changes_nothing(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive(Phase.FAILED_OVER)
    before = quiet_fleet.accepted()
    outcomes = quiet_fleet.drive(Phase.PROTECTED)
    assert {o.status for o in outcomes.values()} == {Status.BLOCKED}
    assert quiet_fleet.accepted() == before


def test_a_new_run_over_migrated_machines_knows_them_by_their_tags(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive(Phase.MIGRATED)
    before = quiet_fleet.accepted()
    quiet_fleet.site.estate.machines.clear()
    outcomes = quiet_fleet.drive(Phase.MIGRATED)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert quiet_fleet.accepted() == before


def test_an_item_that_is_removed_while_the_vault_is_read_stops_nobody(replicating: Fleet) -> None:
    # The list still has the item, and the read that follows does not find it.
    replicating.fault(
        operation="ReplicationProtectedItems_Get",
        match="web-02",
        status=404,
        code="NotFound",
        message="Specified resource with name 'web-02' does not exist.",
        times=2,
    )
    outcomes = replicating.drive({"web-01": Phase.TEST_FAILOVER})
    assert outcomes["web-01"].status is Status.SATISFIED
    assert replicating.drive(Phase.PROTECTED)["web-02"].status is Status.SATISFIED
    assert replicating.accepted("web-02").count("ReplicationProtectedItems_Create") == 1
