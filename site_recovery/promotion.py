"""How far a wave is in the stack that goes first, read from that stack's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from site_recovery.phases import Phase

_ORDER = list(Phase)


@dataclass(frozen=True)
class Forerunner:
    """The wave of the same name in the stack that goes first.

    Attributes:
        stack: that stack.
        reached: the furthest phase that all its machines have reached there; None for none.
    """

    stack: str
    reached: Phase | None = None

    def allows(self, phase: Phase) -> bool:
        """Whether the wave may begin a phase here."""
        return self.reached is not None and _ORDER.index(phase) <= _ORDER.index(self.reached)


def furthest(machines: object, wave: str) -> Phase | None:
    """The furthest phase that all machines of a wave have reached; None for none.

    A machine that was tested has reached `test-failover`, cleaned up or not.

    Args:
        machines: the output `machines` of a stack: rows with `wave`, `observedPhase` and `lastTest`.
        wave: the name of the wave.
    """
    rows = machines.values() if isinstance(machines, Mapping) else ()
    ranks = [_rank(row) for row in rows if isinstance(row, Mapping) and row.get("wave") == wave]
    lowest = min(ranks, default=-1)
    return _ORDER[lowest] if lowest >= 0 else None


def _rank(row: Mapping[str, Any]) -> int:
    phase = row.get("observedPhase")
    if phase not in list(Phase):
        return -1
    tested = _ORDER.index(Phase.TEST_FAILOVER) if row.get("lastTest") else 0
    return max(_ORDER.index(Phase(phase)), tested)
