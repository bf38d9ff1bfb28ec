"""When failovers may begin: the wall clock of a zone, over midnight and over summer time."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from site_recovery.declared.guards import Day, Window
from site_recovery.windows import is_open, opening

BERLIN = "Europe/Berlin"


def window(opens: str, closes: str, zone: str = BERLIN, **more: Any) -> Window:
    return Window.model_validate({"from": opens, "to": closes, "timezone": zone, **more})


def at(text: str, zone: str = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


WEEKEND_NIGHTS = window("22:00", "04:00", days=["saturday", "sunday"])
# 2026-01-10 is a Saturday.
OPEN = [
    (window("08:00", "17:00"), "2026-01-07T08:00", True),
    (window("08:00", "17:00"), "2026-01-07T07:59", False),
    (window("08:00", "17:00"), "2026-01-07T17:00", False),
    (window("00:00", "24:00"), "2026-01-07T23:59", True),
    (window("00:00", "24:00", days=["monday"]), "2026-01-07T12:00", False),
    (window("22:00", "22:00"), "2026-01-07T21:59", True),
    (WEEKEND_NIGHTS, "2026-01-10T22:00", True),
    (WEEKEND_NIGHTS, "2026-01-11T03:59", True),
    (WEEKEND_NIGHTS, "2026-01-12T03:59", True),
    (WEEKEND_NIGHTS, "2026-01-10T03:00", False),
    (WEEKEND_NIGHTS, "2026-01-12T22:00", False),
]


@pytest.mark.parametrize(("when", "time", "expected"), OPEN)
def test_a_window_is_open_by_the_clock_of_its_zone(when: Window, time: str, expected: bool) -> None:
    assert is_open(when, at(time)) is expected
    assert is_open(when, at(time).astimezone(UTC)) is expected


OPENINGS = [
    # It is open, so it need not open.
    (window("08:00", "17:00"), "2026-01-07T09:30", "2026-01-07T09:30"),
    (window("08:00", "17:00"), "2026-01-07T06:00", "2026-01-07T08:00"),
    (window("08:00", "17:00"), "2026-01-07T18:00", "2026-01-08T08:00"),
    (WEEKEND_NIGHTS, "2026-01-12T04:00", "2026-01-17T22:00"),
    (window("08:00", "09:00", days=["wednesday"]), "2026-01-07T09:00", "2026-01-14T08:00"),
    # On 2026-03-29 clocks go from 02:00 to 03:00, and on 2026-10-25 from 03:00 back to 02:00.
    (window("02:30", "05:00"), "2026-03-29T01:00", "2026-03-29T03:00"),
    (window("02:10", "02:50"), "2026-03-29T01:00", "2026-03-30T02:10"),
    (window("02:30", "05:00"), "2026-10-25T01:00", "2026-10-25T02:30"),
    (window("22:00", "23:00"), "2026-03-28T23:30", "2026-03-29T22:00"),
    # It lies within the hour that is skipped on its day, so its next day is the one of a week later.
    (window("02:00", "03:00", days=["sunday"]), "2027-03-22T12:00", "2027-04-04T02:00"),
    (window("02:10", "02:50", days=["sunday"]), "2027-03-27T12:00", "2027-04-04T02:10"),
    (window("02:00", "03:00", days=["sunday"]), "2027-03-21T03:00", "2027-04-04T02:00"),
    # Its begin is skipped, and clocks are put forward into the rest of it.
    (window("02:30", "03:10", days=["sunday"]), "2027-03-24T12:00", "2027-03-28T03:00"),
]


@pytest.mark.parametrize(("when", "time", "expected"), OPENINGS)
def test_a_window_opens(when: Window, time: str, expected: str) -> None:
    opens = opening(when, at(time))
    assert opens == at(expected)
    assert opens.tzinfo == ZoneInfo(BERLIN)


# In Santiago clocks go from 24:00 to 01:00 on 2026-09-05, and from 24:00 back to 23:00 in April.
SANTIAGO = "America/Santiago"
ELSEWHERE = [
    (window("00:00", "01:00", SANTIAGO, days=["sunday"]), "2026-09-06T02:00Z", "2026-09-13T03:00Z"),
    (window("00:30", "00:30", SANTIAGO, days=["sunday"]), "2026-09-06T02:00Z", "2026-09-06T04:00Z"),
    (
        window("23:30", "00:30", SANTIAGO, days=["saturday"]),
        "2026-04-05T03:10Z",
        "2026-04-05T03:30Z",
    ),
    # Clocks are put back before it opens again, or into the middle of it.
    (window("02:30", "05:00", days=["sunday"]), "2026-10-25T01:10Z", "2026-10-25T01:30Z"),
    (window("01:30", "02:30", days=["sunday"]), "2026-10-25T00:45Z", "2026-10-25T01:00Z"),
]


@pytest.mark.parametrize(("when", "time", "expected"), ELSEWHERE)
def test_a_window_opens_around_a_change_of_clocks(when: Window, time: str, expected: str) -> None:
    # An hour that a clock shows twice is equal to no time of another zone (PEP 495).
    opens = opening(when, datetime.fromisoformat(time)).astimezone(UTC)
    assert opens == datetime.fromisoformat(expected)


_clocks = st.builds(
    lambda hour, minute: f"{hour:02}:{minute:02}",
    st.integers(0, 23),
    st.sampled_from([0, 7, 10, 30, 50]),
) | st.just("24:00")
_windows = st.builds(
    lambda opens, closes, zone, days: window(opens, closes, zone, days=sorted(days)),
    _clocks,
    _clocks,
    st.sampled_from(
        [BERLIN, "UTC", "America/New_York", SANTIAGO, "Asia/Kolkata", "Australia/Lord_Howe"]
    ),
    st.sets(st.sampled_from(Day), min_size=1),
)
# Half of the times are in the days before clocks change somewhere.
_changes = st.sampled_from(
    [
        datetime(2026, month, day)
        for month, day in [(3, 8), (3, 29), (4, 5), (9, 6), (10, 4), (10, 25), (11, 1)]
    ]
)
_times = (
    st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30))
    | st.builds(lambda day, hours: day + timedelta(hours=hours), _changes, st.floats(-200, 30))
).map(lambda time: time.replace(second=0, microsecond=0, tzinfo=UTC))


@settings(deadline=None)
@given(_windows, _times)
def test_until_it_opens_it_is_closed(when: Window, time: datetime) -> None:
    opens = opening(when, time)
    assert is_open(when, opens)
    assert opens - time <= timedelta(days=15)
    minute = timedelta(minutes=1)
    before = (opens.astimezone(UTC) - time) // minute
    # The last day minute by minute, and what is before it by the quarter of an hour.
    for ago in [*range(1, min(before, 1440) + 1), *range(1440, before + 1, 15)]:
        assert not is_open(when, opens.astimezone(UTC) - ago * minute)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"from": 1320}, "1320 is not a time of day"),
        ({"from": "22"}, "'22' is not a time of day"),
        ({"from": "24:01"}, "is not a time of day"),
        ({"timezone": "Europe"}, "there is no time zone 'Europe'"),
        ({"timezone": "../etc/passwd"}, "there is no time zone"),
        ({"timezone": "Mars/Olympus"}, "there is no time zone"),
        ({"days": []}, "at least 1 item"),
        ({"days": ["sat"]}, "days"),
    ],
)
def test_a_window_that_is_none_is_refused(values: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what.replace("(", r"\(")):
        Window.model_validate({"from": "22:00", "to": "04:00", **values})


def test_time_zones_are_known_on_a_computer_that_has_none() -> None:
    zoneinfo.reset_tzpath(to=())
    try:
        assert ZoneInfo.no_cache("Europe/Berlin").utcoffset(datetime(2026, 7, 1)) == timedelta(
            hours=2
        )
    finally:
        zoneinfo.reset_tzpath()
