"""Pauses between two looks at a vault, which end early when jobs of the vault have ended.

A look reads all lists of a vault. Its jobs since a few minutes ago are one of them, so they are read
several times in a pause, and the end of an operation is seen seconds after it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from azure.core.exceptions import AzureError

from site_recovery.arm_ids import VaultId
from site_recovery.azure.connection import Connection
from site_recovery.azure.job_history import JobHistory
from site_recovery.azure.rounds import Leads
from site_recovery.polling import by_age

_SHARE = 0.01
"""Of the age of the youngest job. A twentieth, as between looks, would be 13 s of a test failover."""


class JobWatch:
    """Watches the running jobs of one vault.

    Args:
        connection: to the vault's subscription.
        vault: the vault.
        history: the jobs that the process knows, for all runs on the vault.
    """

    def __init__(self, connection: Connection, vault: VaultId, history: JobHistory) -> None:
        self._connection = connection
        self._vault = vault
        self._history = history

    async def sleep(
        self,
        seconds: float,
        leads: Leads,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Sleep for that long, or until half of the jobs that run now have ended.

        With half of them, two hundred machines whose jobs end one after the other cost eight more
        looks and not two hundred, and the end of the last one is seen at once.

        Args:
            seconds: how long at most.
            leads: whether no other run's pause ends sooner. That run watches for all, and all look
                when its pause ends.
            sleep: waits for that number of seconds.
        """
        # With a job that cannot be read, every look would list all jobs anew.
        ran = set() if self._history.unreadable else self._running()
        looks = self._history.looks
        while ran and (step := self._step()) < seconds:
            await sleep(step)
            seconds -= step
            try:
                if leads():
                    looks = await self._look(looks)
            except AzureError:
                # The next look at everything tells what is wrong.
                break
            if 2 * len(ran - self._running()) >= len(ran):
                return
        await sleep(seconds)

    async def _look(self, looks: int) -> int:
        """List the jobs, unless another run did since so many looks. Returns their number now."""
        if self._history.looks == looks:
            await self._history.look(
                self._connection.client, self._vault, self._connection.clock.now()
            )
        return self._history.looks

    def _running(self) -> set[str]:
        return {job.name for job in self._history.jobs.values() if job.running}

    def _step(self) -> float:
        """Seconds until the next list of jobs."""
        now = self._connection.clock.now()
        began = [job.started for job in self._history.jobs.values() if job.running and job.started]
        age = max(timedelta(), now - max(began)) if began else timedelta()
        return by_age(age, timedelta.max, _SHARE).total_seconds()
