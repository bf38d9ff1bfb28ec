"""A destroy leaves nothing of ours in either cloud, however the run before it ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from emulator.arm.subscriptions import SUBSCRIPTION
from tests.engine.clouds import SCALE
from tests.engine.harness import GROUP, MACHINES_GROUP, Stack

pytestmark = pytest.mark.engine

MACHINES = ["web-01", "web-02"]
NETWORK = "Microsoft.Network/virtualNetworks vnet-prod"
RULES = "Microsoft.Network/networkSecurityGroups nsg-vnet-prod"
STAYS = {MACHINES_GROUP: {NETWORK, RULES}}
"""The machines' group, network and rules are production: no stack deletes them."""


@pytest.fixture(scope="module", autouse=True)
def before(stack: Stack) -> dict[str, object]:
    """AWS before the stack exists."""
    return stack.clouds.aws()


@pytest.fixture(autouse=True)
def begun(stack: Stack) -> None:
    """Declare protected machines, and adopt what earlier stacks rightly left behind."""
    stays = stack.clouds.azure().get(MACHINES_GROUP)
    target = stack.config["ec2-to-azure:target"]
    target["adopt"] = [] if stays is None else ["machinesResourceGroup"]
    subnet = target["network"]["subnet"]
    subnet.pop("networkSecurityGroup", None)
    if stays and NETWORK in stays:
        target["adopt"] += ["network"]
    elif stays:
        kind, name = RULES.split()
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{MACHINES_GROUP}"
        subnet["networkSecurityGroup"] = f"{group}/providers/{kind}/{name}"
    stack.declare(pilot=("protected", MACHINES))


def nothing_is_left(stack: Stack, before: dict[str, object]) -> None:
    result = stack.destroy()
    assert result.code == 0, result.text
    assert "Traceback" not in result.text
    assert stack.resources() == []
    assert stack.clouds.aws() == before
    for group, resources in stack.clouds.azure().items():
        assert resources <= STAYS[group]
    purged = {record["operation"] for record in stack.clouds.audit()}
    assert "ReplicationProtectedItems_Purge" not in purged


def test_of_a_landing_zone_that_is_half_made(stack: Stack, before: dict[str, object]) -> None:
    refusal: dict[str, Any] = {"status": 409, "code": "StorageAccountAlreadyTaken", "times": 10}
    stack.clouds.fault("StorageAccounts_Create", **refusal)
    up = stack.up()
    assert up.code != 0, up.text
    assert stack.clouds.azure() != {}
    stack.clouds.clear_faults()

    nothing_is_left(stack, before)


def test_of_a_server_that_registered_after_nobody_waited_any_more(
    stack: Stack, before: dict[str, object]
) -> None:
    replication = stack.config["ec2-to-azure:replication"]
    waits = replication["registrationTimeout"]
    replication["registrationTimeout"] = "1m"
    stack.clouds.fault("ReplicationFabrics_List", stale=True, times=10_000)
    up = stack.up()
    stack.clouds.clear_faults()
    assert up.code != 0, up.text
    assert "registered with it yet" in up.error
    stack.clouds.advance(timedelta(hours=3).total_seconds())
    (fabric,) = stack.clouds.fabrics(GROUP)
    replication["registrationTimeout"] = waits

    nothing_is_left(stack, before)

    removed = [one["resource"].lower() for one in stack.clouds.audit()]
    assert fabric.lower() in removed


def test_of_a_wave_that_was_killed_before_it_was_recorded(
    stack: Stack, before: dict[str, object]
) -> None:
    # A replication that takes long: the run is killed in the middle of it.
    stack.clouds.fault("EnableDr", match="web-01", delaySeconds=600)
    up = stack.start("up", "--yes", "--skip-preview", real=True)
    for machine in MACHINES:
        up.until(f"{machine}: enable protection started")
    up.kill()
    stack.succeeds("cancel", "--yes")
    assert stack.recorded("web-01") is None

    nothing_is_left(stack, before)

    for machine in MACHINES:
        assert stack.clouds.operations(machine)[-1] == "Delete"


def test_of_a_destroy_that_was_killed(stack: Stack, before: dict[str, object]) -> None:
    up = stack.up()
    assert up.code == 0, up.text
    stack.clouds.set_scale(0)
    first = stack.start("destroy", "--yes", "--skip-preview", real=True)
    for machine in MACHINES:
        first.until(f"{machine}: disable protection started")
    first.kill()
    stack.succeeds("cancel", "--yes")
    stack.clouds.set_scale(SCALE)

    nothing_is_left(stack, before)

    for machine in MACHINES:
        assert stack.clouds.operations(machine).count("Delete") == 2, "once here, once before"
