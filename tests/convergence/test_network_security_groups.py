"""The interfaces of a machine get the network security group that its config declares."""

from __future__ import annotations

from typing import Any

import pytest

from site_recovery.convergence.outcome import Status
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from tests.convergence.fleet import Fleet
from tests.emulator.recovery_services.site_recovery_support import GROUP

NETWORK = "?api-version=2024-05-01"
ATTACH = "NetworkInterfaces_CreateOrUpdate"
COMPLETE = "ReplicationProtectedItems_Delete"
GROUPS = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups"
WEB, OTHER = f"{GROUPS}/web", f"{GROUPS}/other"


@pytest.fixture
def grouped(quiet_fleet: Fleet) -> Fleet:
    """A fleet whose first machine has a group."""
    for group in (WEB, OTHER):
        quiet_fleet.site.call("PUT", f"{group}{NETWORK}", {"location": "westeurope"})
    quiet_fleet.site.pass_time(minutes=1)
    quiet_fleet.targets["web-01"] = {"network_security_group": WEB}
    return quiet_fleet


def interface(fleet: Fleet, name: str = "web-01") -> dict[str, Any]:
    (nic,) = fleet.site.virtual_machines()[name]["properties"]["networkProfile"][
        "networkInterfaces"
    ]
    found: dict[str, Any] = fleet.site.get(f"{nic['id']}{NETWORK}")
    return found


def group_of(fleet: Fleet, name: str = "web-01") -> str | None:
    group: dict[str, str] | None = interface(fleet, name)["properties"].get("networkSecurityGroup")
    return group["id"] if group else None


def give(fleet: Fleet, group: str | None) -> None:
    """Give the interface a group, or take it away, as a person does."""
    shown = interface(fleet)
    shown["properties"].pop("networkSecurityGroup", None)
    if group is not None:
        shown["properties"]["networkSecurityGroup"] = {"id": group}
    fleet.site.call("PUT", f"{shown['id']}{NETWORK}", shown)
    fleet.site.pass_time(minutes=1)


def attached(fleet: Fleet) -> int:
    return [each["operation"] for each in fleet.site.world.audited()].count(ATTACH)


def test_right_after_the_failover_and_nothing_else_of_the_interface_changes(
    grouped: Fleet,
) -> None:
    grouped.targets["web-01"]["private_ip"] = "10.20.1.77"
    outcomes = grouped.drive(Phase.FAILED_OVER)
    assert {each.status for each in outcomes.values()} == {Status.SATISFIED}
    assert group_of(grouped) == WEB
    assert group_of(grouped, "web-02") is None
    [address] = interface(grouped)["properties"]["ipConfigurations"]
    assert address["properties"]["privateIPAddress"] == "10.20.1.77"
    assert address["properties"]["privateIPAllocationMethod"] == "Static"
    told = "web-01: network security group web is being attached"
    assert grouped.reporter.events.count(told) == 1
    assert attached(grouped) == 1


def test_before_its_migration_is_complete(grouped: Fleet) -> None:
    grouped.drive(Phase.MIGRATED)
    done = [(each["operation"], each.get("machine")) for each in grouped.site.world.audited()]
    [attached_at] = [at for at, (operation, _) in enumerate(done) if operation == ATTACH]
    assert attached_at < done.index((COMPLETE, "web-01"))
    assert group_of(grouped) == WEB


def test_a_second_run_finds_it_there(grouped: Fleet) -> None:
    grouped.drive(Phase.FAILED_OVER)
    grouped.drive(Phase.FAILED_OVER)
    grouped.drive(Phase.MIGRATED)
    assert attached(grouped) == 1


def test_a_group_that_was_taken_away_is_attached_again(grouped: Fleet) -> None:
    grouped.drive(Phase.FAILED_OVER)
    give(grouped, None)
    grouped.drive(Phase.FAILED_OVER)
    assert group_of(grouped) == WEB


def test_not_in_a_test_failover(grouped: Fleet) -> None:
    grouped.drive(Phase.TEST_FAILOVER)
    assert group_of(grouped, "web-01-test") is None


def test_the_group_of_somebody_else_stays_and_is_named(grouped: Fleet) -> None:
    del grouped.targets["web-01"]["network_security_group"]
    grouped.drive(Phase.FAILED_OVER)
    give(grouped, OTHER)
    grouped.targets["web-01"]["network_security_group"] = WEB
    before = attached(grouped)
    outcomes = grouped.drive(Phase.MIGRATED)
    assert outcomes["web-01"].status is Status.FAILED
    assert outcomes["web-01"].reason is Reason.SECURITY_GROUP
    assert outcomes["web-01"].observed.stage is Stage.FAILED_OVER
    assert f"has network security group {OTHER}" in outcomes["web-01"].message
    assert "Declare the one that it has, or detach that" in outcomes["web-01"].message
    assert outcomes["web-02"].observed.stage is Stage.MIGRATED
    assert attached(grouped) == before
    assert group_of(grouped) == OTHER


def test_a_machine_that_is_migrated_is_its_owners(grouped: Fleet) -> None:
    grouped.drive(Phase.MIGRATED)
    give(grouped, OTHER)
    outcomes = grouped.drive(Phase.MIGRATED)
    assert outcomes["web-01"].status is Status.SATISFIED
    assert group_of(grouped) == OTHER


def test_what_azure_refuses_fails_the_machine_alone(grouped: Fleet) -> None:
    grouped.targets["web-01"]["network_security_group"] = f"{GROUPS}/gone"
    outcomes = grouped.drive(Phase.FAILED_OVER)
    assert outcomes["web-01"].status is Status.FAILED
    assert "network interface" in outcomes["web-01"].message
    assert outcomes["web-01"].observed.stage is Stage.FAILED_OVER
    assert outcomes["web-02"].status is Status.SATISFIED
