"""Two stacks of one project run at the same time over one estate: each with a vault, or over one vault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.engine.clouds import Clouds
from tests.engine.harness import GROUP, VAULT, Pythons, Stack

pytestmark = pytest.mark.engine

ADOPTED = [
    "resourceGroup",
    "vault",
    "machinesResourceGroup",
    "network",
    "testNetwork",
    "cacheStorageAccount",
]
OTHER_GROUP, OTHER_VAULT = "rg-other", "rsv-other"


@pytest.fixture(scope="module")
def other(
    tmp_path_factory: pytest.TempPathFactory,
    clouds: Clouds,
    warm_pythons: Pythons,
    real_pythons: Pythons,
    experience: str,
) -> Stack:
    """Another stack of the project, with a vault of its own."""
    root: Path = tmp_path_factory.mktemp("other")
    made = Stack(root, clouds, warm_pythons, real_pythons, experience, "other")
    made.config["ec2-to-azure:target"] |= {
        "resourceGroup": OTHER_GROUP,
        "vault": OTHER_VAULT,
        "cacheStorageAccount": "stmigrationother",
    }
    return made


def items(stack: Stack, group: str, vault: str) -> set[str]:
    """Names of a vault's protected items."""
    listed = stack.clouds.site_recovery().replication_protected_items.list(group, vault)
    return {str(item.name) for item in listed}


def up_at_once(*stacks: Stack) -> None:
    """Run both at the same time; both succeed, and have nothing to do afterwards."""
    running = [stack.start("up", "--yes", "--skip-preview") for stack in stacks]
    for each in [one.result() for one in running]:
        assert each.code == 0, each.text
    for stack in stacks:
        again = stack.up("--expect-no-changes")
        assert again.code == 0, again.text


def test_with_two_vaults_each_drives_its_own_machines(stack: Stack, other: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    other.declare(pilot=("protected", ["web-02"]))

    up_at_once(stack, other)

    assert items(stack, GROUP, VAULT) == {"web-01"}
    assert items(stack, OTHER_GROUP, OTHER_VAULT) == {"web-02"}
    for machine in ("web-01", "web-02"):
        assert stack.clouds.operations(machine) == stack.first("Create")


def test_destroying_one_leaves_the_other_as_it_is(stack: Stack, other: Stack) -> None:
    destroy = other.destroy()

    assert destroy.code == 0, destroy.text
    assert items(stack, GROUP, VAULT) == {"web-01"}
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text


def through_the_same_appliance(stack: Stack, other: Stack) -> None:
    """Let the other stack use the vault, the networks and the appliance of the first one."""
    server: dict[str, Any] = stack.outputs()["server"]
    ec2 = stack.clouds.ec2()
    [found] = ec2.describe_instances(InstanceIds=[server["instanceId"]])["Reservations"]
    group = found["Instances"][0]["SecurityGroups"][0]["GroupId"]
    registered = {
        "name": server["name"],
        "securityGroupId": group,
        "privateIp": server["privateIp"],
    }
    source = other.config["ec2-to-azure:source"]
    other.config["ec2-to-azure:source"] = {
        "vpcId": source["vpcId"],
        "replicationAppliance": {"registered": registered},
    }
    target = stack.config["ec2-to-azure:target"]
    other.config["ec2-to-azure:target"] = {**target, "adopt": ADOPTED}


def test_with_one_vault_both_may_drive_the_same_machine(stack: Stack, other: Stack) -> None:
    through_the_same_appliance(stack, other)
    other.declare(late=("protected", ["web-03"]))
    first = other.up()
    assert first.code != 0, "its agents wait for the file of the appliance"
    (fabric,) = stack.clouds.fabrics(GROUP)
    name = stack.outputs()["server"]["name"]
    stack.clouds.client("secretsmanager").put_secret_value(
        SecretId="ec2-to-azure-other-replication-appliance-agent",
        SecretString=json.dumps({"applianceId": stack.clouds.appliance_id(fabric, name)}),
    )
    stack.declare(pilot=("protected", ["web-01"]), late=("protected", ["web-03"]))

    up_at_once(stack, other)

    assert items(stack, GROUP, VAULT) == {"web-01", "web-03"}
    assert stack.clouds.operations("web-03") == stack.first("Create")
    for each in (stack, other):
        assert each.machine("web-03")["observedPhase"] == "protected"
