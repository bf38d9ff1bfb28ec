"""The jobs of a vault, listed once and then only as far as something can have changed.

A vault keeps every job it ever ran, and a list of all of them has many pages. So the first look of
a process reads the jobs of the last weeks, and a later look those that started since the look
before it, and those that had not ended then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from site_recovery.arm_ids import VaultId
from site_recovery.azure.answers import jobs
from site_recovery.azure.answers.reading import UnreadableError, each, one
from site_recovery.azure.rest import call, list_url, url
from site_recovery.jobs import Job
from site_recovery.snapshot import Kind, Unreadable

if TYPE_CHECKING:
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

REACH = timedelta(days=7)
"""How far back the first look goes. What is needed of the past is

- the jobs that still run and that nothing else shows: discoveries, which take minutes, and recovery
  plans, which may wait for a person for days (what runs on an item is named by the item);
- the ids of requests whose effect the other lists may not show yet. An id is used again only if the
  job that had it is older, and so will never be seen again;
- the changes of targets since the oldest test failover: `reach` goes back as far as that needs.
"""
_LAG = timedelta(minutes=5)
"""How long a list may lag behind: jobs that started so long before the last look are listed again."""
_RENEWAL = timedelta(minutes=30)
"""After this time all is listed again, in case an answer lacked something."""
_READ_ALONE = 5
"""The most running jobs that are read one by one because they started long before the others."""
_FORGOTTEN = "Forgotten"
"""The state of a job that ran and that the vault does not have any more."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class JobHistory:
    """The jobs of one vault that a process knows.

    Attributes:
        looks: how often it was begun to learn what happened.
    """

    def __init__(self) -> None:
        self.looks = 0
        self._jobs: dict[str, Job] = {}
        self._odd: dict[object, Unreadable] = {}
        self._since: datetime | None = None
        self._looked: datetime | None = None
        self._renewed: datetime | None = None
        self._filters = True

    @property
    def known(self) -> bool:
        """Whether the jobs were listed before."""
        return self._looked is not None

    @property
    def jobs(self) -> dict[str, Job]:
        """The known jobs by name, the newest first."""
        return self._jobs

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """The known jobs that cannot be read."""
        return tuple(self._odd.values())

    async def look(
        self, client: SiteRecoveryManagementClient, vault: VaultId, now: datetime
    ) -> None:
        """Learn what happened since the last look (ReplicationJobs_List and _Get).

        Args:
            client: the client of the vault's subscription.
            vault: the vault.
            now: the time at the service.

        Raises:
            AzureError: Azure did not answer, or refused.
        """
        self.looks += 1
        looked, renewed = self._looked, self._renewed
        lacking = not self._jobs or bool(self._odd)
        if looked is None or renewed is None or now - renewed >= _RENEWAL or lacking:
            await self.renew(client, vault, now)
            return
        since = looked - _LAG
        before = [job for job in self._jobs.values() if job.running and _start(job) < since]
        before.sort(key=_start)
        if rest := before[_READ_ALONE:]:
            since = max(_start(rest[0]), self._since or _EPOCH)
        for job in reversed(before):
            # Jobs that started at about the same time are one page of the list.
            if _start(job) >= since - _LAG:
                since = min(since, _start(job))
        alone = [job for job in before if _start(job) < since]
        (found, odd), read = await asyncio.gather(
            self._listed(client, vault, since),
            asyncio.gather(*(_again(client, vault, job) for job in alone)),
        )
        self._odd |= odd
        self._learn({**{job.name: job for job in read if job is not None}, **found})
        self._looked = now
        missing = [job for job, again in zip(alone, read, strict=True) if again is None]
        if missing:
            # One 404 ends nothing: a job that the list has is there.
            await self.renew(client, vault, now)
            lost = [job for job in missing if self._jobs[job.name] is job]
            self._learn({job.name: replace(job, state=_FORGOTTEN) for job in lost})

    async def renew(
        self,
        client: SiteRecoveryManagementClient,
        vault: VaultId,
        now: datetime,
        back_to: datetime | None = None,
    ) -> None:
        """List the jobs of the last weeks anew (ReplicationJobs_List).

        Args:
            client: the client of the vault's subscription.
            vault: the vault.
            now: the time at the service.
            back_to: a time before which nothing matters, if more than the last weeks do.

        Raises:
            AzureError: Azure did not answer, or refused.
        """
        since = min(moment for moment in (now - REACH, back_to, self._since) if moment is not None)
        found, odd = await self._listed(client, vault, since)
        if not found and self._filters:
            # A service that takes the filter and knows no job by it may read it in another way.
            found, odd = await self._listed(client, vault, None)
            self._filters = all(_start(job) < since for job in found.values())
        # Only now: until there is an answer, what could not be read is still somebody's.
        self._odd = odd
        self._learn(found)
        self._since, self._looked, self._renewed = since, now, now

    async def reach(
        self, client: SiteRecoveryManagementClient, vault: VaultId, now: datetime, since: datetime
    ) -> None:
        """Make sure that the jobs since a time are known.

        Raises:
            AzureError: Azure did not answer, or refused.
        """
        if self._since is None or since < self._since:
            await self.renew(client, vault, now, back_to=since)

    async def _listed(
        self, client: SiteRecoveryManagementClient, vault: VaultId, since: datetime | None
    ) -> tuple[dict[str, Job], dict[object, Unreadable]]:
        """The jobs that started since a time, or all if it is None; and those that are unreadable.

        The filter is written as Azure PowerShell writes it, which also says what it means:
        "jobs that started after the specified time" (Get-AzRecoveryServicesAsrJob). A service
        that refuses it is not asked with it again.
        """
        path = f"{vault}/replicationJobs"
        if since is None or not self._filters:
            entries = await list_url(client, url(path))
        else:
            wanted = f"StartTime eq '{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"
            try:
                entries = await list_url(client, url(path, filter=wanted))
            except HttpResponseError as error:
                if error.status_code != 400:
                    raise
                self._filters = False
                entries = await list_url(client, url(path))
        known, odd = each(Kind.JOB, entries, jobs.job)
        return {job.name: job for job in known}, {entry.name or entry: entry for entry in odd}

    def _learn(self, found: Mapping[str, Job]) -> None:
        # A list may lag behind, so what it lacks is kept.
        newest = sorted({**self._jobs, **found}.values(), key=_start, reverse=True)
        self._jobs = {job.name: job for job in newest}
        for name in found:
            self._odd.pop(name, None)


async def job_of(client: SiteRecoveryManagementClient, vault: VaultId, name: str) -> Job | None:
    """One job with its errors (ReplicationJobs_Get), or None if the vault has no such job.

    Raises:
        UnreadableError: it is not as the service documents it.
        AzureError: Azure did not answer, or refused.
    """
    try:
        found = await call(client, "GET", url(f"{vault}/replicationJobs/{name}"))
    except ResourceNotFoundError:
        return None
    return one(f"job {name}", found, jobs.job)


async def _again(client: SiteRecoveryManagementClient, vault: VaultId, job: Job) -> Job | None:
    """A job that ran, read again; what is known of it if it cannot be read, None if it is not found."""
    try:
        return await job_of(client, vault, job.name)
    except UnreadableError:
        return job


def _start(job: Job) -> datetime:
    return job.started or _EPOCH
