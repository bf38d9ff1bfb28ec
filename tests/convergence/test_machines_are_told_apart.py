"""Operations only ever run on the instance that the config names."""

from __future__ import annotations

import pytest

from emulator.arm.compute.kinds import MACHINES
from emulator.estate.machines import Instance
from site_recovery.convergence.outcome import Status
from site_recovery.declared.tags import TAG_INSTANCE
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet


def declare(fleet: Fleet, **machines: Instance) -> None:
    """Declare these machines, independent of what the vault knows."""
    fleet.machines = {name.replace("_", "-"): instance for name, instance in machines.items()}


@pytest.mark.parametrize("phase", list(Phase))
def test_an_item_of_another_instance_is_left_alone(quiet_fleet: Fleet, phase: Phase) -> None:
    other = quiet_fleet.machines["web-02"]
    quiet_fleet.drive({"web-01": Phase.PROTECTED})
    before = quiet_fleet.accepted()
    declare(quiet_fleet, web_01=other)
    outcome = quiet_fleet.drive(phase)["web-01"]
    assert outcome.status is Status.BLOCKED
    assert "instanceId" in outcome.message
    assert quiet_fleet.accepted() == before


def test_machines_that_swap_their_names_are_refused(quiet_fleet: Fleet) -> None:
    one, two = quiet_fleet.machines["web-01"], quiet_fleet.machines["web-02"]
    declare(quiet_fleet, web_01=one, web_02=two)
    quiet_fleet.drive(Phase.PROTECTED)
    before = quiet_fleet.accepted()
    declare(quiet_fleet, web_01=two, web_02=one)
    outcomes = quiet_fleet.drive({"web-01": Phase.FAILED_OVER, "web-02": Phase.PROTECTED})
    assert {o.status for o in outcomes.values()} == {Status.BLOCKED}
    assert quiet_fleet.accepted() == before


def test_an_item_that_was_made_by_hand_for_another_machine_is_left_alone(
    quiet_fleet: Fleet,
) -> None:
    one, two = quiet_fleet.machines["web-01"], quiet_fleet.machines["web-02"]
    quiet_fleet.site.protect(one)
    quiet_fleet.site.protectable(two)
    before = quiet_fleet.accepted()
    declare(quiet_fleet, web_01=two)
    assert quiet_fleet.drive(Phase.FAILED_OVER)["web-01"].status is Status.BLOCKED
    assert quiet_fleet.accepted() == before


def test_removing_a_machine_leaves_the_item_of_another_that_has_its_name(
    quiet_fleet: Fleet,
) -> None:
    other = quiet_fleet.machines["web-02"]
    quiet_fleet.drive({"web-01": Phase.PROTECTED})
    before = quiet_fleet.accepted()
    declare(quiet_fleet, web_01=other)
    assert quiet_fleet.drive(None)["web-01"].status is Status.SATISFIED
    assert quiet_fleet.accepted() == before


@pytest.mark.parametrize("name", ["shop", "Web-01"])
def test_a_machine_keeps_its_name_while_it_is_replicated(quiet_fleet: Fleet, name: str) -> None:
    instance = quiet_fleet.machines["web-01"]
    quiet_fleet.drive({"web-01": Phase.PROTECTED})
    before = quiet_fleet.accepted()
    quiet_fleet.machines = {name: instance}
    outcome = quiet_fleet.drive(Phase.PROTECTED)[name]
    assert outcome.status is Status.BLOCKED
    assert "'web-01'" in outcome.message
    assert quiet_fleet.accepted() == before


def test_a_migrated_machine_may_get_another_name(quiet_fleet: Fleet) -> None:
    instance = quiet_fleet.machines["web-01"]
    quiet_fleet.drive({"web-01": Phase.MIGRATED})
    declare(quiet_fleet, shop=instance)
    assert quiet_fleet.drive(Phase.MIGRATED)["shop"].status is Status.SATISFIED


def test_a_migration_is_not_completed_before_its_machine_can_be_known_again(
    quiet_fleet: Fleet,
) -> None:
    # Failed over in the portal, so the virtual machine has no tag with its instance id.
    instance = quiet_fleet.machines["web-01"]
    quiet_fleet.site.protect(instance)
    quiet_fleet.site.finished(quiet_fleet.site.fail_over(instance))
    declare(quiet_fleet, web_01=instance)
    outcome = quiet_fleet.drive(Phase.MIGRATED)["web-01"]
    assert outcome.status is Status.BLOCKED
    assert outcome.observed.stage is Stage.FAILED_OVER
    assert TAG_INSTANCE in outcome.message
    assert not [op for op in quiet_fleet.accepted("web-01") if op.endswith("_Delete")]
    failed_over = quiet_fleet.site.virtual_machines()["web-01"]["id"]
    store = quiet_fleet.site.world.store
    tags = {"tags": {TAG_INSTANCE: instance.id}}
    with store.transaction():
        store.put(MACHINES, failed_over, {**store.peek(MACHINES, failed_over), **tags})  # type: ignore[dict-item]
    assert quiet_fleet.drive(Phase.MIGRATED)["web-01"].status is Status.SATISFIED
    before = quiet_fleet.accepted()
    assert quiet_fleet.drive(Phase.MIGRATED)["web-01"].status is Status.SATISFIED
    assert quiet_fleet.accepted() == before
