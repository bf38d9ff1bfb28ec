"""Which of our requests the service accepted, as told by the jobs that they began."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from site_recovery.jobs import Job
from site_recovery.operations import Operation
from site_recovery.request_ids import RequestIds

_NEWEST = 10
"""Jobs of one machine and operation that are read; a machine has seldom more than two."""


class Jobs(Protocol):
    """Who knows the vault's jobs; `service.VaultService` is the real one."""

    async def jobs(self) -> Mapping[str, Job]:
        """All jobs by name, without what only a single read tells."""

    async def job(self, name: str) -> Job | None:
        """One job with its errors and the id of the request that began it."""


@dataclass(frozen=True)
class Request:
    """One request for an operation.

    Attributes:
        id: its `x-ms-client-request-id`.
        attempt: which one it is, from 1.
        running: the job of the request before it, if that one has not ended.
    """

    id: str
    attempt: int
    running: Job | None = None


@dataclass(frozen=True)
class Verdict:
    """What the jobs of the vault tell of a request that was not answered.

    Attributes:
        job: the job that it began; None if there is none.
        certain: whether the service tells of every job which request began it. If not, no job
            does not mean that the request was not accepted.
    """

    job: Job | None
    certain: bool


class Requests:
    """The requests of one run.

    Args:
        service: where the jobs are read.
        ids: of the stack.
    """

    def __init__(self, service: Jobs, ids: RequestIds) -> None:
        self._service = service
        self._ids = ids

    async def next(
        self, subject: str, names: frozenset[str], operation: Operation, listed: Mapping[str, Job]
    ) -> Request:
        """The next request for an operation: the first whose id no job has.

        Args:
            subject: the instance id of a machine, or the name of a recovery plan.
            names: what jobs call it, in lower case.
            operation: what is asked for.
            listed: the jobs of the vault, by name.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        read = await self._read(names, operation, listed.values())
        begun = {job.request_id: job for job in read}
        attempt, before = 1, None
        while (own := self._ids.of(subject, operation, attempt)) in begun:
            attempt, before = attempt + 1, begun[own]
        running = before if before is not None and before.running else None
        return Request(own, attempt, running)

    async def verdict(
        self,
        request: Request,
        names: frozenset[str],
        operation: Operation,
        running_job: str | None,
    ) -> Verdict:
        """Whether a request that was not answered was accepted.

        Args:
            request: what was sent.
            names: what jobs call the machine or plan, in lower case.
            operation: what was asked for.
            running_job: the job that runs on it now, which a list may not have yet.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        listed = await self._service.jobs()
        jobs = await self._read(names, operation, listed.values())
        running = await self._service.job(running_job) if running_job else None
        if running is not None and running.scenario == operation.scenario:
            jobs.append(running)
        own = next((job for job in jobs if job.request_id == request.id), None)
        return Verdict(own, certain=own is not None or all(job.request_id for job in jobs))

    async def _read(
        self, names: frozenset[str], operation: Operation, listed: Iterable[Job]
    ) -> list[Job]:
        """The newest jobs of a machine or plan and an operation, each read by itself."""
        own = [
            job
            for job in listed
            if job.target.lower() in names and job.scenario == operation.scenario
        ]
        read = await asyncio.gather(*(self._service.job(job.name) for job in own[:_NEWEST]))
        return [job for job in read if job is not None]
