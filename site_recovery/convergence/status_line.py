"""The progress of a run in one line: `3/8 protected · db-02 63 %`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from site_recovery.phases import Phase

WIDTH = 60
"""The most columns of the line. A terminal shows the beginning of it, beside names and durations."""
_NAMED = 2
"""The most machines that are named for one activity."""


@dataclass(frozen=True, order=True)
class Activity:
    """What a machine that is not in its phase does. What matters more is less, and comes first.

    Attributes:
        rank: 0 for what a person has to look at, 1 for an operation, 2 for a replication, 3 for
            what only waits.
        progress: the percentage of a replication; 0 for everything else.
        text: the same in words.
        machine: the name of the machine.
    """

    rank: int
    progress: int
    text: str
    machine: str


def status_line(
    desired: Sequence[Phase | None], satisfied: int, activities: Sequence[Activity]
) -> str:
    """The status line: how many machines are there, and what the others do.

    Args:
        desired: the desired phase of each machine.
        satisfied: number of machines that are in their phase.
        activities: what each of the other machines does.
    """
    goals = set(desired)
    shown_goal = goal(goals.pop()) if len(goals) == 1 else "done"
    line = f"{satisfied}/{len(desired)} {shown_goal}"
    doing: dict[str, list[str]] = {}
    for each in sorted(activities):
        doing.setdefault(each.text, []).append(each.machine)
    parts = [f"{_names(names)} {text}" for text, names in doing.items()]
    for number, part in enumerate(parts):
        rest = len(parts) - number
        more = f" · {rest} more" if rest > 1 else ""
        if number and len(line) + len(part) + len(more) + 3 > WIDTH:
            return f"{line} · {rest} more"
        line = f"{line} · {part}"
    return line


def goal(desired: Phase | None) -> str:
    """The desired state in a word or two."""
    return "out of the vault" if desired is None else str(desired)


def _names(names: list[str]) -> str:
    more = f" +{len(names) - _NAMED}" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
