"""Machines in a network that existed before the stack, and is kept when it is destroyed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.harness import GROUP, Stack

pytestmark = pytest.mark.engine

CORPORATE_GROUP = "rg-corporate"
NETWORK = "vnet-corporate"
FIRST, SECOND = ("apps", "10.30.7.20"), ("others", "10.30.1.20")
DISKS = {"/dev/sdx": 20, "/dev/sdy": 40}
IN_GROUP = f"resourceGroups/{CORPORATE_GROUP}"


def adopt(stack: Stack) -> None:
    """Declare a network that exists already, by its names."""
    stack.config["ec2-to-azure:target"] |= {
        "machinesResourceGroup": CORPORATE_GROUP,
        "network": {
            "name": NETWORK,
            "addressSpace": "10.30.0.0/16",
            "subnet": {"name": "apps", "addressPrefix": "10.30.7.0/24"},
        },
        "adopt": ["machinesResourceGroup", "network"],
    }
    stack.declare(pilot=("migrated", ["web-01"]))
    stack.waves["pilot"]["requireTestFailover"] = False
    target: dict[str, Any] = {
        "privateIp": FIRST[1],
        "interfaces": {"1": {"subnet": SECOND[0], "privateIp": SECOND[1]}},
        "diskType": "StandardSSD_LRS",
    }
    if stack.experience == "modernized":  # In the classic one the server installs the agent here.
        target["disks"] = {device: {"type": "Premium_LRS"} for device in DISKS}
    stack.machines["web-01"] = {**stack.machines["web-01"], "target": target}


def make(stack: Stack) -> None:
    """Create a network with two subnets, as another team of the company does."""
    place = {"location": "westeurope", "tags": {"owner": "network team"}}
    stack.clouds.put(IN_GROUP, place, "2024-03-01")
    subnets = [
        {"name": name, "properties": {"addressPrefix": prefix}}
        for name, prefix in (("others", "10.30.1.0/24"), ("apps", "10.30.7.0/24"))
    ]
    space = {"addressSpace": {"addressPrefixes": ["10.30.0.0/16"]}, "subnets": subnets}
    path = f"{IN_GROUP}/providers/Microsoft.Network/virtualNetworks/{NETWORK}"
    stack.clouds.put(path, place | {"properties": space}, "2024-05-01")


def types_of(machine: dict[str, Any]) -> list[str]:
    """The types of a virtual machine's disks, that of the operating system first."""
    profile = machine["properties"]["storageProfile"]
    disks = [profile["osDisk"], *profile["dataDisks"]]
    return [disk["managedDisk"]["storageAccountType"] for disk in disks]


def test_one_that_is_not_there_is_named_and_nothing_is_made(stack: Stack) -> None:
    stack.clouds.equip(stack.fleet["web-01"]["instanceId"], DISKS)
    adopt(stack)
    before = stack.clouds.audit()

    preview = stack.preview()

    assert preview.code != 0
    assert "Traceback" not in preview.text
    assert f"/resourceGroups/{CORPORATE_GROUP}" in preview.error
    assert "does not exist" in preview.error
    assert stack.clouds.audit() == before


def test_the_machine_lands_in_it_with_all_its_interfaces_and_disks(stack: Stack) -> None:
    make(stack)

    up = stack.up()

    assert up.code == 0, up.text
    machines = stack.clouds.virtual_machines(CORPORATE_GROUP)
    assert set(machines) == {"web-01"}
    assert stack.clouds.network_of(machines["web-01"]) == NETWORK
    assert stack.clouds.places_of(machines["web-01"]) == [FIRST, SECOND]
    assert types_of(machines["web-01"]) == [
        "StandardSSD_LRS",
        *["Premium_LRS" if stack.experience == "modernized" else "StandardSSD_LRS"] * len(DISKS),
    ]
    assert stack.machine("web-01")["observedPhase"] == "migrated"


def test_destroy_leaves_it_as_it_was(stack: Stack) -> None:
    before = stack.clouds.network(CORPORATE_GROUP, NETWORK)
    assert before["tags"] == {"owner": "network team"}

    destroy = stack.destroy()

    assert destroy.code == 0, destroy.text
    assert stack.clouds.network(CORPORATE_GROUP, NETWORK) == before
    assert set(stack.clouds.virtual_machines(CORPORATE_GROUP)) == {"web-01"}
    groups = stack.clouds.resource_groups()
    assert CORPORATE_GROUP in groups
    assert GROUP not in groups
