"""The virtual machine in Azure is as the config declares it, also after a change of the config."""

from __future__ import annotations

from typing import Any

import pytest

from site_recovery.convergence.outcome import Status
from site_recovery.fleet import Hardware
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from tests.convergence.fleet import STRICT, Fleet
from tests.emulator.recovery_services.site_recovery_support import GROUP, MODERNIZED, windows

UPDATE = "ReplicationProtectedItems_Update"
ERROR = {
    "errorCode": "28022",
    "errorMessage": "The address could not be set",
    "possibleCauses": "Another change of the machine ran",
    "recommendedAction": "Try again",
}
ADDRESS = "10.20.1.77"
IN_THE_TEST = "10.21.1.77"
SET = f"{GROUP}/providers/Microsoft.Compute/availabilitySets/web"
PLACEMENT = f"{GROUP}/providers/Microsoft.Compute/proximityPlacementGroups/near"
RESERVATION = f"{GROUP}/providers/Microsoft.Compute/capacityReservationGroups/booked"
ENCRYPTION = f"{GROUP}/providers/Microsoft.Compute/diskEncryptionSets/ours"
CHANGES: dict[str, dict[str, Any]] = {
    "vm_size": {"vm_size": "Standard_D8s_v5"},
    "availability_zone": {"availability_zone": "2"},
    "license_type": {"license_type": "WindowsServer"},
    "tags": {"tags": {"team": "shop"}},
    "private_ip": {"private_ip": ADDRESS},
    "test_private_ip": {"test_private_ip": IN_THE_TEST},
    "availability_set": {"availability_set": SET},
    "proximity_placement_group": {"proximity_placement_group": PLACEMENT},
    "several": {"vm_size": "Standard_D4s_v5", "private_ip": ADDRESS, "tags": {"team": "shop"}},
}


def machine(fleet: Fleet, name: str = "web-01") -> dict[str, Any]:
    """A virtual machine in Azure, with the address of its first interface."""
    found: dict[str, Any] = fleet.site.virtual_machines()[name]
    (nic,) = found["properties"]["networkProfile"]["networkInterfaces"]
    shown = fleet.site.get(f"{nic['id']}?api-version=2024-05-01")
    return {**found, "address": shown["properties"]["ipConfigurations"][0]["properties"]}


def size(fleet: Fleet, name: str = "web-01") -> str:
    return str(machine(fleet, name)["properties"]["hardwareProfile"]["vmSize"])


def test_a_machine_is_placed_and_its_disks_are_encrypted_as_declared(quiet_fleet: Fleet) -> None:
    fleet = quiet_fleet
    group = {"proximityPlacementGroup": {"id": fleet.site.make(PLACEMENT)}}
    fleet.site.make(SET, sku={"name": "Aligned"}, properties=group)
    fleet.site.make(ENCRYPTION)
    fleet.targets["web-01"] = {
        "availability_set": SET,
        "proximity_placement_group": PLACEMENT,
        "disk_encryption_set": ENCRYPTION,
    }
    fleet.drive(Phase.FAILED_OVER)
    made = machine(fleet)["properties"]
    assert made["availabilitySet"] == {"id": SET}
    assert made["proximityPlacementGroup"] == {"id": PLACEMENT}
    disk = made["storageProfile"]["osDisk"]["managedDisk"]["id"]
    shown = fleet.site.get(f"{disk}?api-version=2024-03-02")["properties"]
    assert shown["encryption"]["diskEncryptionSetId"] == ENCRYPTION
    assert UPDATE not in fleet.accepted("web-01")


def test_a_machine_takes_a_reserved_capacity_where_the_experience_has_it() -> None:
    fleet = Fleet([windows(1)], experience=MODERNIZED)
    try:
        fleet.targets["web-01"] = {"capacity_reservation_group": RESERVATION}
        fleet.drive(Phase.PROTECTED)
        assert UPDATE not in fleet.accepted("web-01")
        other = fleet.site.make(f"{RESERVATION}-later")
        reserved = {"name": "Standard_D2s_v5", "capacity": 2}
        fleet.site.make(f"{other}/capacityReservations/d2", sku=reserved)
        size = {"vm_size": "Standard_D2s_v5"}
        fleet.targets["web-01"] = {"capacity_reservation_group": other, **size}
        fleet.drive(Phase.PROTECTED)
        assert fleet.accepted("web-01").count(UPDATE) == 1
        fleet.drive(Phase.FAILED_OVER)
        taken = machine(fleet)["properties"]["capacityReservation"]
        assert taken == {"capacityReservationGroup": {"id": other}}
        assert fleet.accepted("web-01").count(UPDATE) == 1
    finally:
        fleet.close()


