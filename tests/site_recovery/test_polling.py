"""Polling, and the time that a throttling service asks its clients to wait."""

from __future__ import annotations

import pytest

from site_recovery.polling import RetryAfter, until, until_blocking


async def test_it_looks_at_once_and_sleeps_between_two_looks() -> None:
    answers, pauses, slept = iter([None, None, "there"]), iter([1.0, 2.0]), []

    async def look() -> str | None:
        return next(answers)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    assert await until(look, lambda: next(pauses), sleep) == "there"
    assert slept == [1.0, 2.0]


def test_what_is_there_at_once_is_not_waited_for() -> None:
    slept: list[float] = []
    assert until_blocking(lambda: 0, lambda: 1.0, slept.append) == 0
    assert slept == []


def test_an_error_ends_the_wait() -> None:
    def look() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        until_blocking(look, lambda: 1.0, lambda _: None)


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "7", 7.0),
        (503, "7", 7.0),
        (202, "7", 0.0),
        (429, None, 0.0),
        (429, "Sat, 28 Nov 2026 14:00:00 GMT", 0.0),
    ],
)
def test_only_a_refusal_for_too_many_requests_makes_it_wait_longer(
    status: int, header: str | None, seconds: float
) -> None:
    retry_after = RetryAfter(lambda: 100.0)
    retry_after.read(status, header)
    assert retry_after.seconds() == seconds


def test_the_time_passes_and_a_shorter_one_does_not_replace_it() -> None:
    now = 0.0
    retry_after = RetryAfter(lambda: now)
    retry_after.read(429, "10")
    now = 4.0
    retry_after.read(429, "1")
    assert retry_after.seconds() == 6.0
    now = 11.0
    assert retry_after.seconds() == 0.0
