"""Times in which something goes on: periods with a begin and an end, oldest first.

The end of the last period may be in the future, or None while nothing says when it comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

Period: TypeAlias = list[str | None]
"""Begin and end as ISO texts; the end is None while it goes on."""


def goes_on(periods: list[Period], now: datetime, until: datetime | None) -> None:
    """Note that it goes on from now until a moment; None for no end that is known.

    `until` at or before `now` means that it does not go on any more.
    """
    current = periods[-1] if periods and runs(periods[-1], now) else None
    running = until is None or until > now
    end = (until if running else now) if until is not None else None
    if current is not None:
        current[1] = None if end is None else end.isoformat()
    elif running:
        periods.append([now.isoformat(), None if end is None else end.isoformat()])


def runs(period: Period, at: datetime) -> bool:
    """Whether a moment is in a period."""
    begin, end = parsed(period)
    return begin <= at and (end is None or end > at)


def parsed(period: Period) -> tuple[datetime, datetime | None]:
    """Begin and end of a period."""
    begin, end = period
    assert begin is not None
    return datetime.fromisoformat(begin), None if end is None else datetime.fromisoformat(end)


def length(periods: Sequence[Period], at: datetime) -> timedelta:
    """How long it went on until a moment, in all periods together."""
    total = timedelta()
    for begin, end in map(parsed, periods):
        total += max(timedelta(), (at if end is None else min(at, end)) - begin)
    return total
