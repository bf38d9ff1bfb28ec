"""An engine that is killed in the middle of a failover, and the run after it."""

from __future__ import annotations

import pytest

from tests.engine.clouds import SCALE
from tests.engine.harness import MACHINES_GROUP, Stack

pytestmark = pytest.mark.engine

BEFORE = ["DiscoverProtectableItem", "Create"]
MACHINES = ["web-01", "web-02"]


def test_nothing_is_submitted_once_the_engine_is_gone(stack: Stack) -> None:
    stack.declare(pilot=("protected", MACHINES))
    assert stack.up().code == 0
    stack.declare(pilot=("migrated", MACHINES))
    stack.waves["pilot"]["requireTestFailover"] = False
    stack.clouds.set_scale(0)
    up = stack.start("up", "--yes", "--skip-preview", real=True)
    for name in MACHINES:
        up.until(f"{name}: unplanned failover started")

    up.kill()
    # The failovers end while no run is there that would complete the migration.
    stack.clouds.advance(3600)

    for name in MACHINES:
        assert stack.clouds.operations(name) == stack.first(*BEFORE, "UnplannedFailover")
    assert set(MACHINES) <= set(stack.clouds.virtual_machines(MACHINES_GROUP))


def test_the_next_run_is_told_that_the_stack_is_locked(stack: Stack) -> None:
    up = stack.up()

    assert up.code != 0
    assert "pulumi cancel" in up.text
    assert stack.clouds.operations("web-01") == stack.first(*BEFORE, "UnplannedFailover")


def test_after_cancel_up_goes_on_and_fails_nothing_over_twice(stack: Stack) -> None:
    stack.succeeds("cancel", "--yes")
    stack.clouds.set_scale(SCALE)

    up = stack.up()

    assert up.code == 0, up.text
    for name in MACHINES:
        assert stack.clouds.operations(name) == stack.first(*BEFORE, "UnplannedFailover", "Delete")
        assert stack.machine(name)["observedPhase"] == "migrated"


def test_a_run_attaches_to_a_failover_that_still_runs(stack: Stack) -> None:
    stack.declare(pilot=("migrated", MACHINES), late=("failed-over", ["app-01"]))
    stack.waves["late"]["requireTestFailover"] = False
    stack.clouds.fault("UnplannedFailover", match="app-01", delaySeconds=7 * 24 * 3600)
    first = stack.start("up", "--yes", "--skip-preview", real=True)
    first.until("app-01: unplanned failover started")
    first.kill()
    stack.succeeds("cancel", "--yes")

    second = stack.start("up", "--yes", "--skip-preview")
    second.until("app-01 UnplannedFailover")
    stack.clouds.advance(8 * 24 * 3600)
    up = second.result()

    assert up.code == 0, up.text
    assert stack.clouds.operations("app-01") == stack.first(*BEFORE, "UnplannedFailover")
    assert stack.machine("app-01")["observedPhase"] == "failed-over"
