"""Lists that lag behind a Complete Migration never lead to a second migration."""

from __future__ import annotations

import pytest

from emulator.arm.compute.kinds import MACHINES as MACHINES_KIND
from site_recovery.convergence.outcome import Status
from site_recovery.declared.tags import TAG_INSTANCE
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet

CREATE = "ReplicationProtectedItems_Create"
DISCOVER = "ReplicationProtectionContainers_DiscoverProtectableItem"
MACHINES = "VirtualMachines_List"
ITEMS = "ReplicationProtectedItems_List"


def begun(fleet: Fleet) -> list[str]:
    return [operation for operation in fleet.accepted() if operation in (CREATE, DISCOVER)]


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


@pytest.mark.parametrize("rounds", [1, 6])
def test_under_another_name_in_a_run_that_knows_nothing_of_it(
    quiet_fleet: Fleet, rounds: int
) -> None:
    quiet_fleet.drive(Phase.MIGRATED)
    before = begun(quiet_fleet)
    quiet_fleet.machines = {f"new-{n}": each for n, each in quiet_fleet.machines.items()}
    quiet_fleet.fault(operation=MACHINES, status=404, code="ResourceGroupNotFound", times=rounds)
    outcomes = quiet_fleet.drive(Phase.MIGRATED)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert begun(quiet_fleet) == before


def test_a_machine_that_is_failed_over_is_not_migrated_because_a_list_lacks_its_item(
    quiet_fleet: Fleet,
) -> None:
    instance = quiet_fleet.machines["web-01"]
    quiet_fleet.site.protect(instance)
    quiet_fleet.site.finished(quiet_fleet.site.fail_over(instance))
    quiet_fleet.machines = {"web-01": instance}
    made = quiet_fleet.site.virtual_machines()["web-01"]["id"]
    store = quiet_fleet.site.world.store
    tags = {"tags": {TAG_INSTANCE: instance.id}}
    with store.transaction():
        store.put(MACHINES_KIND, made, {**store.peek(MACHINES_KIND, made), **tags})  # type: ignore[dict-item]
    # Nobody has listed the items through this URL yet, so that a stale answer is an empty list.
    quiet_fleet.fault(operation=ITEMS, stale=True, times=3)
    outcome = quiet_fleet.drive(Phase.MIGRATED)["web-01"]
    assert outcome.status is Status.SATISFIED
    assert quiet_fleet.items() == {}
    assert [op for op in quiet_fleet.accepted("web-01") if op.endswith("Items_Delete")]
