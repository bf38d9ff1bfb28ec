"""A job that fails in Azure fails its own machine, and the next up goes on from there."""

from __future__ import annotations

import pytest

from tests.engine.harness import MACHINES_GROUP, Stack

pytestmark = pytest.mark.engine

PROTECTED = ["DiscoverProtectableItem", "Create"]
POWERED_OFF = {
    "errorCode": "78145",
    "errorMessage": "The virtual machine is powered off",
    "possibleCauses": "Someone stopped it.",
    "recommendedAction": "Start it and try again.",
}


def assert_told(text: str) -> None:
    """The message of the machine is that of the service, with its recommended action."""
    assert "web-01" in text
    assert "The virtual machine is powered off. [78145]" in text
    assert "Possible causes: Someone stopped it." in text
    assert "Recommended action: Start it and try again." in text


def test_enabling_that_fails_names_the_machine_and_leaves_the_other_protected(
    stack: Stack,
) -> None:
    stack.declare(pilot=("protected", ["web-01", "web-02"]))
    stack.clouds.fault("EnableDr", match="web-01", job=POWERED_OFF)

    up = stack.up()

    assert up.code != 0
    assert set(up.errors) - {""} <= {"web-01", "ec2-to-azure-engine"}
    assert_told("\n".join(up.errors["web-01"]))
    assert "Traceback" not in up.text
    assert stack.recorded("web-01") is None
    recorded = stack.recorded("web-02")
    assert recorded is not None
    assert recorded["observed_phase"] == "protected"


def test_the_next_up_protects_it(stack: Stack) -> None:
    up = stack.up()

    assert up.code == 0, up.text
    assert stack.machine("web-01")["observedPhase"] == "protected"
    assert stack.clouds.operations("web-02") == stack.first(*PROTECTED), (
        "the other one was left alone"
    )


def test_a_test_failover_that_fails_leaves_the_machine_recorded_as_it_was(stack: Stack) -> None:
    stack.declare(pilot=("test-failover", ["web-01", "web-02"]))
    stack.clouds.fault("TestFailover", match="web-01", job=POWERED_OFF)

    up = stack.up()

    assert up.code != 0
    assert_told("\n".join(up.errors["web-01"]))
    assert "web-02" not in up.errors
    phases = {}
    for name in ("web-01", "web-02"):
        recorded = stack.recorded(name)
        assert recorded is not None
        phases[name] = recorded["observed_phase"]
    assert phases == {"web-01": "protected", "web-02": "test-failover"}
    assert "web-02-test" in stack.clouds.virtual_machines(MACHINES_GROUP)


def test_the_next_up_tests_that_machine_only(stack: Stack) -> None:
    up = stack.up()

    assert up.code == 0, up.text
    assert stack.machine("web-01")["observedPhase"] == "test-failover"
    assert stack.clouds.operations("web-01")[-2:] == ["TestFailover", "TestFailover"]
    assert stack.clouds.operations("web-02") == stack.first(*PROTECTED, "TestFailover")
    tests = {"web-01-test", "web-02-test"}
    assert tests <= set(stack.clouds.virtual_machines(MACHINES_GROUP))
