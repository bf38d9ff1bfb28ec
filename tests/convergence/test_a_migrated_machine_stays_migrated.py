"""Lists that lag behind a Complete Migration never lead to a second migration."""

from __future__ import annotations

import pytest

from site_recovery.convergence.outcome import Status
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet

CREATE = "ReplicationProtectedItems_Create"
DISCOVER = "ReplicationProtectionContainers_DiscoverProtectableItem"
MACHINES = "VirtualMachines_List"
ITEMS = "ReplicationProtectedItems_List"


def begun(fleet: Fleet) -> list[str]:
    return [operation for operation in fleet.accepted() if operation in (CREATE, DISCOVER)]


class Killed(BaseException):
    """Ends a run at once, so that everything it remembered is lost."""


@pytest.mark.parametrize("rounds", [1, 3, 8])
def test_in_the_run_that_completed_it(quiet_fleet: Fleet, rounds: int) -> None:
    quiet_fleet.drive(Phase.FAILED_OVER)
    before = begun(quiet_fleet)

    async def lag_once_completed() -> None:
        if not lagging and any(op.endswith("Items_Delete") for op in quiet_fleet.accepted()):
            quiet_fleet.fault(
                operation=MACHINES, status=404, code="ResourceGroupNotFound", times=rounds
            )
            lagging.append(True)

    lagging: list[bool] = []
    outcomes = quiet_fleet.drive(Phase.MIGRATED, between_rounds=lag_once_completed)
    assert lagging
    assert {o.observed.stage for o in outcomes.values()} == {Stage.MIGRATED}
    assert begun(quiet_fleet) == before


@pytest.mark.parametrize("rounds", [1, 6])
def test_in_a_run_that_knows_nothing_of_it(quiet_fleet: Fleet, rounds: int) -> None:
    quiet_fleet.drive(Phase.MIGRATED)
    before = begun(quiet_fleet)
    quiet_fleet.fault(operation=MACHINES, status=404, code="ResourceGroupNotFound", times=rounds)
    outcomes = quiet_fleet.drive(Phase.MIGRATED)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert begun(quiet_fleet) == before
