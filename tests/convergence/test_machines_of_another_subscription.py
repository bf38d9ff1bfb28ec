"""Machines whose virtual machines are in another subscription than the vault."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.arm.subscriptions import ANOTHER_SUBSCRIPTION, SUBSCRIPTION
from site_recovery.convergence.outcome import Status
from site_recovery.fleet import LandingZone
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet
from tests.emulator.recovery_services.site_recovery_support import GROUP, STORAGE

OTHER = GROUP.replace(SUBSCRIPTION, ANOTHER_SUBSCRIPTION) + "-machines"
NETWORKS = "providers/Microsoft.Network/virtualNetworks"
COMPUTE = "2024-07-01"
ADDRESS = "10.30.1.50"


def land_elsewhere(fleet: Fleet) -> None:
    """Make a group and two networks in the other subscription, where machines go from now on."""
    fleet.site.call("PUT", f"{OTHER}?api-version=2024-03-01", {"location": "westeurope"})
    for name, second in (("vnet-apps", 30), ("vnet-test", 31)):
        body = {
            "location": "westeurope",
            "properties": {
                "addressSpace": {"addressPrefixes": [f"10.{second}.0.0/16"]},
                "subnets": [
                    {"name": "servers", "properties": {"addressPrefix": f"10.{second}.1.0/24"}}
                ],
            },
        }
        path = f"{OTHER}/{NETWORKS}/{name}?api-version=2024-05-01"
        assert fleet.site.call("PUT", path, body).status < 300
    zone = LandingZone(
        OTHER,
        f"{OTHER}/{NETWORKS}/vnet-apps",
        "servers",
        f"{OTHER}/{NETWORKS}/vnet-test",
        STORAGE,
        "servers",
    )
    fleet.migration_site = replace(fleet.migration_site, landing_zone=zone)


def machines_in(fleet: Fleet, group: str) -> dict[str, Any]:
    path = f"{group}/providers/Microsoft.Compute/virtualMachines"
    listed = fleet.site.call("GET", path, version=COMPUTE).body["value"]
    return {machine["name"]: machine for machine in listed}


def test_they_are_tested_and_migrated_there(fleet: Fleet) -> None:
    land_elsewhere(fleet)
    fleet.targets["web-01"] = {"private_ip": ADDRESS}
    outcomes = fleet.drive(Phase.TEST_FAILOVER)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}, outcomes
    assert {name.removesuffix("-test") for name in machines_in(fleet, OTHER)} == set(fleet.machines)
    outcomes = fleet.drive(Phase.MIGRATED)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}, outcomes
    assert set(machines_in(fleet, OTHER)) == set(fleet.machines)
    assert machines_in(fleet, GROUP) == {}
    assert fleet.items() == {}
    # A new stack knows them again.
    before = fleet.accepted()
    assert {o.status for o in fleet.drive(Phase.MIGRATED).values()} == {Status.SATISFIED}
    assert fleet.accepted() == before


def test_a_machine_that_replicates_goes_where_the_config_says_now(replicating: Fleet) -> None:
    fleet = replicating
    land_elsewhere(fleet)
    outcomes = fleet.drive(Phase.FAILED_OVER)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}, outcomes
    assert set(machines_in(fleet, OTHER)) == set(fleet.machines)
    assert machines_in(fleet, GROUP) == {}


def test_a_network_of_the_vaults_subscription_does_not_serve_them(quiet_fleet: Fleet) -> None:
    fleet = quiet_fleet
    zone = fleet.migration_site.landing_zone
    land_elsewhere(fleet)
    mixed = replace(zone, resource_group_id=OTHER)
    fleet.migration_site = replace(fleet.migration_site, landing_zone=mixed)
    outcome = fleet.drive(Phase.FAILED_OVER)["web-01"]
    assert outcome.status is Status.FAILED
    assert "is not in the subscription of the virtual machine 'web-01'" in outcome.message
    assert machines_in(fleet, OTHER) == {}


def test_an_address_that_is_taken_there_is_told_before_the_failover(quiet_fleet: Fleet) -> None:
    fleet = quiet_fleet
    land_elsewhere(fleet)
    fleet.targets["web-01"] = {"private_ip": ADDRESS}
    fleet.drive(Phase.PROTECTED)
    subnet = f"{OTHER}/{NETWORKS}/vnet-apps/subnets/servers"
    configuration = {"subnet": {"id": subnet}, "privateIPAllocationMethod": "Static"}
    taken = {
        "location": "westeurope",
        "properties": {
            "ipConfigurations": [
                {"name": "one", "properties": {**configuration, "privateIPAddress": ADDRESS}}
            ]
        },
    }
    path = f"{OTHER}/providers/Microsoft.Network/networkInterfaces/other"
    assert fleet.site.call("PUT", f"{path}?api-version=2024-05-01", taken).status < 300
    outcome = fleet.drive(Phase.FAILED_OVER)["web-01"]
    assert outcome.status is Status.BLOCKED
    assert ADDRESS in outcome.message
    assert "ReplicationProtectedItems_UnplannedFailover" not in fleet.accepted("web-01")
