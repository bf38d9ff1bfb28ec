"""Asking for an operation at most once, whatever becomes of the answer.

What a run remembers of one machine (or of one recovery plan) for that: the job that was
accepted, the operations that were already done, and answers that never came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from site_recovery.convergence.outcome import Failure
from site_recovery.errors import MigrationError, RefusedError, UnansweredError
from site_recovery.jobs import Job
from site_recovery.operations import Operation
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot

_AT_ONCE = 10
"""Submissions under way at a time; the portal enables ten machines in one batch too."""
_LOST_ROUNDS = 3
"""Rounds to observe after an operation without an answer before asking for it again."""
_LOST_ANSWERS = 3
"""Answers that may be lost in a row, each with its rounds of observing, before a machine fails."""
_STALE_ROUNDS = 20
"""Rounds in which lists may lag behind a job that succeeded."""
_BUSY_REFUSALS = 20
_UNREACHABLE = 5
"""Submissions in a row that Azure may leave without a connection."""


@dataclass(frozen=True)
class InFlight:
    """A job that has not ended.

    Attributes:
        operation: what this run asked for; None for a job that somebody else began.
        job: its name; None where the service named none.
    """

    operation: Operation | None
    job: str | None


@dataclass
class Attempts:
    """What a run remembers of one machine or plan.

    Attributes:
        names: what jobs call it, in lower case.
        in_flight: the job that is waited for.
        done: operations whose jobs ended well in this run.
        lost: the operation whose request was not answered.
        losses: requests in a row that were not answered.
        jobs_before: names of the jobs that were there before such a request.
        rounds: rounds spent observing after one.
        refusals: requests in a row that were refused.
        reason, message: what it is doing or waiting for, as a name and in words.
        brief: the message for a status line, where it is too long for one.
    """

    names: frozenset[str]
    in_flight: InFlight | None = None
    done: set[Operation] = field(default_factory=set)
    lost: Operation | None = None
    losses: int = 0
    jobs_before: frozenset[str] = frozenset()
    rounds: int = 0
    refusals: int = 0
    reason: Reason | None = None
    message: str = ""
    brief: str = ""

    def tell(self, reason: Reason, message: str, brief: str = "") -> None:
        """Note what it is doing or waiting for."""
        self.reason, self.message, self.brief = reason, message, brief

    def finish(self) -> None:
        """Note that its job has ended; the next decision waits for a newer snapshot."""
        if self.in_flight is not None and self.in_flight.operation is not None:
            self.done.add(self.in_flight.operation)
        self.in_flight = None
        self.rounds = 0
        self.brief = ""


class Submitter:
    """Submits for a run.

    Args:
        may_submit: False once nobody is there to record what is done.
        event: told of every operation that the service accepted.
    """

    def __init__(self, may_submit: Callable[[], bool], event: Callable[[str], None]) -> None:
        self._may_submit = may_submit
        self._event = event
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def ask(
        self,
        attempts: Attempts,
        operation: Operation,
        snapshot: Snapshot,
        submit: Callable[[], Awaitable[str | None]],
        label: str,
    ) -> Failure | None:
        """Ask for an operation unless it was done, is under way, or may be.

        Args:
            attempts: of the machine or plan.
            operation: what is wanted.
            snapshot: by which that was decided.
            submit: asks the service once; gives the job's name.
            label: how events call the machine or plan.

        Returns:
            Why the machine or plan has failed; None while it has not.
        """
        if operation in attempts.done:
            return self._stale(attempts, operation)
        if attempts.lost is operation:
            started = _new_job(attempts, snapshot)
            if started is not None:
                attempts.lost, attempts.in_flight = None, InFlight(operation, started.name)
                return None
            attempts.rounds += 1
            attempts.tell(
                Reason.NOT_ANSWERED, f"{operation} was not answered; observing before deciding"
            )
            if attempts.rounds < _LOST_ROUNDS:
                return None
        else:
            attempts.jobs_before = frozenset(snapshot.jobs)
        if not self._may_submit():
            return None
        async with self._slots:
            return await self._submit(attempts, operation, submit, label)

    def _stale(self, attempts: Attempts, operation: Operation) -> Failure | None:
        attempts.rounds += 1
        attempts.tell(Reason.NOT_SHOWN_YET, f"{operation} succeeded and does not show yet")
        if attempts.rounds < _STALE_ROUNDS:
            return None
        return Failure(
            Reason.NOT_SHOWN_YET,
            f"the job of {operation} succeeded, but the service does not show what it did; it is "
            "not run a second time. Look in the vault, then run pulumi up again",
        )

    async def _submit(
        self,
        attempts: Attempts,
        operation: Operation,
        submit: Callable[[], Awaitable[str | None]],
        label: str,
    ) -> Failure | None:
        try:
            job = await submit()
        except UnansweredError as error:
            attempts.losses += 1
            attempts.lost, attempts.rounds = operation, 0
            attempts.tell(Reason.NOT_ANSWERED, str(error))
            if attempts.losses >= _LOST_ANSWERS:
                return Failure(
                    Reason.NOT_ANSWERED, f"{error}, again and again. Run pulumi up again"
                )
        except RefusedError as error:
            attempts.refusals += 1
            attempts.tell(Reason.REFUSED, str(error))
            if not error.busy or attempts.refusals >= _BUSY_REFUSALS:
                return Failure(Reason.REFUSED, str(error))
        except MigrationError as error:
            attempts.refusals += 1
            attempts.tell(Reason.UNAVAILABLE, str(error))
            if attempts.refusals >= _UNREACHABLE:
                return Failure(Reason.UNAVAILABLE, str(error))
        else:
            attempts.lost, attempts.losses, attempts.rounds, attempts.refusals = None, 0, 0, 0
            attempts.in_flight = InFlight(operation, job)
            attempts.tell(Reason.JOB_RUNNING, f"{operation} is running")
            self._event(f"{label}: {operation} started")
        return None


def _new_job(attempts: Attempts, snapshot: Snapshot) -> Job | None:
    """The job that an unanswered operation turns out to have started."""
    for name, job in snapshot.jobs.items():
        if name not in attempts.jobs_before and job.target.lower() in attempts.names:
            return job
    return None
