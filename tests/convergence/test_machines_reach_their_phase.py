"""Machines reach their phase from any state."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from site_recovery.convergence.outcome import Status
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from tests.convergence.fleet import STRICT, Fleet

STAGES = {
    Phase.PROTECTED: Stage.PROTECTED,
    Phase.TEST_FAILOVER: Stage.TEST_FAILOVER,
    Phase.FAILED_OVER: Stage.FAILED_OVER,
    Phase.MIGRATED: Stage.MIGRATED,
}
WALK = [
    Phase.PROTECTED,
    Phase.TEST_FAILOVER,
    Phase.PROTECTED,
    Phase.TEST_FAILOVER,
    Phase.FAILED_OVER,
    Phase.MIGRATED,
]


@pytest.mark.parametrize("phase", list(Phase))
def test_from_nothing_to_any_phase_in_one_run(fleet: Fleet, phase: Phase) -> None:
    outcomes = fleet.drive(phase)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert {o.observed.stage for o in outcomes.values()} == {STAGES[phase]}


def test_the_walk_a_user_takes(fleet: Fleet) -> None:
    for phase in WALK:
        outcomes = fleet.drive(phase, rules=STRICT)
        assert {o.observed.stage for o in outcomes.values()} == {STAGES[phase]}
    for machine in fleet.machines:
        failovers = [op for op in fleet.accepted(machine) if "UnplannedFailover" in op]
        assert len(failovers) == 1


def test_a_run_with_nothing_to_do_changes_nothing(fleet: Fleet) -> None:
    fleet.drive(Phase.TEST_FAILOVER)
    before = fleet.accepted()
    outcomes = fleet.drive(Phase.TEST_FAILOVER)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert fleet.accepted() == before


def test_machines_are_driven_at_once_not_one_after_the_other(quiet_fleet: Fleet) -> None:
    began = quiet_fleet.site.world.clock.now()
    quiet_fleet.drive({"web-01": Phase.PROTECTED})
    one = quiet_fleet.site.world.clock.now() - began
    quiet_fleet.drive(None)
    began = quiet_fleet.site.world.clock.now()
    quiet_fleet.drive({"web-01": Phase.PROTECTED, "web-02": Phase.PROTECTED})
    both = quiet_fleet.site.world.clock.now() - began
    assert both < one * 1.5


def test_each_machine_has_a_phase_of_its_own(fleet: Fleet) -> None:
    outcomes = fleet.drive(
        {"web-01": Phase.MIGRATED, "web-02": Phase.TEST_FAILOVER, "db-01": Phase.PROTECTED}
    )
    assert {name: o.observed.stage for name, o in outcomes.items()} == {
        "web-01": Stage.MIGRATED,
        "web-02": Stage.TEST_FAILOVER,
        "db-01": Stage.PROTECTED,
    }


@pytest.mark.parametrize("phase", [Phase.PROTECTED, Phase.TEST_FAILOVER])
def test_removal_leaves_nothing_in_the_vault_and_purges_nothing(fleet: Fleet, phase: Phase) -> None:
    fleet.drive(phase)
    outcomes = fleet.drive(None)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert fleet.items() == {}
    assert not any("Purge" in operation for operation in fleet.accepted())


def test_progress_tells_how_many_are_there_and_what_the_others_do(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive(Phase.PROTECTED)
    assert quiet_fleet.reporter.statuses[-1] == "3/3 protected"
    assert any(
        re.search(r"0/3 protected · .*web-01.* \d+ %", status)
        for status in quiet_fleet.reporter.statuses
    )
    assert "web-01: enable protection started" in quiet_fleet.reporter.events


def test_waiting_ends_by_the_services_time_and_says_where_machines_are(
    quiet_fleet: Fleet,
) -> None:
    outcomes = quiet_fleet.drive(Phase.PROTECTED, wait=timedelta(minutes=10))
    assert {o.status for o in outcomes.values()} == {Status.PENDING}
    assert all("wait of this run ended" in o.message for o in outcomes.values())
    assert {o.status for o in quiet_fleet.drive(Phase.PROTECTED).values()} == {Status.SATISFIED}
