"""The progress of a run in one line: `12/40 protected · web-07 initial replication 63%`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from site_recovery.phases import Phase

_SHOWN = 4
"""The most activities in the line, so that it fits in one row of a terminal."""
_NAMED = 2
"""The most machines that are named for one activity."""


def status_line(
    desired: Sequence[Phase | None], satisfied: int, activities: Mapping[str, str]
) -> str:
    """The status line.

    Args:
        desired: the desired phase of each machine.
        satisfied: number of machines that are in their phase.
        activities: by name, what each of the other machines is doing.
    """
    goals = set(desired)
    shown_goal = goal(goals.pop()) if len(goals) == 1 else "done"
    doing: dict[str, list[str]] = {}
    for name, text in activities.items():
        doing.setdefault(text, []).append(name)
    parts = [f"{_names(names)} {text}" for text, names in doing.items()]
    more = [f"{len(parts) - _SHOWN} more"] if len(parts) > _SHOWN else []
    return " · ".join([f"{satisfied}/{len(desired)} {shown_goal}", *parts[:_SHOWN], *more])


def goal(desired: Phase | None) -> str:
    """The desired state in a word or two."""
    return "replication removed" if desired is None else str(desired)


def _names(names: list[str]) -> str:
    more = f" +{len(names) - _NAMED}" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
