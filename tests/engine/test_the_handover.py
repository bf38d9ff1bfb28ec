"""Migrated machines go on as code: imported into an empty stack, which shows and makes no change."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.engine.harness import GROUP, MACHINES_GROUP, Stack
from tests.engine.second_stack import SecondStack

pytestmark = pytest.mark.engine

MACHINES = ["web-01", "db-01"]
OTHER = "app-01"
NETWORK_VERSION = "2024-05-01"


@pytest.fixture(scope="module")
def untouched(stack: Stack) -> dict[str, Any]:
    """What is in AWS before the stack is, where one machine has more hardware than the others."""
    disks = {"/dev/sdx": 20, "/dev/sdy": 20}
    stack.clouds.equip(stack.fleet[MACHINES[0]]["instanceId"], disks)
    return stack.clouds.aws()


def interfaces_of(machine: dict[str, Any]) -> list[dict[str, Any]]:
    """The network interfaces of a virtual machine, as its profile names them."""
    found: list[dict[str, Any]] = machine["properties"]["networkProfile"]["networkInterfaces"]
    return found


def data_disks_of(machine: dict[str, Any]) -> list[dict[str, Any]]:
    """The data disks of a virtual machine."""
    found: list[dict[str, Any]] = machine["properties"]["storageProfile"]["dataDisks"]
    return found


@pytest.fixture(scope="module")
def migrated(stack: Stack, untouched: dict[str, Any]) -> Stack:
    """A stack that migrated two machines, and protects a third one."""
    stack.declare(pilot=("migrated", MACHINES), rest=("protected", [OTHER]))
    stack.waves["pilot"]["requireTestFailover"] = False
    up = stack.up()
    assert up.code == 0, up.text
    _open_to_the_world(stack)
    return stack


def _open_to_the_world(stack: Stack) -> None:
    """Give the interface of a migrated machine rules and a public address, as a person would."""
    provider = f"resourceGroups/{MACHINES_GROUP}/providers/Microsoft.Network"
    machine = stack.clouds.virtual_machines(MACHINES_GROUP)["web-01"]
    location = machine["location"]
    rule = {
        "name": "https",
        "properties": {
            "priority": 100,
            "access": "Allow",
            "direction": "Inbound",
            "protocol": "Tcp",
            "sourceAddressPrefix": "*",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "443",
        },
    }
    rules, address = f"{provider}/networkSecurityGroups/web", f"{provider}/publicIPAddresses/web-01"
    body = {"location": location, "properties": {"securityRules": [rule]}}
    stack.clouds.put(rules, body, NETWORK_VERSION)
    static = {"publicIPAllocationMethod": "Static"}
    body = {"location": location, "sku": {"name": "Standard"}, "properties": static}
    stack.clouds.put(address, body, NETWORK_VERSION)
    [used] = [each for each in interfaces_of(machine) if each["properties"]["primary"]]
    path = used["id"].split("/", 3)[3]
    shown = stack.clouds.get(path, NETWORK_VERSION)
    subscription = used["id"].split("/resourceGroups/")[0]
    shown["properties"]["networkSecurityGroup"] = {"id": f"{subscription}/{rules}"}
    [configuration] = shown["properties"]["ipConfigurations"]
    configuration["properties"]["publicIPAddress"] = {"id": f"{subscription}/{address}"}
    stack.clouds.put(path, shown, NETWORK_VERSION)


@pytest.fixture(scope="module")
def project(migrated: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make handover` writes."""
    folder = tmp_path_factory.mktemp("handover") / "project"
    before = migrated.clouds.audit()
    text = migrated.tool("handover", "--output", str(folder), "--networks", "--terraform")
    assert "2 machines" in text
    assert migrated.clouds.audit() == before, "a handover changes nothing"
    return folder


@pytest.fixture(scope="module")
def second(migrated: Stack, project: Path, tmp_path_factory: pytest.TempPathFactory) -> SecondStack:
    """The project in an empty backend of its own."""
    return SecondStack(migrated, project, tmp_path_factory.mktemp("state"))


