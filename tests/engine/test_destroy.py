"""Destroying a stack with machines in any phase; a new stack over a migrated fleet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.harness import GROUP, MACHINES_GROUP, Stack

pytestmark = pytest.mark.engine

PROTECTED = ["DiscoverProtectableItem", "Create"]
NEVER = {"Purge"}
"""HTTP DELETE on a protected item, after which its source is not cleaned up."""


@pytest.fixture(scope="module", autouse=True)
def before(stack: Stack) -> dict[str, object]:
    """AWS before the stack exists."""
    return stack.clouds.aws()


def destroy(stack: Stack, before: dict[str, object]) -> None:
    """Destroy the stack, and check that only production is left of what it made."""
    result = stack.destroy()
    assert result.code == 0, result.text
    assert "Traceback" not in result.text
    assert stack.resources() == []
    assert GROUP not in stack.clouds.resource_groups()
    assert stack.clouds.aws() == before
    assert stack.clouds.networks(MACHINES_GROUP) == {"vnet-prod"}
    for machine in ("web-01", "web-02"):
        assert NEVER.isdisjoint(stack.clouds.operations(machine))


def test_with_everything_protected(stack: Stack, before: dict[str, object]) -> None:
    stack.declare(pilot=("protected", ["web-01", "web-02"]))
    assert stack.up().code == 0
    assert stack.clouds.aws() != before

    destroy(stack, before)

    for machine in ("web-01", "web-02"):
        assert stack.clouds.operations(machine) == stack.first(*PROTECTED, "Delete")
    assert stack.clouds.virtual_machines(MACHINES_GROUP) == {}


def test_while_a_test_runs(stack: Stack, before: dict[str, object]) -> None:
    stack.config["ec2-to-azure:target"]["adopt"] = True
    stack.declare(pilot=("test-failover", ["web-01"]), rest=("protected", ["web-02"]))
    up = stack.up()
    assert up.code == 0, up.text
    assert set(stack.clouds.virtual_machines(MACHINES_GROUP)) == {"web-01-test"}

    destroy(stack, before)

    assert stack.clouds.operations("web-01")[-2:] == ["TestFailoverCleanup", "Delete"]
    assert stack.clouds.virtual_machines(MACHINES_GROUP) == {}


def test_after_a_migration_the_azure_machine_stays(stack: Stack, before: dict[str, object]) -> None:
    stack.declare(pilot=("migrated", ["web-01"]), rest=("protected", ["web-02"]))
    stack.waves["pilot"]["requireTestFailover"] = False
    up = stack.up()
    assert up.code == 0, up.text

    destroy(stack, before)

    assert set(stack.clouds.virtual_machines(MACHINES_GROUP)) == {"web-01"}
    assert stack.clouds.operations("web-01")[-2:] == ["UnplannedFailover", "Delete"]


def test_a_new_stack_recognises_the_migrated_machine_though_its_source_is_gone(
    stack: Stack, tmp_path: Path
) -> None:
    source = stack.fleet["web-01"]["instanceId"]
    stack.clouds.ec2().terminate_instances(InstanceIds=[source])
    before = stack.clouds.operations("web-01")
    stack.start_over(tmp_path / "state")
    stack.declare(pilot=("migrated", ["web-01"]), rest=("protected", ["web-02"]))

    up = stack.up()

    assert up.code == 0, up.text
    assert stack.clouds.operations("web-01") == before, "neither protected nor migrated again"
    assert stack.machine("web-01")["observedPhase"] == "migrated"
    assert stack.machine("web-02")["observedPhase"] == "protected"
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text


def test_and_refuses_to_protect_it_again(stack: Stack) -> None:
    before = stack.clouds.audit()
    stack.waves["pilot"]["phase"] = "protected"

    preview = stack.preview()

    assert preview.code != 0
    assert "web-01" in preview.text
    assert "Traceback" not in preview.text
    assert stack.clouds.audit() == before
