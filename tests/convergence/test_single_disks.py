"""Disks get the types and the keys that the config declares for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from emulator.estate.machines import Disk
from emulator.guests import machine
from site_recovery.convergence.outcome import Status
from site_recovery.declared.disks import DiskOrder
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from tests.convergence.fleet import Fleet
from tests.emulator.recovery_services.site_recovery_support import GROUP, Classic, windows

DISKS = (Disk("/dev/sda1", 50), Disk("/dev/sdf", 100), Disk("/dev/sdg", 200))
ENCRYPTION = f"{GROUP}/providers/Microsoft.Compute/diskEncryptionSets/ours"
ORDERS = (
    DiskOrder(sizeGib=50),
    DiskOrder(sizeGib=100, type="Premium_LRS"),
    DiskOrder(sizeGib=200, diskEncryptionSet=ENCRYPTION),
)
ENABLE = "ReplicationProtectedItems_Create"


@pytest.fixture
def fleet(experience: Classic) -> Iterator[Fleet]:
    made = Fleet([replace(windows(1), disks=DISKS)], experience=experience)
    made.targets["web-01"] = {"disk_type": "StandardSSD_LRS", "vm_size": "Standard_D4s_v5"}
    made.disks["web-01"] = ORDERS
    made.site.make(ENCRYPTION)
    yield made
    made.close()


def reports(fleet: Fleet) -> None:
    """Install the agent on the machine itself, as Systems Manager does."""
    world, server = fleet.site.world, fleet.site.estate.machines[0]
    if fleet.experience.name == "classic":
        with world.store.transaction():
            known = machine.observe(world, fleet.machines["web-01"])
            machine.register_agent(world, known, server.id, "assoc-1")


def test_each_disk_gets_its_own_and_the_others_those_of_the_target(fleet: Fleet) -> None:
    reports(fleet)
    outcomes = fleet.drive(Phase.FAILED_OVER)
    assert outcomes["web-01"].status is Status.SATISFIED, outcomes["web-01"].message
    storage = fleet.site.virtual_machines()["web-01"]["properties"]["storageProfile"]
    disks = [storage["osDisk"], *storage["dataDisks"]]
    found = {}
    for disk in disks:
        shown = fleet.site.get(f"{disk['managedDisk']['id']}?api-version=2024-03-02")
        key = shown["properties"].get("encryption", {}).get("diskEncryptionSetId")
        found[shown["properties"]["diskSizeGB"]] = (shown["sku"]["name"], key)
    assert found == {
        50: ("StandardSSD_LRS", None),
        100: ("Premium_LRS", None),
        200: ("StandardSSD_LRS", ENCRYPTION),
    }


def test_a_disk_that_ec2_does_not_show_stops_the_replication(fleet: Fleet) -> None:
    reports(fleet)
    fleet.disks["web-01"] = ORDERS[:2]
    outcome = fleet.drive(Phase.PROTECTED)["web-01"]
    assert outcome.status is Status.FAILED
    assert (
        "its agent tells of a disk of 200 GiB, and EC2 of disks of 50, 100 GiB" in outcome.message
    )
    assert ENABLE not in fleet.accepted()


class TestOfAMachineThatReplicates:
    def test_another_type_is_told_and_nothing_is_asked_of_the_service(self, fleet: Fleet) -> None:
        reports(fleet)
        fleet.drive(Phase.PROTECTED)
        before = fleet.accepted()
        fleet.disks["web-01"] = (
            DiskOrder(sizeGib=50),
            DiskOrder(sizeGib=100, type="StandardSSD_LRS"),
            DiskOrder(sizeGib=200, diskEncryptionSet=f"{ENCRYPTION}-2"),
        )
        outcome = fleet.drive(Phase.MIGRATED)["web-01"]
        assert outcome.reason is Reason.OTHER_DISKS
        assert "disk of 100 GiB is Premium_LRS there, and is to be StandardSSD" in outcome.message
        assert f"200 GiB is {ENCRYPTION} there, and is to be {ENCRYPTION}-2" in outcome.message
        assert "50 GiB" not in outcome.message
        assert fleet.accepted() == before

    def test_a_type_for_all_disks_is_compared_with_each(self, fleet: Fleet) -> None:
        reports(fleet)
        fleet.drive(Phase.PROTECTED)
        del fleet.disks["web-01"]
        outcome = fleet.drive(Phase.PROTECTED)["web-01"]
        assert "its disk of 100 GiB is Premium_LRS there" in outcome.message
        fleet.targets["web-01"] = {"vm_size": "Standard_D4s_v5"}
        assert fleet.drive(Phase.PROTECTED)["web-01"].status is Status.SATISFIED

    def test_that_leaves_its_wave_it_keeps_nothing_back(self, fleet: Fleet) -> None:
        reports(fleet)
        fleet.drive(Phase.PROTECTED)
        fleet.disks["web-01"] = (DiskOrder(sizeGib=100, type="Standard_LRS"),)
        fleet.drive(None, leaving=True)
        assert fleet.accepted("web-01")[-1] == "ReplicationProtectedItems_Delete"

    def test_that_failed_over_it_is_left_alone(self, fleet: Fleet) -> None:
        reports(fleet)
        fleet.drive(Phase.FAILED_OVER)
        fleet.disks["web-01"] = (DiskOrder(sizeGib=100, type="Standard_LRS"),)
        assert fleet.drive(Phase.MIGRATED)["web-01"].status is Status.SATISFIED