def test_an_imported_machine_shows_no_change(second: SecondStack, migrated: Stack) -> None:
    machines = migrated.clouds.virtual_machines(MACHINES_GROUP)
    interfaces = [len(interfaces_of(machine)) for machine in machines.values()]
    disks = [1 + len(data_disks_of(machine)) for machine in machines.values()]
    assert sorted(interfaces) == [1, 2], "one machine has a second interface"
    assert max(disks) >= 3, "and two data disks at least"

    text = second.imports("engine")

    exported = json.loads(second.succeeds("stack", "export"))["deployment"]["resources"]
    types = [resource["type"].rpartition(":")[2] for resource in exported]
    assert types.count("VirtualMachine") == len(MACHINES)
    assert types.count("NetworkInterface") == sum(interfaces)
    assert types.count("Disk") == sum(disks)
    assert types.count("NetworkSecurityGroup") == 1
    assert types.count("PublicIPAddress") == 1
    assert "unchanged" in text


def test_the_outputs_name_the_addresses_of_all_interfaces(migrated: Stack) -> None:
    rows = migrated.outputs()["machines"]
    for name, machine in migrated.clouds.virtual_machines(MACHINES_GROUP).items():
        addresses = rows[name]["privateIps"]
        assert len(addresses) == len(interfaces_of(machine))
        assert rows[name]["privateIp"] == addresses[0] == migrated.clouds.address_of(machine)
        assert f"| {', '.join(addresses)} |" in migrated.outputs()["readme"]


def test_a_changed_tag_reaches_the_machine_and_nothing_else(
    second: SecondStack, migrated: Stack
) -> None:
    before = migrated.clouds.virtual_machines(MACHINES_GROUP)
    second.tag("web_01", "machine", owner="team-a")

    second.succeeds("up", "--yes", "--skip-preview")

    after = migrated.clouds.virtual_machines(MACHINES_GROUP)
    assert after["web-01"]["tags"] == {**before["web-01"]["tags"], "owner": "team-a"}
    assert after["db-01"] == before["db-01"]
    for part in ("hardwareProfile", "networkProfile", "storageProfile", "vmId"):
        assert after["web-01"]["properties"][part] == before["web-01"]["properties"][part]
    second.succeeds("preview", "--expect-no-changes")


def test_a_changed_tag_reaches_rules_and_address_and_the_interface_keeps_both(
    second: SecondStack, project: Path, migrated: Stack
) -> None:
    provider = f"resourceGroups/{MACHINES_GROUP}/providers/Microsoft.Network"
    kinds = {
        "NetworkSecurityGroup": "networkSecurityGroups/web",
        "PublicIPAddress": "publicIPAddresses/web-01",
    }
    before = {
        path: migrated.clouds.get(f"{provider}/{path}", NETWORK_VERSION) for path in kinds.values()
    }
    for file in (project / "machines").glob("*.py"):
        text = file.read_text("utf-8")
        for kind in kinds:
            declared = re.compile(rf'(network\.{kind}\(\n    "[^"]+",\n)')
            text = declared.sub(r'\1    tags={"owner": "team-a"},\n', text)
        file.write_text(text, "utf-8")

    second.succeeds("up", "--yes", "--skip-preview")

    for path, was in before.items():
        now = migrated.clouds.get(f"{provider}/{path}", NETWORK_VERSION)
        assert now["tags"] == {"owner": "team-a"}
        for name in ("securityRules", "ipAddress", "ipConfiguration", "networkInterfaces"):
            assert now["properties"].get(name) == was["properties"].get(name)
    second.succeeds("preview", "--expect-no-changes")


def test_the_machines_are_protected_from_a_destroy(second: SecondStack, migrated: Stack) -> None:
    done = second.run("destroy", "--yes", "--skip-preview")
    assert done.returncode != 0
    assert set(migrated.clouds.virtual_machines(MACHINES_GROUP)) == set(MACHINES)


def test_the_first_stack_has_nothing_to_do_after_it(migrated: Stack) -> None:
    again = migrated.up("--expect-no-changes")
    assert again.code == 0, again.text


