"""Lost answers, refusals, stale lists and killed runs: each operation is accepted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from site_recovery.convergence.outcome import Status
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet

FAILOVER = "ReplicationProtectedItems_UnplannedFailover"
CHANGES = [
    "ReplicationProtectionContainers_DiscoverProtectableItem",
    "ReplicationProtectedItems_Create",
    FAILOVER,
    "ReplicationProtectedItems_Delete",
]

BROKEN = pytest.mark.parametrize("fleet", ["http"], indirect=True)
"""For connections that really break; in process `test_exactly_once` has the same and more."""


def once_each(fleet: Fleet) -> bool:
    return all(set(Counter(fleet.accepted(machine)).values()) == {1} for machine in fleet.machines)


@BROKEN
@pytest.mark.parametrize("operation", CHANGES)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_answer_that_never_came_is_followed_by_a_look(
    fleet: Fleet, operation: str, moment: str
) -> None:
    fleet.fault(operation=operation, drop=moment, times=2)
    outcomes = fleet.drive(Phase.MIGRATED)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert once_each(fleet)


@BROKEN
@pytest.mark.parametrize("operation", CHANGES)
@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_is_followed_by_a_look(fleet: Fleet, operation: str, status: int) -> None:
    fleet.fault(operation=operation, status=status, code="InternalServerError", message="sorry")
    outcomes = fleet.drive(Phase.MIGRATED)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert once_each(fleet)


@pytest.mark.parametrize("status", [409, 429])
def test_a_service_that_is_busy_is_asked_again_later(fleet: Fleet, status: int) -> None:
    fleet.fault(operation=FAILOVER, status=status, code="Busy", message="later", times=3)
    outcomes = fleet.drive(Phase.FAILED_OVER)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert once_each(fleet)


def test_lists_that_lag_behind_lead_to_no_second_failover(fleet: Fleet) -> None:
    fleet.drive(Phase.PROTECTED)
    fleet.fault(operation="ReplicationProtectedItems_List", stale=True, times=12)
    outcomes = fleet.drive(Phase.FAILED_OVER)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert fleet.accepted().count(FAILOVER) == len(fleet.machines)


def stop_after(rounds: int) -> Callable[[], bool]:
    """A `may_submit` that returns True for this number of calls, then False."""
    left = iter(range(rounds))
    return lambda: next(left, None) is not None


@pytest.mark.parametrize("rounds", [2, 5, 9, 20, 28, 34])
def test_the_next_run_continues_a_run_that_was_killed(quiet_fleet: Fleet, rounds: int) -> None:
    first = quiet_fleet.drive(Phase.MIGRATED, may_submit=stop_after(rounds))
    assert (
        Status.PENDING in {o.status for o in first.values()} <= {Status.PENDING, Status.SATISFIED}
    )
    outcomes = quiet_fleet.drive(Phase.MIGRATED)
    assert {o.observed.stage for o in outcomes.values()} == {Stage.MIGRATED}
    assert once_each(quiet_fleet)


def test_nothing_is_submitted_once_the_engine_is_gone(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive(Phase.MIGRATED, may_submit=lambda: False)
    assert quiet_fleet.accepted() == []


def test_a_removal_may_be_started_by_one_and_awaited_by_another(replicating: Fleet) -> None:
    started = replicating.drive(None, wait=timedelta(seconds=20))
    assert {o.status for o in started.values()} == {Status.PENDING}
    replicating.drive(None)
    assert replicating.items() == {}
    assert once_each(replicating)
