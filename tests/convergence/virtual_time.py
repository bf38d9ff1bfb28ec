"""An event loop whose time is the emulator's: while all tasks sleep, it is later at once.

Runs that sleep side by side then share one clock, as they do in a provider process.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


def run(work: Coroutine[Any, Any, _T], pass_time: Callable[[float], None]) -> _T:
    """Run a coroutine to its end.

    Args:
        work: the coroutine. Nothing in it may wait for another thread or process.
        pass_time: lets seconds pass at the emulator.
    """
    with asyncio.Runner(loop_factory=lambda: _Loop(_Selector(pass_time))) as runner:
        return runner.run(work)


class _Selector(selectors.DefaultSelector):
    def __init__(self, pass_time: Callable[[float], None]) -> None:
        super().__init__()
        self._pass_time = pass_time
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("all tasks wait, and none of them for a time")
        if not ready and timeout:
            self.seconds += timeout
            self._pass_time(timeout)
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, selector: _Selector) -> None:
        super().__init__(selector)
        self._virtual = selector

    def time(self) -> float:
        return self._virtual.seconds
