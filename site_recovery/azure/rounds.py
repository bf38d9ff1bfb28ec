"""Looks at one vault that all runs of a process share, and pauses that all of them end together.

However many waves drive machines of a vault, it is read once per round, for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from site_recovery.snapshot import Snapshot

_RECENT_SECONDS = 5.0
_AT_ONCE_SECONDS = 0.001

Observe = Callable[[], Awaitable[Snapshot]]
Leads = Callable[[], bool]
"""Whether the pause of no other run ends sooner than one's own."""


class Rounds:
    """The rounds on one vault. All its methods run on one event loop."""

    def __init__(self) -> None:
        self._under_way: asyncio.Task[Snapshot] | None = None
        self._next: asyncio.Task[Snapshot] | None = None
        self._newest: tuple[float, Snapshot] | None = None
        self._resting: dict[asyncio.Future[None], float] = {}

    async def look(self, observe: Observe) -> Snapshot:
        """What an observation shows that begins after this call.

        An observation that is under way is older than the question, so the next one is waited
        for, together with everybody else who asks before it begins.

        Args:
            observe: takes an observation. Whoever asked first takes it.

        Raises:
            MigrationError: as `observe` raises it.
        """
        if self._next is None:
            self._next = asyncio.ensure_future(self._observe(self._under_way, observe))
        # If one run is cancelled, the others still get their answer.
        return await asyncio.shield(self._next)

    async def recent(self, observe: Observe, good: Callable[[Snapshot], bool]) -> Snapshot:
        """What an observation showed a few seconds ago, if that is good; else a new one.

        Many records ask one after the other, each of one machine.

        Args:
            observe: takes an observation.
            good: whether a snapshot shows what is expected. If not, it may be too old.

        Raises:
            MigrationError: as `observe` raises it.
        """
        now = asyncio.get_running_loop().time()
        if self._newest is not None and now - self._newest[0] < _RECENT_SECONDS:
            snapshot = self._newest[1]
            if good(snapshot):
                return snapshot
        return await self.look(observe)

    async def rest(self, seconds: float, sleep: Callable[[float, Leads], Awaitable[None]]) -> None:
        """Wait for that long, or until another run on the vault has waited for long enough.

        Args:
            seconds: how long this run would wait.
            sleep: waits for that number of seconds, or less if there is something to look at. The
                run whose pause ends first may look for all of them.
        """
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        self._resting[woken] = end = loop.time() + seconds
        alarm = asyncio.ensure_future(sleep(seconds, lambda: self._is_first(end)))
        alarm.add_done_callback(lambda _: self._wake())
        try:
            await woken
            if alarm.done():
                alarm.result()
        finally:
            self._resting.pop(woken, None)
            alarm.cancel()

    def _is_first(self, end: float) -> bool:
        return all(other >= end - _AT_ONCE_SECONDS for other in self._resting.values())

    async def _observe(self, before: asyncio.Task[Snapshot] | None, observe: Observe) -> Snapshot:
        if before is not None:
            await asyncio.wait([before])
        # Those who were woken together ask together.
        await asyncio.sleep(0)
        self._under_way, self._next = self._next, None
        begun = asyncio.get_running_loop().time()
        snapshot = await observe()
        self._newest = begun, snapshot
        return snapshot

    def _wake(self) -> None:
        for woken in self._resting:
            if not woken.done():
                woken.set_result(None)
        self._resting.clear()
