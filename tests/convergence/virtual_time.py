"""An event loop whose time is that of an emulated world.

While all its tasks sleep, it is later at once. Runs that sleep side by side then share one clock,
as they do in a provider process, and hours of service time take seconds.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from datetime import timedelta
from typing import Any, TypeVar, TypeVarTuple

from emulator.kernel.clock import EPOCH, Clock

_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")
_Ready = list[tuple[selectors.SelectorKey, int]]
_RESOLUTION = 1e-6


def run(clock: Clock, work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end. Where its tasks all sleep, the clock is stepped to the end of the
    first sleep.

    Args:
        clock: the clock, with a scale of 0.
        work: the coroutine. Nothing in it may wait for another thread or process.

    Raises:
        RuntimeError: all tasks wait, and none of them for a time.
    """
    with asyncio.Runner(loop_factory=lambda: _Loop(clock)) as runner:
        return runner.run(work)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: Clock) -> None:
        super().__init__(_Selector(clock))
        self._clock = clock

    def time(self) -> float:
        """Seconds since the clock's epoch."""
        return (self._clock.now() - EPOCH).total_seconds()

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call back at a time.

        Never at once: a limiter that lacks a millionth of a token would be called without end,
        because no time passes between two calls.
        """
        later = max(when, self.time() + _RESOLUTION)
        return super().call_at(later, callback, *args, context=context)


class _Selector(selectors.DefaultSelector):
    """Steps the clock instead of waiting."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> _Ready:
        ready: _Ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("all tasks wait, and none of them for a time")
        if not ready and timeout:
            # Rounded up: a step that is too short would be repeated without end.
            self._clock.advance(timedelta(microseconds=math.ceil(timeout * 1_000_000)))
        return ready