class TestAChange:
    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_is_sent_to_a_protected_item_once(
        self, replicating: Fleet, change: dict[str, Any]
    ) -> None:
        fleet = replicating
        assert UPDATE not in fleet.accepted()
        fleet.targets["web-01"] = change
        outcomes = fleet.drive(Phase.PROTECTED)
        assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
        fleet.drive(Phase.PROTECTED)
        assert fleet.accepted("web-01").count(UPDATE) == 1
        assert UPDATE not in fleet.accepted("web-02")

    def test_shows_in_the_machine_that_the_failover_makes(self, fleet: Fleet) -> None:
        fleet.drive(Phase.PROTECTED)
        fleet.targets["web-01"] = {
            "vm_size": "Standard_D8s_v5",
            "private_ip": ADDRESS,
            "availability_zone": "2",
            "license_type": "WindowsServer",
            "tags": {"team": "shop"},
        }
        fleet.drive(Phase.MIGRATED)
        made = machine(fleet)
        assert size(fleet) == "Standard_D8s_v5"
        assert made["zones"] == ["2"]
        assert made["properties"]["licenseType"] == "Windows_Server"
        assert made["tags"]["team"] == "shop"
        assert made["address"]["privateIPAddress"] == ADDRESS
        assert made["address"]["privateIPAllocationMethod"] == "Static"

    def test_moves_a_machine_from_a_zone_into_a_set_and_back(self, quiet_fleet: Fleet) -> None:
        fleet = quiet_fleet
        fleet.site.make(SET, sku={"name": "Aligned"})
        zone, in_set = {"availability_zone": "2"}, {"availability_set": SET}
        for target in (zone, in_set, zone, in_set):
            fleet.targets["web-01"] = target
            outcomes = fleet.drive(Phase.PROTECTED)
            assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
        fleet.drive(Phase.FAILED_OVER)
        assert "zones" not in machine(fleet)
        assert machine(fleet)["properties"]["availabilitySet"] == {"id": SET}

    def test_gives_a_test_an_address_of_its_own(self, quiet_fleet: Fleet) -> None:
        fleet = quiet_fleet
        fleet.targets["web-01"] = {"test_private_ip": IN_THE_TEST}
        fleet.drive(Phase.TEST_FAILOVER)
        assert machine(fleet, "web-01-test")["address"]["privateIPAddress"] == IN_THE_TEST
        fleet.targets["web-01"] = {"test_private_ip": "dynamic"}
        fleet.drive(Phase.TEST_FAILOVER)
        again = machine(fleet, "web-01-test")["address"]
        assert again["privateIPAllocationMethod"] == "Dynamic"
        fleet.drive(Phase.FAILED_OVER)
        assert machine(fleet)["address"]["privateIPAllocationMethod"] == "Dynamic"

    def test_takes_an_address_back(self, quiet_fleet: Fleet) -> None:
        fleet = quiet_fleet
        fleet.targets["web-01"] = {"private_ip": ADDRESS}
        fleet.drive(Phase.PROTECTED)
        fleet.targets["web-01"] = {"private_ip": "dynamic"}
        fleet.drive(Phase.FAILED_OVER)
        assert machine(fleet)["address"]["privateIPAllocationMethod"] == "Dynamic"
        assert fleet.accepted("web-01").count(UPDATE) == 2

    def test_leaves_what_it_does_not_name(self, quiet_fleet: Fleet) -> None:
        fleet = quiet_fleet
        fleet.targets["web-01"] = {"availability_zone": "3", "tags": {"team": "shop"}}
        fleet.drive(Phase.PROTECTED)
        fleet.targets["web-01"] |= {"vm_size": "Standard_D8s_v5"}
        fleet.drive(Phase.MIGRATED)
        made = machine(fleet)
        assert made["zones"] == ["3"]
        assert made["tags"]["team"] == "shop"

    def test_by_hand_is_put_right(self, quiet_fleet: Fleet) -> None:
        fleet = quiet_fleet
        fleet.targets["web-01"] = {"vm_size": "Standard_D4s_v5"}
        fleet.drive(Phase.PROTECTED)
        body = fleet.experience.update("web-01", "Standard_D8s_v5", {})
        del body["properties"]["providerSpecificDetails"]["targetVmTags"]
        item = fleet.site.item(fleet.machines["web-01"])
        fleet.site.finished(fleet.site.accepted("PATCH", item, body))
        fleet.drive(Phase.MIGRATED)
        assert size(fleet) == "Standard_D4s_v5"

    def test_is_tested_anew_where_a_test_runs(self, quiet_fleet: Fleet) -> None:
        fleet = quiet_fleet
        fleet.drive(Phase.TEST_FAILOVER)
        fleet.targets["web-01"] = {"vm_size": "Standard_D8s_v5"}
        outcomes = fleet.drive(Phase.TEST_FAILOVER)
        assert outcomes["web-01"].observed.stage is Stage.TEST_FAILOVER
        assert size(fleet, "web-01-test") == "Standard_D8s_v5"
        assert fleet.accepted("web-01")[-3:] == [
            "ReplicationProtectedItems_TestFailoverCleanup",
            UPDATE,
            "ReplicationProtectedItems_TestFailover",
        ]

    def test_after_the_test_asks_for_another_test(self, quiet_fleet: Fleet) -> None:
        fleet = quiet_fleet
        fleet.drive(Phase.TEST_FAILOVER, rules=STRICT)
        fleet.targets["web-01"] = {"vm_size": "Standard_D8s_v5"}
        outcomes = fleet.drive(Phase.MIGRATED, rules=STRICT)
        assert outcomes["web-01"].status is Status.BLOCKED
        assert "its target changed after its last test failover" in outcomes["web-01"].message
        assert outcomes["web-02"].observed.stage is Stage.MIGRATED
        fleet.drive(Phase.TEST_FAILOVER, rules=STRICT)
        outcomes = fleet.drive(Phase.MIGRATED, rules=STRICT)
        assert outcomes["web-01"].observed.stage is Stage.MIGRATED
        assert size(fleet) == "Standard_D8s_v5"

    def test_to_a_synonym_is_no_change(self, replicating: Fleet) -> None:
        replicating.targets["web-01"] = {"license_type": "NoLicenseType"}
        replicating.drive(Phase.PROTECTED)
        assert UPDATE not in replicating.accepted()

    def test_of_tags_keeps_other_tags(self, replicating: Fleet) -> None:
        fleet = replicating
        mine = fleet.assignments(Phase.PROTECTED)[0].tags
        body = fleet.experience.update("web-01", "Standard_D4s_v5", {**mine, "costCenter": "42"})
        item = fleet.site.item(fleet.machines["web-01"])
        fleet.site.finished(fleet.site.accepted("PATCH", item, body))
        fleet.targets["web-01"] = {"tags": {"team": "shop"}}
        fleet.drive(Phase.MIGRATED)
        tags = machine(fleet)["tags"]
        assert tags["costCenter"] == "42"
        assert tags["team"] == "shop"

    def test_comes_too_late_for_a_machine_that_failed_over(self, quiet_fleet: Fleet) -> None:
        fleet = quiet_fleet
        fleet.drive(Phase.FAILED_OVER)
        fleet.targets["web-01"] = {"vm_size": "Standard_D8s_v5"}
        outcomes = fleet.drive(Phase.FAILED_OVER)
        assert outcomes["web-01"].status is Status.SATISFIED
        assert UPDATE not in fleet.accepted()


