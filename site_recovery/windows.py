"""When a window is open: on the wall clock of its time zone, summer time included."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from site_recovery.declared.guards import DAY_MINUTES, Day, Window

_MINUTE = timedelta(minutes=1)
_DAYS = list(Day)


def is_open(window: Window, at: datetime) -> bool:
    """Whether a window is open: its first minute belongs to it, the minute of its end does not.

    A window that goes over midnight belongs to the day on which it opens.

    Args:
        window: the window.
        at: a time with a time zone, of any zone.
    """
    local = at.astimezone(ZoneInfo(window.timezone))
    minute = local.hour * 60 + local.minute
    opens, closes = _minutes(window)
    today = _DAYS[local.weekday()] in window.days
    if closes <= DAY_MINUTES:
        return today and opens <= minute < closes
    yesterday = _DAYS[local.weekday() - 1] in window.days
    return (today and minute >= opens) or (yesterday and minute < closes - DAY_MINUTES)


def opening(window: Window, at: datetime) -> datetime:
    """The first time from `at` on at which a window is open, in its time zone."""
    zone = ZoneInfo(window.timezone)
    if is_open(window, at):
        return at.astimezone(zone)
    opens, _ = _minutes(window)
    today = at.astimezone(zone).date()
    # A week and a day: today's opening may be over, and it may be the only one of the week.
    instants = (_instant(window, today + timedelta(days=ahead), opens) for ahead in range(9))
    later = [each for each in instants if each > at and is_open(window, each)]
    return min(later).astimezone(zone)


def _instant(window: Window, day: date, minute: int) -> datetime:
    """When a clock of the window's zone shows this minute of a day, for the first time.

    Where clocks are put forward over that minute, it is the moment at which they are.
    """
    zone = ZoneInfo(window.timezone)
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    while is_open(window, instant - _MINUTE):
        instant -= _MINUTE
    return instant


def _minutes(window: Window) -> tuple[int, int]:
    """The minutes of a day at which it opens and closes; the latter is of the next day above 1440."""
    opens, closes = _minute(window.from_) % DAY_MINUTES, _minute(window.to)
    return opens, closes if closes > opens else closes + DAY_MINUTES


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
