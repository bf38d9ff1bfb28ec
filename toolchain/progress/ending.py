"""The part of Pulumi's own output that is shown: what is in front of its rows, and what is behind them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence

_BEGINS = re.compile(r"(Previewing|Updating|Destroying)\b.*:$")
_BLOCK = re.compile(r"[A-Z][A-Za-z ]*:($| \S)")
"""The beginning of a block of the ending, such as `Diagnostics:` and `Duration: 3s`."""
_OF_A_RESOURCE = re.compile(r"  \S.*:$")
_ERROR = "error:"
"""Begins what ended Pulumi among its rows, such as a policy pack that cannot be loaded."""
_TAIL = 20
"""How many of the last lines are shown of a run that failed and did not say why."""
_DELETED = re.compile(r"    - (\d+) (deleted|to delete)$")


class Ending:
    """Takes what Pulumi prints, line by line.

    Args:
        told: the lines that were told before, which its diagnostics have again.
        kept: the resources that stay, which its summary counts as deleted.
    """

    def __init__(self, told: Collection[str], kept: Sequence[str] = ()) -> None:
        self._told = told
        self._kept = kept
        self._in_rows = False
        self._last: deque[str] = deque(maxlen=_TAIL)
        self._diagnostics: list[str] | None = None

    def take(self, line: str) -> Iterator[str]:
        """The lines to show when this one was printed."""
        self._last.append(line)
        if _BEGINS.match(line):
            self._in_rows = True
            return
        if self._in_rows:
            if not _ends_rows(line):
                return
            self._in_rows = False
        if line == "Diagnostics:":
            self._diagnostics = []
        elif self._diagnostics is None:
            yield from self._counted(line)
        elif _BLOCK.match(line):
            yield from self.rest()
            yield line
        else:
            self._diagnostics.append(line)

    def _counted(self, line: str) -> Iterator[str]:
        """A line of the summary, with what is kept counted for itself."""
        match = _DELETED.match(line)
        if match is None or not self._kept:
            yield line
            return
        if deleted := int(match[1]) - len(self._kept):
            yield f"    - {deleted} {match[2]}"
        yield f"    {len(self._kept)} kept: {', '.join(self._kept)}"

    def rest(self) -> Iterator[str]:
        """What is left to show, once Pulumi has ended."""
        if self._diagnostics is None:
            return
        left = [line for line in self._diagnostics if line.strip() not in self._told or not line]
        self._diagnostics = None
        lines = list(_with_something(left))
        if lines:
            yield "Diagnostics:"
            yield from lines
            yield ""

    def tail(self) -> Iterator[str]:
        """The last lines as they were printed, for a run that failed and had nothing to show."""
        yield from self._last


def _ends_rows(line: str) -> bool:
    if line.startswith(_ERROR):
        return True
    return _BLOCK.match(line) is not None and not line.startswith("Loading policy packs")


def _with_something(lines: Sequence[str]) -> Iterator[str]:
    """Without the names of resources that have nothing more to say."""
    parts: list[list[str]] = []
    for line in lines:
        if _OF_A_RESOURCE.match(line) or not parts:
            parts.append([])
        parts[-1].append(line)
    kept = [part for part in parts if any(part[1:])]
    for number, part in enumerate(kept):
        if number:
            yield ""
        while not part[-1]:
            part.pop()
        yield from part