def test_terraform_gets_a_block_for_each_resource(project: Path) -> None:
    imports: dict[str, Any] = json.loads((project / "import.json").read_text("utf-8"))
    text = (project / "terraform" / "imports.tf").read_text("utf-8")
    for resource in imports["resources"]:
        assert f'"{resource["id"]}"' in text
    machine = (project / "terraform" / "web_01.tf").read_text("utf-8")
    for attached in ("azurerm_virtual_machine_data_disk_attachment", "security_group_association"):
        assert attached in machine
        assert attached in text
    assert "#" not in machine, "azurerm has an argument for everything"


# -- the source side is retired ---------------------------------------------------------------


def test_it_is_not_retired_while_a_machine_is_not_migrated(migrated: Stack) -> None:
    migrated.config["ec2-to-azure:sourceInfrastructure"] = "retired"
    before = migrated.clouds.audit()
    refused = migrated.up()
    assert refused.code != 0
    assert "it is retired, and the phase of wave rest is protected" in refused.error

    migrated.waves["rest"]["phase"] = "migrated"
    refused = migrated.up()
    assert refused.code != 0
    assert f"{OTHER}: it is not migrated, and its source side is to be retired" in refused.error
    assert migrated.clouds.audit() == before
    assert migrated.outputs()["server"]["instanceId"]


def test_server_groups_and_registration_go_and_the_record_stays(
    migrated: Stack, untouched: dict[str, Any]
) -> None:
    migrated.config.pop("ec2-to-azure:sourceInfrastructure")
    migrated.waves["rest"]["requireTestFailover"] = False
    assert migrated.up().code == 0
    rows = migrated.outputs()["machines"]
    machines = migrated.clouds.virtual_machines(MACHINES_GROUP)
    migrated.config["ec2-to-azure:sourceInfrastructure"] = "retired"
    preview = migrated.preview()
    assert preview.code == 0, preview.text

    retired = migrated.up()

    assert retired.code == 0, retired.text
    told = " ".join(retired.text.split())
    assert "The source side is retired: server, agents' set-up, security groups and" in told
    assert "In AWS the instances are left, with the agent in those that run, and the fence" in told
    assert migrated.clouds.aws() == untouched, "of the stack nothing is left in AWS"
    outputs = migrated.outputs()
    assert outputs["server"] == {"retired": True}
    assert outputs["machines"] == rows
    assert migrated.clouds.virtual_machines(MACHINES_GROUP) == machines
    assert migrated.clouds.fabrics(GROUP) == []
    kinds = {resource["type"].rpartition(":")[2] for resource in migrated.resources()}
    assert kinds.isdisjoint({"Association", "Document", "Instance", "SecurityGroup"})
    assert {"Wave", "Machine", "Vault"} <= kinds


def test_after_that_nothing_changes_and_a_refresh_finds_no_drift(migrated: Stack) -> None:
    again = migrated.up("--expect-no-changes")
    assert again.code == 0, again.text
    assert migrated.refresh().code == 0
    again = migrated.up("--expect-no-changes")
    assert again.code == 0, again.text
    told = json.loads(migrated.report("status", "--json"))
    assert told["counts"]["migrated"] == len(MACHINES) + 1


def test_a_machine_that_is_gone_is_named_and_the_rest_written(
    migrated: Stack, tmp_path: Path
) -> None:
    path = f"resourceGroups/{MACHINES_GROUP}/providers/Microsoft.Compute/virtualMachines/db-01"
    migrated.clouds.delete(path, "2024-07-01")
    migrated.clouds.until(lambda: "db-01" not in migrated.clouds.virtual_machines(MACHINES_GROUP))
    done = migrated.run_tool("handover", "--output", str(tmp_path / "again"))
    assert done.code == 1
    assert "db-01: its virtual machine db-01 does not exist any more" in done.text
    assert (tmp_path / "again" / "machines" / "web_01.py").exists()
    assert not (tmp_path / "again" / "machines" / "db_01.py").exists()


def test_a_retired_stack_is_destroyed_as_any_other(migrated: Stack) -> None:
    destroyed = migrated.destroy()
    assert destroyed.code == 0, destroyed.text
    assert "web-01" in migrated.clouds.virtual_machines(MACHINES_GROUP)
    assert migrated.clouds.vaults(GROUP) == set()
