"""What the waves of a run have recorded of machines: how their checks ended, and which are migrated.

A machine that moved to another wave has its records in the outputs of the wave that it left, which
the other one does not get. The engine compares each wave with its record before it changes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from site_recovery.checks import Record


class Records:
    """The newest record of each instance's checks, and the waves that told theirs.

    All calls are made on the event loop of the provider process.

    Attributes:
        planned: the waves that this run plans by the config. A refresh plans none.
        migrated: the instances that are recorded as migrated.
        stack: the full name of the stack; empty if no program told it.
        is_read: whether the record of the whole stack was read, or tried to be.
        unread: why it could not be read; empty if it could, or was not tried.
        reading: held by who reads it.
    """

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._told: set[str] = set()
        self.planned: set[str] = set()
        self.migrated: set[str] = set()
        self.stack = ""
        self.is_read = False
        self.unread = ""
        self.reading = asyncio.Lock()
        self._waiting: set[asyncio.Event] = set()

    def add(self, wave: str, records: Iterable[Record] = (), migrated: Iterable[str] = ()) -> None:
        """Note what a wave has recorded; a new one has nothing."""
        self._told.add(wave)
        self.learn(records, migrated)
        for one in self._waiting:
            one.set()

    def learn(self, records: Iterable[Record], migrated: Iterable[str]) -> None:
        """Note what some wave has recorded."""
        self.migrated.update(migrated)
        for record in records:
            known = self._records.get(record.instance)
            if known is None or known.at < record.at:
                self._records[record.instance] = record

    def of(self, instance: str) -> Record | None:
        """The newest record of an instance's checks; None if no wave has one."""
        return self._records.get(instance)

    async def told(self, waves: Iterable[str], seconds: float) -> None:
        """Wait until these waves told their records.

        One that the engine does not come to in that time, such as with `--target`, is left out.
        """
        wanted, news = set(waves), asyncio.Event()
        self._waiting.add(news)
        try:
            async with asyncio.timeout(seconds):
                while not wanted <= self._told:
                    news.clear()
                    await news.wait()
        except TimeoutError:
            return
        finally:
            self._waiting.discard(news)


of_this_process = Records()
"""One provider process serves the waves of a run."""
