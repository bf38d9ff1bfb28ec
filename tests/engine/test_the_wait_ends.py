"""A run whose wait ends before its machines reached their phase, with both `onPending`."""

from __future__ import annotations

import re

import pytest

from tests.engine.clouds import SCALE
from tests.engine.harness import Running, Stack

pytestmark = pytest.mark.engine

PROTECTED = ["DiscoverProtectableItem", "Create"]
SLOW = "db-01"
"""Its disks are so large that their replication takes almost half an hour."""
PENDING = re.compile(rf"{SLOW}: still on its way to protected: .*initial replication \d+%")


def begin(stack: Stack, *, scale: float = 0) -> Running:
    """Start an up whose service time passes only when the test steps it, unless it has a scale."""
    stack.clouds.set_scale(scale)
    return stack.start("up", "--yes", "--skip-preview")


def test_a_wait_that_ends_fails_the_machine_and_says_how_far_it_is(stack: Stack) -> None:
    stack.declare(quick=("protected", ["web-01"]))
    assert stack.up().code == 0
    stack.declare(quick=("protected", ["web-01"]), slow=("protected", [SLOW]))
    modernized = stack.experience == "modernized"
    # An appliance reports a new machine within a quarter of an hour, and enabling then takes half
    # an hour. With a configuration server both together take ten minutes.
    stack.convergence["wait"] = "55m" if modernized else "20m"

    # The machine's connect attempts take some seconds.
    running = begin(stack, scale=1)
    running.until("0/1 agents installed" if modernized else f"{SLOW}: discover started")
    stack.clouds.set_scale(0)
    if modernized:
        stack.clouds.advance_until("registered", "mobilityAgents", SLOW)
        running.until("agent has not reported yet")
        stack.clouds.advance(900)
    else:
        stack.clouds.advance(60)
    running.until(f"{SLOW}: enable protection started")
    stack.clouds.advance(1800 if modernized else 600)
    running.until(f"{SLOW}: discovered -> initial replication")
    stack.clouds.advance(600)
    up = running.result()

    assert up.code != 0
    message = "\n".join(up.errors[SLOW])
    assert PENDING.search(message), message
    assert "Run pulumi up again to go on waiting" in message
    assert "the wait of this run ended first" in message
    assert "Traceback" not in up.text
    assert stack.recorded(SLOW) is None


def test_with_warn_the_run_succeeds_and_warns(stack: Stack) -> None:
    stack.convergence.update(wait="1m", onPending="warn")

    running = begin(stack)
    running.until(f"0/1 protected · {SLOW} ")
    stack.clouds.advance(120)
    up = running.result()

    assert up.code == 0, up.text
    message = "\n".join(up.warnings[SLOW])
    assert PENDING.search(message), message
    row = stack.machine(SLOW)
    assert row["observedPhase"] == "initial replication"
    assert stack.outputs()["waves"]["slow"]["machines"][SLOW]["status"] == "pending"


def test_the_next_up_goes_on_from_there(stack: Stack) -> None:
    stack.clouds.set_scale(SCALE)
    stack.convergence.update(wait="168h", onPending="fail")

    up = stack.up()

    assert up.code == 0, up.text
    assert stack.clouds.operations(SLOW) == stack.first(*PROTECTED), "asked for once"
    assert stack.machine(SLOW)["observedPhase"] == "protected"
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text
