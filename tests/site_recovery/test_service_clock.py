"""The service's time: no single wrong Date moves it, and a second answer confirms every jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from site_recovery.service_clock import ServiceClock

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SLACK = timedelta(minutes=1)


class Answers:
    """Answers of a service to a computer, at moments of the computer's own clock."""

    def __init__(self) -> None:
        self.passed = 1000.0
        self.clock = ServiceClock(lambda: self.passed)

    def tell(self, moment: datetime, after: float = 1.0) -> datetime:
        """An answer with this Date, some seconds after the one before. Returns the clock's time."""
        self.passed += after
        self.clock.read(format_datetime(moment, usegmt=True))
        return self.clock.now()


@pytest.fixture
def answers() -> Answers:
    return Answers()


def at(**since: float) -> datetime:
    return NOON + timedelta(**since)


def test_it_is_the_time_of_the_last_answer(answers: Answers) -> None:
    assert answers.tell(NOON) == NOON
    assert answers.tell(at(seconds=3), after=3) == at(seconds=3)
    assert answers.tell(at(hours=1), after=3597) == at(hours=1)
    assert not answers.clock.is_in_doubt()


def test_one_answer_that_is_ahead_does_not_move_it(answers: Answers) -> None:
    answers.tell(NOON)
    assert answers.tell(at(hours=5)) == NOON
    assert answers.clock.is_in_doubt()
    assert answers.clock.latest() == at(hours=5)
    assert answers.tell(at(seconds=2)) == at(seconds=2)
    assert not answers.clock.is_in_doubt()
    assert answers.clock.latest() == at(seconds=2)


def test_neither_does_one_now_and_then(answers: Answers) -> None:
    for second in range(0, 60, 2):
        assert answers.tell(at(seconds=second)) == at(seconds=second)
        assert answers.tell(at(hours=5, seconds=second)) == at(seconds=second)


def test_a_first_answer_that_is_ahead_is_taken_back(answers: Answers) -> None:
    assert answers.tell(at(hours=5)) == at(hours=5)
    assert answers.tell(NOON) == NOON
    assert answers.tell(at(seconds=1)) == at(seconds=1)


def test_after_a_computer_has_slept_the_second_answer_tells_the_time(answers: Answers) -> None:
    """Its monotonic clock stands still meanwhile."""
    answers.tell(NOON)
    answers.tell(at(seconds=1))
    assert answers.tell(at(hours=2)) == at(seconds=1)
    assert answers.tell(at(hours=2, seconds=1)) == at(hours=2, seconds=1)


def test_a_wrong_answer_after_a_sleep_does_not_count_either(answers: Answers) -> None:
    answers.tell(NOON)
    answers.tell(at(seconds=1))
    answers.tell(at(hours=2))
    assert answers.tell(at(hours=9)) == at(hours=2)
    assert answers.tell(at(hours=2, seconds=2)) == at(hours=2, seconds=2)


def test_it_never_goes_back(answers: Answers) -> None:
    answers.tell(NOON)
    answers.tell(at(seconds=1))
    for _ in range(5):
        assert answers.tell(at(hours=-3)) == at(seconds=1)


def test_what_is_no_date_is_ignored(answers: Answers) -> None:
    answers.tell(NOON)
    for header in (None, "", "yesterday", "Mon, 99 Jan 2026 12:00:00 GMT"):
        answers.clock.read(header)
    assert answers.clock.now() == NOON


@given(st.integers(1, 5000), st.lists(st.floats(0.01, 10), min_size=2, max_size=20))
def test_on_a_cloud_where_time_passes_faster_it_is_one_answer_behind_at_most(
    scale: int, pauses: list[float]
) -> None:
    answers, real, before = Answers(), 0.0, NOON
    answers.tell(NOON)
    for pause in pauses:
        real += pause
        moment = at(seconds=int(real * scale))
        assert before <= answers.tell(moment, after=pause) <= moment
        before = moment


@given(
    st.lists(st.floats(0.01, 300), min_size=3, max_size=20),
    st.integers(0, 19),
    st.floats(-100_000, 100_000),
)
def test_with_one_wrong_answer_anywhere_it_tells_the_time(
    pauses: list[float], wrong: int, by: float
) -> None:
    answers, real = Answers(), 0.0
    for number, pause in enumerate(pauses):
        real += pause
        now = at(seconds=int(real))
        told = answers.tell(now + timedelta(seconds=by) if number == wrong else now, after=pause)
        assert told <= now + SLACK or number == wrong == 0
        # One that is behind may be taken for the time, and then the next one is doubted once.
        assert told >= now - SLACK or number == wrong or (wrong in (0, 1) and number == wrong + 1)
