"""Looking again and again until something has happened. The time is injected."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

_T = TypeVar("_T")

Pause = Callable[[], float]
"""Says, after each look, for how many seconds to wait before the next one."""


async def until(
    look: Callable[[], Awaitable[_T | None]],
    pause: Pause,
    sleep: Callable[[float], Awaitable[None]],
) -> _T:
    """Look until there is something, and return it.

    Args:
        look: looks once; None asks for another look. It raises an error to give up.
        pause: seconds until the next look.
        sleep: waits for so many seconds.
    """
    while (found := await look()) is None:
        await sleep(pause())
    return found


def until_blocking(
    look: Callable[[], _T | None], pause: Pause, sleep: Callable[[float], None]
) -> _T:
    """The same as `until`, for libraries that are not asynchronous (boto3)."""
    while (found := look()) is None:
        sleep(pause())
    return found


class RetryAfter:
    """How long a service that was asked too much wants to be left alone (RFC 9110, Retry-After).

    Args:
        monotonic: a clock, in seconds.
    """

    _STATUS = (429, 503)

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until = monotonic()

    def read(self, status: int, header: str | None) -> None:
        """Take the time from an answer; Resource Manager sends whole seconds."""
        if status in self._STATUS and header and header.isdigit():
            self._until = max(self._until, self._monotonic() + int(header))

    def seconds(self) -> float:
        """What is left of that time."""
        return max(0.0, self._until - self._monotonic())
