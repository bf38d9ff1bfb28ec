"""Problems that prevent a run, each with what a person can do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_KEPT = 60
_LONG = re.compile(r"""(?P<quote>(?<!\w)["'])(?=\S)[^"'/:]{100,}(?P=quote)|[^\s"'/:.\[\]]{100,}""")
"""Names, quoted or not, that no service accepts. What is between two quoted names is none."""


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
        return _on_one_line(f"{self.path}: {self.what}. {self.way_out}.")


def _on_one_line(text: str) -> str:
    """Text that a terminal shows as it is: no control characters, no marks of direction.

    A name that is much too long to be accepted anywhere is cut; ids and addresses, which have
    slashes, are not.
    """
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return _LONG.sub(lambda match: f"{match[0][:_KEPT]}...{match['quote'] or ''}", text)


def report(title: str, problems: Iterable[Problem]) -> str:
    """All problems of a run under one title, one per line, sorted by path."""
    lines = [f"  - {problem}" for problem in sorted(set(problems))]
    return "\n".join([title, *lines])
