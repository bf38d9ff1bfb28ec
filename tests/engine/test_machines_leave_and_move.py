"""What happens to a machine that leaves its wave or moves to another one."""

from __future__ import annotations

import pytest

from tests.engine.harness import GROUP, MACHINES_GROUP, VAULT, Stack, row

pytestmark = pytest.mark.engine

PROTECTED = ["DiscoverProtectableItem", "Create"]


def items(stack: Stack) -> set[str]:
    """Names of the vault's protected items, as the SDK lists them."""
    listed = stack.clouds.site_recovery().replication_protected_items.list(GROUP, VAULT)
    return {str(item.name) for item in listed}


def assert_same_after_up(stack: Stack) -> None:
    """Run an up that changes the state of the stack, and nothing in Azure."""
    before = stack.clouds.audit()
    up = stack.up()
    assert up.code == 0, up.text
    assert stack.clouds.audit() == before
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text
    assert stack.clouds.audit() == before


def test_a_machine_moves_to_another_wave(stack: Stack) -> None:
    stack.declare(one=("protected", ["web-01", "web-02"]), two=("protected", ["app-01"]))
    assert stack.up().code == 0
    stack.declare(one=("protected", ["web-01"]), two=("protected", ["app-01", "web-02"]))

    assert_same_after_up(stack)

    assert items(stack) == {"web-01", "web-02", "app-01"}
    assert stack.machine("web-02")["wave"] == "two"


def test_a_wave_gets_another_name(stack: Stack) -> None:
    stack.declare(one=("protected", ["web-01"]), renamed=("protected", ["app-01", "web-02"]))

    assert_same_after_up(stack)

    assert items(stack) == {"web-01", "web-02", "app-01"}
    assert stack.machine("app-01")["wave"] == "renamed"


def test_a_machine_that_leaves_is_no_longer_replicated(stack: Stack) -> None:
    stack.declare(one=("protected", ["web-01"]), renamed=("protected", ["app-01"]))

    preview = stack.preview()
    up = stack.up()

    assert preview.reviewed["web-02"] == "protected → out of the vault: disable protection"
    assert up.code == 0, up.text
    # "Delete" is POST .../remove, which cleans up the source. HTTP DELETE would be "Purge".
    assert stack.clouds.operations("web-02") == stack.first(*PROTECTED, "Delete")
    assert items(stack) == {"web-01", "app-01"}
    assert set(stack.outputs()["machines"]) == {"web-01", "app-01"}
    assert stack.recorded("web-02") is None


@row("pulumi config rm --path <a wave>")
def test_a_wave_that_leaves_takes_its_machines_along(stack: Stack) -> None:
    stack.declare(one=("protected", ["web-01"]))

    up = stack.up()

    assert up.code == 0, up.text
    assert stack.clouds.operations("app-01") == stack.first(*PROTECTED, "Delete")
    assert items(stack) == {"web-01"}
    assert stack.clouds.operations("web-01") == stack.first(*PROTECTED)


def test_a_machine_may_leave_from_a_test(stack: Stack) -> None:
    stack.declare(one=("test-failover", ["web-01", "web-03"]))
    assert stack.up().code == 0
    stack.declare(one=("test-failover", ["web-01"]))

    up = stack.up()

    assert up.code == 0, up.text
    assert stack.clouds.operations("web-03")[-2:] == ["TestFailoverCleanup", "Delete"]
    assert items(stack) == {"web-01"}
    assert set(stack.clouds.virtual_machines(MACHINES_GROUP)) == {"web-01-test"}


def test_the_network_of_a_running_test_is_not_replaced(stack: Stack) -> None:
    target = stack.config["ec2-to-azure:target"]
    renamed = {**target["testNetwork"], "name": "vnet-renamed"}
    stack.config["ec2-to-azure:target"] = {**target, "testNetwork": renamed}
    before = stack.clouds.audit()

    for result in (stack.preview(), stack.up()):
        assert result.code != 0
        assert "of test failovers are in test network vnet-test of" in result.error
        assert "Traceback" not in result.text

    assert stack.clouds.audit() == before
    stack.config["ec2-to-azure:target"] = target
    assert_same_after_up(stack)


def test_a_machine_that_never_got_there_leaves_with_its_wave(stack: Stack) -> None:
    error = {"errorCode": "150097", "errorMessage": "The disk is not consistent"}
    stack.clouds.fault(operation="TestFailover", match="app-02", job=error)
    stack.declare(one=("test-failover", ["web-01"]), late=("test-failover", ["app-02"]))
    assert stack.up().code != 0
    assert stack.recorded("app-02") is None
    stack.declare(one=("test-failover", ["web-01"]))

    up = stack.up()

    assert up.code == 0, up.text
    assert stack.clouds.operations("app-02")[-1] == "Delete"
    assert items(stack) == {"web-01"}


@pytest.mark.parametrize("now", ["renamed", "merged"])
def test_a_migrated_machine_is_not_migrated_again_in_a_run_without_a_preview(
    stack: Stack, now: str
) -> None:
    """Its wave gets another name, or goes, and its virtual machine is not there any more."""
    machine = {"renamed": "web-02", "merged": "web-03"}[now]
    stack.declare(one=("test-failover", ["web-01"]), two=("migrated", [machine]))
    stack.waves["two"]["requireTestFailover"] = False
    first = stack.up()
    assert first.code == 0, first.text
    group = f"resourceGroups/{MACHINES_GROUP}/providers/Microsoft.Compute/virtualMachines"
    stack.clouds.delete(f"{group}/{machine}", "2024-11-01")
    stack.clouds.until(lambda: machine not in stack.clouds.virtual_machines(MACHINES_GROUP))
    before = stack.clouds.operations(machine)
    if now == "renamed":
        stack.declare(one=("test-failover", ["web-01"]), renamed=("migrated", [machine]))
    else:
        stack.declare(one=("migrated", ["web-01", machine]))
    for wave in stack.waves.values():
        wave["requireTestFailover"] = False

    up = stack.up()

    assert up.code != 0
    assert f"{machine}: it was migrated, and no virtual machine" in up.text
    assert stack.clouds.operations(machine) == before
