"""What all calls of the engine share in a provider process: one event loop, and Azure.

The waves of a run drive their machines side by side on one loop. They share the connections to
Azure, the limits of Resource Manager, and what is observed.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from dynamic_providers import engine
from site_recovery.azure.connection import Connect, KeptOpen, connector

_T = TypeVar("_T")
_BLOCKING_AT_ONCE = 1000
"""Calls of blocking libraries under way, such as the agents' roll-outs. Threads are made on demand."""
_CLOSING_SECONDS = 2.0


class Driver:
    """The event loop of this process, which is started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._azure = KeptOpen(connector(may_change=lambda: engine.current().alive()))

    @property
    def azure(self) -> Connect:
        """Connects to Azure. A connection stays open for the calls that follow."""
        return self._azure

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine on the loop, and wait for it in the thread of this call.

        Raises:
            Exception: what the coroutine raises.
        """
        running = asyncio.run_coroutine_threadsafe(work, self._started())
        try:
            return running.result()
        finally:
            # A call that was interrupted goes no further.
            running.cancel()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._loop.set_default_executor(ThreadPoolExecutor(_BLOCKING_AT_ONCE, "blocking"))
                threading.Thread(target=self._loop.run_forever, name="driver", daemon=True).start()
                atexit.register(self._close, self._loop)
            return self._loop

    def _close(self, loop: asyncio.AbstractEventLoop) -> None:
        closing = asyncio.run_coroutine_threadsafe(self._azure.close(), loop)
        with suppress(TimeoutError):
            closing.result(_CLOSING_SECONDS)


of_this_process = Driver()
