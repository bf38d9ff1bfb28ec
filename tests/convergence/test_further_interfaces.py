"""A machine with several interfaces has them in Azure as the config says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from site_recovery import arm_ids
from site_recovery.azure.guests import AzureGuests
from site_recovery.convergence.outcome import Status
from site_recovery.fleet import Hardware
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from tests.convergence.fleet import Fleet
from tests.emulator.recovery_services.site_recovery_support import (
    NETWORK,
    TEST_NETWORK,
    Classic,
    windows,
)

UPDATE = "ReplicationProtectedItems_Update"
FAILOVER = "ReplicationProtectedItems_UnplannedFailover"
FURTHER = ("10.10.5.11", "10.10.6.11")


@pytest.fixture
def fleet(experience: Classic) -> Iterator[Fleet]:
    """Two machines, the first of which has three interfaces; each network has a second subnet."""
    made = Fleet([windows(1), windows(2)], experience=experience, further={"web-01": FURTHER})
    for network, prefix in ((NETWORK, "10.20"), (TEST_NETWORK, "10.21")):
        subnets = [
            {"name": name, "properties": {"addressPrefix": f"{prefix}.{number}.0/24"}}
            for name, number in (("servers", 1), ("data", 2))
        ]
        space = {"addressPrefixes": [f"{prefix}.0.0/16"]}
        properties = {"addressSpace": space, "subnets": subnets}
        body = {"location": "westeurope", "properties": properties}
        made.site.call("PUT", f"{network}?api-version=2024-05-01", body)
    made.targets["web-01"] = {"vm_size": "Standard_D8s_v5"}
    yield made
    made.close()


def placed(fleet: Fleet, name: str = "web-01") -> list[tuple[str, str, str]]:
    """Subnet, address and allocation of each interface of a virtual machine, the primary first."""
    profile = fleet.site.virtual_machines()[name]["properties"]["networkProfile"]
    found = []
    for nic in sorted(
        profile["networkInterfaces"], key=lambda one: not one["properties"]["primary"]
    ):
        shown = fleet.site.get(f"{nic['id']}?api-version=2024-05-01")["properties"]
        one: dict[str, Any] = shown["ipConfigurations"][0]["properties"]
        subnet = one["subnet"]["id"].rpartition("/")[2]
        found.append((subnet, one["privateIPAddress"], one["privateIPAllocationMethod"]))
    return found


def satisfied(fleet: Fleet, phase: Phase) -> None:
    outcomes = fleet.drive(phase)
    assert {
        name: o.message for name, o in outcomes.items() if o.status is not Status.SATISFIED
    } == {}


def test_all_are_taken_along_where_nothing_is_said(fleet: Fleet) -> None:
    satisfied(fleet, Phase.FAILED_OVER)
    assert [subnet for subnet, _, _ in placed(fleet)] == ["servers"] * 3
    assert len(placed(fleet, "web-02")) == 1


@pytest.mark.parametrize("keys", [("1", "2"), ("eni-00000000000000001", "06:00:0A:0A:06:0B")])
def test_each_gets_the_place_and_the_addresses_that_are_declared(
    fleet: Fleet, keys: tuple[str, str]
) -> None:
    one, two = keys
    fleet.targets["web-01"]["interfaces"] = {
        one: {
            "subnet": "data",
            "privateIp": "10.20.2.20",
            "testSubnet": "data",
            "testPrivateIp": "10.21.2.20",
        },
        two: {"subnet": "data"},
    }
    satisfied(fleet, Phase.TEST_FAILOVER)
    tested = placed(fleet, "web-01-test")
    assert tested[0][0] == "servers"
    assert tested[1] == ("data", "10.21.2.20", "Static")
    satisfied(fleet, Phase.FAILED_OVER)
    first, second, third = placed(fleet)
    assert first[0] == "servers"
    assert second == ("data", "10.20.2.20", "Static")
    assert (third[0], third[2]) == ("data", "Dynamic")
    assert fleet.accepted("web-01").count(UPDATE) == 1


def test_one_is_left_out_and_taken_along_again(fleet: Fleet) -> None:
    fleet.targets["web-01"]["interfaces"] = {"2": {"leaveOut": True}}
    satisfied(fleet, Phase.TEST_FAILOVER)
    assert len(placed(fleet, "web-01-test")) == 2
    fleet.targets["web-01"]["interfaces"] = {"2": {"leaveOut": False}}
    satisfied(fleet, Phase.FAILED_OVER)
    assert len(placed(fleet)) == 3
    assert fleet.accepted("web-01").count(UPDATE) == 2


def test_an_address_is_taken_back(fleet: Fleet) -> None:
    fleet.targets["web-01"]["interfaces"] = {"1": {"privateIp": "10.20.1.20"}}
    satisfied(fleet, Phase.PROTECTED)
    fleet.targets["web-01"]["interfaces"] = {"1": {"privateIp": "dynamic"}}
    satisfied(fleet, Phase.FAILED_OVER)
    assert [how for _, _, how in placed(fleet)] == ["Dynamic"] * 3


def test_the_change_of_another_part_leaves_them_alone(fleet: Fleet) -> None:
    interfaces = {"1": {"subnet": "data", "privateIp": "10.20.2.20"}, "2": {"leaveOut": True}}
    fleet.targets["web-01"]["interfaces"] = interfaces
    satisfied(fleet, Phase.PROTECTED)
    fleet.targets["web-01"] |= {"private_ip": "10.20.1.30", "interfaces": None}
    satisfied(fleet, Phase.FAILED_OVER)
    assert placed(fleet) == [
        ("servers", "10.20.1.30", "Static"),
        ("data", "10.20.2.20", "Static"),
    ]


def test_no_machine_fails_over_if_a_further_interface_cannot_have_its_address(fleet: Fleet) -> None:
    fleet.targets["web-01"]["interfaces"] = {"1": {"privateIp": "10.20.1.6"}}
    satisfied(fleet, Phase.PROTECTED)
    outcomes = fleet.drive(Phase.FAILED_OVER)
    assert {o.reason for o in outcomes.values()} == {Reason.NO_ADDRESS}
    message = outcomes["web-01"].message
    assert "Azure may give 10.20.1.6, its target.interfaces.1.privateIp, to web-01" in message
    assert "machines.web-01.target.interfaces.1.privateIp, such as 10.20.1.7" in message
    assert FAILOVER not in fleet.accepted()


def test_the_size_has_to_take_all_of_them(fleet: Fleet) -> None:
    fleet.targets["web-01"] = {"vm_size": "Standard_D2s_v5"}
    fleet.hardware["web-01"] = Hardware(2, 8, 0, interfaces=3)
    fleet.drive(Phase.PROTECTED)
    outcome = fleet.drive(Phase.FAILED_OVER)["web-01"]
    assert outcome.reason is Reason.VM_SIZE_UNSUITABLE
    assert "it has 3 network interfaces, and Standard_D2s_v5 takes 2 at most" in outcome.message
    fleet.targets["web-01"]["interfaces"] = {"2": {"leaveOut": True}}
    satisfied(fleet, Phase.FAILED_OVER)
    assert len(placed(fleet)) == 2


def test_the_default_size_takes_all_of_them(fleet: Fleet) -> None:
    fleet.targets["web-01"] = {}
    fleet.hardware["web-01"] = Hardware(2, 8, 0, interfaces=3)
    satisfied(fleet, Phase.FAILED_OVER)
    assert len(placed(fleet)) == 3


def test_one_that_was_attached_after_the_replication_began_is_refused(fleet: Fleet) -> None:
    satisfied(fleet, Phase.PROTECTED)
    fleet.site.estate.further[fleet.machines["web-02"].id] = ("10.10.5.12",)
    fleet.targets["web-02"] = {"interfaces": {"1": {"subnet": "data"}}}
    outcomes = fleet.drive(Phase.FAILED_OVER)
    assert outcomes["web-02"].reason is Reason.NO_INTERFACE
    assert "does not have network interface 1" in outcomes["web-02"].message
    assert outcomes["web-01"].status is Status.SATISFIED


def test_its_addresses_begin_with_the_primary_ones_wherever_that_is_listed(fleet: Fleet) -> None:
    satisfied(fleet, Phase.FAILED_OVER)
    expected = [address for _, address, _ in placed(fleet)]
    vm = fleet.site.virtual_machines()["web-01"]["id"]
    store = fleet.site.world.store
    with store.transaction():
        document = store.get("microsoft.compute/virtualmachines", vm)
        assert document is not None
        document["properties"]["networkProfile"]["networkInterfaces"].reverse()
        store.put("microsoft.compute/virtualmachines", vm, document)

    async def read() -> tuple[str | None, tuple[str, ...]]:
        async with fleet.connector()(arm_ids.segment(vm, "subscriptions")) as connection:
            guests = AzureGuests(connection)
            return await guests.address(vm), await guests.addresses(vm)

    first, found = asyncio.run(read())
    assert len(found) == 3
    assert first == found[0] == expected[0]
    assert set(found) == set(expected)
