"""Polling: look repeatedly until something has happened. Clocks and sleeps are injected."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

_T = TypeVar("_T")
SHORTEST = timedelta(seconds=3)
_SHARE = 0.05

Pause = Callable[[], float]
"""Called after each look. Returns the seconds to wait before the next one."""


async def until(
    look: Callable[[], Awaitable[_T | None]],
    pause: Pause,
    sleep: Callable[[float], Awaitable[None]],
) -> _T:
    """Look until a look finds something, and return it.

    Args:
        look: looks once. It returns None to be called again, and raises an error to give up.
        pause: gives the seconds until the next look.
        sleep: waits for that number of seconds.
    """
    while (found := await look()) is None:
        await sleep(pause())
    return found


def until_blocking(
    look: Callable[[], _T | None], pause: Pause, sleep: Callable[[float], None]
) -> _T:
    """Like `until`, for libraries that are not asynchronous (botocore)."""
    while (found := look()) is None:
        sleep(pause())
    return found


def by_age(age: timedelta, longest: timedelta, share: float = _SHARE) -> timedelta:
    """The pause until the next look at something that has been running for this long.

    A twentieth of its age, so that the end of what takes minutes is seen seconds after it, and what
    takes days costs a look a minute. With a tenth, an operation of two minutes that ended right
    after a look took a tenth longer by that alone.

    Args:
        age: how long it has been running.
        longest: the longest pause, which may be less than SHORTEST.
        share: of the age.
    """
    return min(longest, max(SHORTEST, age * share))


class RetryAfter:
    """How long a service that throttles asks its clients to wait (RFC 9110, Retry-After).

    Args:
        monotonic: a clock, in seconds.
    """

    _STATUS = (429, 503)

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until = monotonic()

    def read(self, status: int, header: str | None) -> None:
        """Read the time from a response. Resource Manager sends whole seconds."""
        if status in self._STATUS and header and header.isdigit():
            self._until = max(self._until, self._monotonic() + int(header))

    def seconds(self) -> float:
        """The seconds that are left to wait."""
        return max(0.0, self._until - self._monotonic())
