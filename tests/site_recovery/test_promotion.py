"""How far a wave is in another stack, by that stack's outputs."""

from __future__ import annotations

from typing import Any

import pytest

from site_recovery.phases import Phase
from site_recovery.promotion import furthest

TESTED = {"lastTest": "2026-01-05T14:37:00Z"}


def row(phase: object, wave: str = "web", **more: Any) -> dict[str, Any]:
    return {"wave": wave, "observedPhase": phase, "lastTest": None, **more}


@pytest.mark.parametrize(
    ("machines", "expected"),
    [
        ({"a": row("protected")}, Phase.PROTECTED),
        ({"a": row("protected", **TESTED)}, Phase.TEST_FAILOVER),
        ({"a": row("test-failover")}, Phase.TEST_FAILOVER),
        ({"a": row("migrated", **TESTED)}, Phase.MIGRATED),
        ({"a": row("migrated"), "b": row("failed-over")}, Phase.FAILED_OVER),
        ({"a": row("migrated"), "b": row("")}, None),
        ({"a": row("migrated"), "b": row("protected", wave="data")}, Phase.MIGRATED),
        ({"a": row("migrated", wave="data")}, None),
        ({"a": row("", **TESTED)}, None),
        ({}, None),
        # A stack that was never deployed has no outputs; the rest is no stack of ours.
        (None, None),
        ([row("migrated")], None),
        ({"a": "migrated"}, None),
        ({"a": row(["migrated"])}, None),
    ],
)
def test_a_wave_is_as_far_as_the_last_of_its_machines(
    machines: object, expected: Phase | None
) -> None:
    assert furthest(machines, "web") is expected