class TestAnAddress:
    def test_is_told_before_the_machine_counts_as_protected(self, quiet_fleet: Fleet) -> None:
        fleet = quiet_fleet
        fleet.targets["web-01"] = {"private_ip": ADDRESS}
        fleet.drive(Phase.PROTECTED)
        assert fleet.accepted("web-01")[-1] == UPDATE
        fleet.drive(Phase.MIGRATED)
        assert machine(fleet)["address"]["privateIPAddress"] == ADDRESS

    def test_that_a_person_set_in_the_vault_is_left_where_none_is_said(
        self, replicating: Fleet
    ) -> None:
        fleet = replicating
        item = fleet.site.item(fleet.machines["web-01"])
        details = fleet.site.get(item)["properties"]["providerSpecificDetails"]
        body = fleet.experience.addressed(details["vmNics"][0]["nicId"], ADDRESS)
        fleet.site.finished(fleet.site.accepted("PATCH", item, body))
        fleet.targets["web-01"] = {"vm_size": "Standard_D8s_v5"}
        fleet.drive(Phase.MIGRATED)
        assert machine(fleet)["address"]["privateIPAddress"] == ADDRESS


class TestTheSize:
    def test_is_the_smallest_general_purpose_one_that_holds_the_machine(
        self, quiet_fleet: Fleet
    ) -> None:
        fleet = quiet_fleet
        fleet.hardware["web-01"] = Hardware(vcpus=8, memory_gib=32, data_disks=1)
        fleet.drive(Phase.MIGRATED)
        assert size(fleet) == "Standard_D8s_v5"

    def test_that_the_service_picked_stays_where_it_fits(self, quiet_fleet: Fleet) -> None:
        fleet = quiet_fleet
        fleet.hardware["web-01"] = Hardware(vcpus=1, memory_gib=1, data_disks=0)
        fleet.drive(Phase.PROTECTED)
        assert UPDATE not in fleet.accepted()

    def test_of_a_machine_whose_test_runs_is_not_looked_at(self, quiet_fleet: Fleet) -> None:
        fleet = quiet_fleet
        fleet.drive(Phase.TEST_FAILOVER)
        fleet.hardware["web-01"] = Hardware(vcpus=8, memory_gib=32, data_disks=1)
        listing = "TargetComputeSizes_ListByReplicationProtectedItems"
        fleet.fault(operation=listing, status=403, code="Denied", message="no", times=99)
        outcomes = fleet.drive(Phase.TEST_FAILOVER)
        assert outcomes["web-01"].status is Status.SATISFIED
        assert UPDATE not in fleet.accepted()

    def test_is_reported_if_no_offered_size_is_large_enough(self, quiet_fleet: Fleet) -> None:
        quiet_fleet.hardware["web-01"] = Hardware(vcpus=416, memory_gib=12000, data_disks=1)
        outcomes = quiet_fleet.drive(Phase.MIGRATED)
        assert outcomes["web-01"].status is Status.BLOCKED
        assert "416 vCPUs, 12000 GiB" in outcomes["web-01"].message
        assert "machines.web-01.target.vmSize" in outcomes["web-01"].message
        assert outcomes["web-01"].observed.stage is Stage.PROTECTED
        assert outcomes["web-02"].observed.stage is Stage.MIGRATED

    def test_that_is_declared_but_supports_too_few_disks_blocks_only_its_machine(
        self, quiet_fleet: Fleet
    ) -> None:
        quiet_fleet.targets["web-01"] = {"vm_size": "Standard_B1s"}
        quiet_fleet.hardware["web-01"] = Hardware(vcpus=1, memory_gib=1, data_disks=6)
        outcomes = quiet_fleet.drive(Phase.MIGRATED)
        assert outcomes["web-01"].status is Status.BLOCKED
        assert "6 data disks, and Standard_B1s takes 2" in outcomes["web-01"].message
        assert outcomes["web-02"].observed.stage is Stage.MIGRATED

    def test_that_is_not_offered_leaves_a_test_that_runs(self, quiet_fleet: Fleet) -> None:
        quiet_fleet.drive(Phase.TEST_FAILOVER)
        quiet_fleet.targets["web-01"] = {"vm_size": "Standard_X1"}
        outcomes = quiet_fleet.drive(Phase.TEST_FAILOVER)
        assert outcomes["web-01"].status is Status.BLOCKED
        assert "Azure does not offer Standard_X1" in outcomes["web-01"].message
        assert outcomes["web-01"].observed.stage is Stage.TEST_FAILOVER

    def test_that_does_not_boot_bios_is_not_chosen(self, quiet_fleet: Fleet) -> None:
        quiet_fleet.targets["web-01"] = {"vm_size": "Standard_D4s_v6"}
        outcomes = quiet_fleet.drive(Phase.MIGRATED)
        assert outcomes["web-01"].status in (Status.BLOCKED, Status.FAILED)
        assert "Standard_D4s_v6" in outcomes["web-01"].message
        assert outcomes["web-01"].observed.azure_vm_id is None
        assert outcomes["web-02"].observed.stage is Stage.MIGRATED

    def test_that_is_declared_is_used_although_it_is_smaller(self, quiet_fleet: Fleet) -> None:
        fleet = quiet_fleet
        fleet.targets["web-01"] = {"vm_size": "Standard_D2s_v5"}
        fleet.hardware["web-01"] = Hardware(vcpus=8, memory_gib=32, data_disks=1)
        fleet.drive(Phase.MIGRATED)
        assert size(fleet) == "Standard_D2s_v5"


