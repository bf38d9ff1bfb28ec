"""When a run looks again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from site_recovery.convergence.pacing import Ages, pause

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ages = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=30))


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


@pytest.mark.parametrize(
    ("age", "longest", "setback", "expected"),
    [
        (seconds(0), 60, False, 3),
        (seconds(20), 60, False, 3),
        (seconds(80), 60, False, 4),
        (seconds(600), 60, False, 30),
        (seconds(1200), 60, False, 60),
        (timedelta(days=3), 60, False, 60),
        (None, 60, False, 60),
        # A local cloud whose hours pass in seconds.
        (seconds(0), 0.5, False, 0.5),
        (timedelta(days=3), 0.5, False, 0.5),
        (seconds(0), 60, True, 30),
        (timedelta(days=3), 60, True, 30),
        (None, 60, True, 30),
        (seconds(0), 0.5, True, 0.5),
    ],
)
def test_the_pause_is_a_twentieth_of_the_age_between_two_bounds(
    age: timedelta | None, longest: float, *, setback: bool, expected: float
) -> None:
    assert pause(age, seconds(longest), setback=setback) == seconds(expected)


@pytest.mark.parametrize(
    ("left", "longest", "setback", "expected"),
    [
        (seconds(25), 60, False, 25),
        (timedelta(hours=2), 60, False, 60),
        (seconds(0.4), 60, False, 3),
        (seconds(25), 0.5, False, 0.5),
        (seconds(25), 60, True, 30),
        # That time is over: what is new is looked at again soon.
        (seconds(0), 60, False, 3),
        (seconds(-5), 60, False, 3),
    ],
)
def test_nothing_is_looked_at_before_anything_can_go_on(
    left: timedelta, longest: float, *, setback: bool, expected: float
) -> None:
    found = pause(seconds(0), seconds(longest), setback=setback, nothing_for=left)
    assert found == seconds(expected)


@given(ages)
def test_an_end_is_seen_within_a_twentieth_of_what_it_took(age: timedelta) -> None:
    assert pause(age, MINUTE) <= max(seconds(3), age / 20)


class TestAges:
    def test_what_goes_on_gets_older(self) -> None:
        seen = Ages()
        seen.saw("web-01", "failing over", NOON)
        seen.saw("web-01", "failing over", NOON + MINUTE)
        assert seen.youngest(["web-01"], NOON + 2 * MINUTE) == 2 * MINUTE

    def test_what_is_new_begins_anew(self) -> None:
        seen = Ages()
        seen.saw("web-01", "replicating", NOON)
        seen.saw("web-01", "failing over", NOON + MINUTE)
        assert seen.youngest(["web-01"], NOON + 2 * MINUTE) == MINUTE

    def test_the_youngest_of_those_under_way_counts(self) -> None:
        seen = Ages()
        seen.saw("old", "replicating", NOON)
        seen.saw("done", "failing over", NOON + 3 * MINUTE)
        seen.saw("young", "failing over", NOON + MINUTE)
        assert seen.youngest(["old", "young"], NOON + 4 * MINUTE) == 3 * MINUTE
        assert seen.youngest([], NOON) is None

    def test_what_began_at_a_later_time_than_it_is_now_has_just_begun(self) -> None:
        seen = Ages()
        seen.saw("web-01", "failing over", NOON + MINUTE)
        assert seen.youngest(["web-01"], NOON) == timedelta()
