"""When a window is open: on the wall clock of its time zone, summer time included."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from site_recovery.declared.guards import DAY_MINUTES, Day, Window

_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)
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
    """The first time from `at` on at which a window is open, in its time zone.

    A window within an hour that summer time skips does not open on that day, but on its next one.
    """
    zone = ZoneInfo(window.timezone)
    if is_open(window, at):
        return at.astimezone(zone)
    opens = next(each for each in _candidates(window, at) if is_open(window, each))
    return opens.astimezone(zone)


def _candidates(window: Window, at: datetime) -> Iterator[datetime]:
    """The times after `at` at which a window may open, in order and without end.

    It opens when the clock of its zone shows its first minute, which may be twice on one day. It
    also opens when clocks are put forward or back into it.
    """
    zone, (opens, _) = ZoneInfo(window.timezone), _minutes(window)
    begin = at.astimezone(UTC)
    while True:
        end = begin + _DAY
        today = begin.astimezone(zone).date()
        # A clock that is put forward or back may show part of a further day before or after.
        days = [today + ahead * _DAY for ahead in range(-1, 3)]
        found = {_instant(zone, day, opens, fold) for day in days for fold in (0, 1)}
        found |= set(_clock_changes(zone, begin, end))
        yield from sorted(each for each in found if begin < each <= end)
        begin = end


def _instant(zone: ZoneInfo, day: date, minute: int, fold: int) -> datetime:
    """When a clock shows this minute of a day, for the first or the second time."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _clock_changes(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[datetime]:
    """When clocks are put forward or back between two times that are a day apart."""
    before = begin.astimezone(zone).utcoffset()
    if end.astimezone(zone).utcoffset() == before:
        return
    while end - begin > _SECOND:
        middle = begin + (end - begin) / 2
        if middle.astimezone(zone).utcoffset() == before:
            begin = middle
        else:
            end = middle
    yield end.replace(microsecond=0)


def _minutes(window: Window) -> tuple[int, int]:
    """The minutes of a day at which it opens and closes; the latter is of the next day above 1440."""
    opens, closes = _minute(window.from_) % DAY_MINUTES, _minute(window.to)
    return opens, closes if closes > opens else closes + DAY_MINUTES


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