class TestTrouble:
    def test_an_answer_that_is_lost_is_not_asked_for_twice(self, replicating: Fleet) -> None:
        replicating.targets["web-01"] = {"vm_size": "Standard_D8s_v5"}
        replicating.fault(operation=UPDATE, drop="after", times=2)
        outcomes = replicating.drive(Phase.MIGRATED, rules=STRICT)
        assert replicating.accepted("web-01").count(UPDATE) == 1
        assert outcomes["web-01"].status is Status.BLOCKED, "it was never tested"

    def test_a_job_that_fails_fails_the_machine_with_its_reason(self, replicating: Fleet) -> None:
        replicating.targets["web-01"] = {"private_ip": ADDRESS}
        replicating.fault(operation="UpdateVmProperties", match="web-01", job=ERROR)
        outcomes = replicating.drive(Phase.PROTECTED)
        assert outcomes["web-01"].status is Status.FAILED
        assert outcomes["web-01"].message.startswith("update target failed: ")
        assert outcomes["web-02"].status is Status.SATISFIED

    def test_sizes_that_cannot_be_read_for_a_while_are_waited_for(self, quiet_fleet: Fleet) -> None:
        quiet_fleet.hardware["web-01"] = Hardware(vcpus=8, memory_gib=32, data_disks=1)
        listing = "TargetComputeSizes_ListByReplicationProtectedItems"
        quiet_fleet.fault(operation=listing, status=403, code="Later", message="later", times=2)
        quiet_fleet.drive(Phase.MIGRATED)
        assert size(quiet_fleet) == "Standard_D8s_v5"
