"""Disks and interfaces by the stand-in of azure-native. Virtual machines need a failover first:
`tests/engine/test_the_handover.py` has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulator.arm.subscriptions import SUBSCRIPTION
from tests.emulator.providers.local_azure import environment, serving
from tests.emulator.providers.providers_client import Engine, Refused, running

GROUP = "azure-native:resources:ResourceGroup"
NETWORK = "azure-native:network:VirtualNetwork"
INTERFACE = "azure-native:network:NetworkInterface"
SECURITY_GROUP = "azure-native:network:NetworkSecurityGroup"
DISK = "azure-native:compute:Disk"
MACHINE = "azure-native:compute:VirtualMachine"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with (
        serving() as azure,
        running("emulator.providers.azure_native", environment(azure[1])) as engine,
    ):
        engine.configure(location="westeurope", subscriptionId=SUBSCRIPTION)
        engine.create(GROUP, "group", {"resourceGroupName": "rg"})
        yield engine


def test_a_disk_is_made_grows_and_is_adopted_with_what_a_program_declares(engine: Engine) -> None:
    inputs: dict[str, Any] = {
        "resourceGroupName": "rg",
        "diskName": "data",
        "creationData": {"createOption": "Empty"},
        "diskSizeGB": 8,
        "sku": {"name": "Premium_LRS"},
    }
    made = engine.create(DISK, "data", inputs)
    assert made.state["diskState"] == "Unattached"
    assert made.state["azureApiVersion"] == "2024-03-02"
    assert engine.changes(made, inputs) == {}
    assert engine.changes(made, {**inputs, "diskSizeGB": 16}) == {"diskSizeGB": "UPDATE"}
    copied = {**inputs, "creationData": {"createOption": "Copy"}}
    assert engine.changes(made, copied) == {"creationData.createOption": "UPDATE_REPLACE"}
    grown = engine.update(made, {**inputs, "diskSizeGB": 16})
    assert grown.state["diskSizeGB"] == 16

    adopted = engine.adopt(DISK, "data", made.id)

    assert adopted is not None
    assert adopted.inputs == {**inputs, "diskSizeGB": 16, "location": "westeurope"}
    assert engine.changes(adopted, adopted.inputs) == {}
    engine.delete(grown)


def test_an_interface_is_made_changed_and_adopted(engine: Engine) -> None:
    subnets = [{"name": "servers", "addressPrefix": "10.1.0.0/24"}]
    network = engine.create(
        NETWORK,
        "net",
        {
            "resourceGroupName": "rg",
            "virtualNetworkName": "net",
            "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
            "subnets": subnets,
        },
    )
    rules = engine.create(
        SECURITY_GROUP, "rules", {"resourceGroupName": "rg", "networkSecurityGroupName": "rules"}
    )
    subnet = {"id": f"{network.id}/subnets/servers"}
    inputs = {
        "resourceGroupName": "rg",
        "networkInterfaceName": "nic",
        "ipConfigurations": [{"name": "one", "subnet": subnet}],
    }
    made = engine.create(INTERFACE, "nic", inputs)
    (shown,) = made.state["ipConfigurations"]
    assert (shown["privateIPAddress"], shown["subnet"]["id"]) == ("10.1.0.4", subnet["id"])
    assert engine.changes(made, inputs) == {}

    guarded = {**inputs, "networkSecurityGroup": {"id": rules.id}, "tags": {"a": "1"}}
    assert engine.changes(made, guarded) == {"networkSecurityGroup": "ADD", "tags": "ADD"}
    changed = engine.update(made, guarded)
    assert changed.state["networkSecurityGroup"]["id"] == rules.id
    assert changed.state["ipConfigurations"][0]["privateIPAddress"] == "10.1.0.4"

    adopted = engine.adopt(INTERFACE, "nic", made.id)

    assert adopted is not None
    assert adopted.inputs["networkSecurityGroup"] == {"id": rules.id}
    assert engine.changes(adopted, adopted.inputs) == {}
    engine.delete(changed)


def test_a_machine_is_not_made_and_an_unknown_one_not_adopted(engine: Engine) -> None:
    inputs = {"resourceGroupName": "rg", "vmName": "web-01"}
    with pytest.raises(Refused, match="only a failover does"):
        engine.create(MACHINE, "web-01", inputs)
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
    path = f"{group}/providers/Microsoft.Compute/virtualMachines/web-01"
    assert engine.adopt(MACHINE, "web-01", path) is None
