"""Problems that prevent a run, each with what a person can do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: a config path (`machines.web-01.instanceId`) or a machine's name.
        what: what is wrong there, without a full stop.
        way_out: what the user can do about it, without a full stop.
    """

    path: str
    what: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}. {self.way_out}."


def report(title: str, problems: Iterable[Problem]) -> str:
    """All problems of a run under one title, one per line, sorted by path."""
    lines = [f"  - {problem}" for problem in sorted(set(problems))]
    return "\n".join([title, *lines])
