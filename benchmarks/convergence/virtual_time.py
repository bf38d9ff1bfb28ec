"""An event loop whose time is that of an emulated world."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from emulator.kernel.clock import EPOCH, Clock

_T = TypeVar("_T")
_Ready = list[tuple[selectors.SelectorKey, int]]


def run(clock: Clock, work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine. Where its tasks all sleep, the clock is stepped to the end of the first
    sleep.

    Args:
        clock: the clock, with a scale of 0.
        work: the coroutine.
    """
    with asyncio.Runner(loop_factory=lambda: _VirtualLoop(clock)) as runner:
        return runner.run(work)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: Clock) -> None:
        super().__init__(_Selector(clock))
        self._clock = clock

    def time(self) -> float:
        """Seconds since the clock's epoch."""
        return (self._clock.now() - EPOCH).total_seconds()


class _Selector(selectors.DefaultSelector):
    """Steps the clock instead of waiting."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> _Ready:
        """What is ready now. Without a timeout only another thread can go on, so that is waited
        for."""
        if timeout is None:
            waited: _Ready = super().select(None)
            return waited
        ready: _Ready = super().select(0)
        if not ready and timeout > 0:
            # Rounded up: a step that is too short would be repeated without end.
            self._clock.advance(timedelta(microseconds=math.ceil(timeout * 1_000_000)))
        return ready
