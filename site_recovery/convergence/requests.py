"""Finds out which of our requests the service accepted, from the jobs that they started."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from site_recovery.jobs import Job
from site_recovery.operations import Operation
from site_recovery.request_ids import RequestIds

_NEWEST = 10
"""The most jobs that are read for one machine and operation. There are seldom more than two."""


class Jobs(Protocol):
    """The jobs of a vault. `azure.service.VaultService` implements it."""

    async def jobs(self) -> Mapping[str, Job]:
        """List all jobs, by name. A list has less detail than a single read."""

    async def job(self, name: str) -> Job | None:
        """Read one job, with its errors and the id of the request that started it."""


@dataclass(frozen=True)
class Request:
    """One request for an operation.

    Attributes:
        id: its `x-ms-client-request-id`.
        attempt: its number, from 1.
        running: the job of the previous request, if that has not ended.
    """

    id: str
    attempt: int
    running: Job | None = None


@dataclass(frozen=True)
class Verdict:
    """What the vault's jobs show about a request that was not answered.

    Attributes:
        job: the job that it started; None if none was found.
        certain: whether every job showed which request started it. If not, the request may have
            been accepted although `job` is None.
        likely: a job of the same operation that did not exist before the request and does not
            show which request started it; None if there is none.
    """

    job: Job | None
    certain: bool
    likely: Job | None


class Requests:
    """The requests of one run.

    Args:
        service: reads the jobs.
        ids: derives the request ids of the stack.
    """

    def __init__(self, service: Jobs, ids: RequestIds) -> None:
        self._service = service
        self._ids = ids

    async def next(
        self, subject: str, names: frozenset[str], operation: Operation, listed: Mapping[str, Job]
    ) -> Request:
        """The next request for an operation: the first one whose id no job has.

        Args:
            subject: the instance id of a machine, or the name of a recovery plan.
            names: its names in jobs, in lower case.
            operation: the requested operation.
            listed: the jobs of the vault, by name.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        read = await self._read(names, operation, listed.values())
        # The newest come first. An old one may have the same id, from long ago.
        begun = {job.request_id: job for job in reversed(read)}
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
        before: Collection[str],
    ) -> Verdict:
        """Whether a request that was not answered was accepted.

        Args:
            request: the request.
            names: names of the machine or plan in jobs, in lower case.
            operation: the requested operation.
            running_job: name of the job that runs on it now, which a list may not show yet.
            before: names of the jobs that existed before the request.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        listed = await self._service.jobs()
        jobs = await self._read(names, operation, listed.values())
        running = await self._service.job(running_job) if running_job else None
        if running is not None and running.scenario == operation.scenario:
            jobs.append(running)
        own = next((job for job in jobs if job.request_id == request.id), None)
        unnamed = [job for job in jobs if not job.request_id]
        likely = next((job for job in unnamed if job.name not in before), None)
        return Verdict(own, certain=own is not None or not unnamed, likely=likely)

    async def _read(
        self, names: frozenset[str], operation: Operation, listed: Iterable[Job]
    ) -> list[Job]:
        """Read, one by one, the newest jobs of an operation on a machine or plan."""
        own = [
            job
            for job in listed
            if job.target.lower() in names and job.scenario == operation.scenario
        ]
        read = await asyncio.gather(*(self._service.job(job.name) for job in own[:_NEWEST]))
        return [job for job in read if job is not None]
