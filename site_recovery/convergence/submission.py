"""Asking for an operation at most once, whatever becomes of the answer.

What a run remembers of one machine (or of one recovery plan) for that: the job that was
accepted, the operations that were already done, and requests that were not answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.requests import Request, Requests
from site_recovery.errors import MigrationError, RefusedError, UnansweredError
from site_recovery.jobs import Job
from site_recovery.operations import Operation
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot

_AT_ONCE = 10
"""Submissions under way at a time; the portal enables ten machines in one batch too."""
_LOST_ROUNDS = 3
"""Rounds to observe after a request without an answer, where its job cannot be looked up."""
_LOST_ANSWERS = 3
"""Answers that may be lost in a row before a machine fails."""
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


@dataclass(frozen=True)
class Order:
    """An operation that is due for a machine or a recovery plan.

    Attributes:
        operation: what is due.
        label: how events call the machine or plan.
        submit: asks the service once, with a request id; gives the name of the job.
        begins: whether it begins a replication. A machine that was migrated must not get there
            because a list lags behind: the operation is always confirmed by `is_due`.
        running_job: reads by itself, and not from a list, the name of the job that runs now.
        is_due: whether the operation is still due, by a read of the thing itself.
    """

    operation: Operation
    label: str
    begins: bool
    submit: Callable[[str], Awaitable[str | None]]
    running_job: Callable[[], Awaitable[str | None]]
    is_due: Callable[[], Awaitable[bool]]


@dataclass
class Attempts:
    """What a run remembers of one machine or plan.

    Attributes:
        subject: the instance id of the machine, or the name of the plan.
        names: what jobs call it, in lower case.
        in_flight: the job that is waited for.
        done: operations whose jobs ended well in this run.
        requests: the request to send, or sent and not answered, by operation.
        lost: the operation whose request was not answered.
        losses: requests in a row that were not answered.
        jobs_before: names of the jobs that were there before such a request.
        rounds: rounds spent observing after one.
        refusals: requests in a row that were refused.
        reason, message: what it is doing or waiting for, as a name and in words.
        brief: the message for a status line, where it is too long for one.
    """

    subject: str
    names: frozenset[str]
    in_flight: InFlight | None = None
    done: set[Operation] = field(default_factory=set)
    requests: dict[Operation, Request] = field(default_factory=dict)
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

    def accepted(self, operation: Operation, job: str | None) -> None:
        """Note that the service accepted an operation."""
        self.requests.pop(operation, None)
        self.lost, self.losses, self.rounds, self.refusals = None, 0, 0, 0
        self.in_flight = InFlight(operation, job)
        self.tell(Reason.JOB_RUNNING, f"{operation} is running")

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
        requests: knows which requests the service accepted.
    """

    def __init__(
        self, may_submit: Callable[[], bool], event: Callable[[str], None], requests: Requests
    ) -> None:
        self._may_submit = may_submit
        self._event = event
        self._requests = requests
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def ask(self, attempts: Attempts, order: Order, snapshot: Snapshot) -> Failure | None:
        """Ask for an operation unless it was done, is under way, or may be.

        Args:
            attempts: of the machine or plan.
            order: what is due.
            snapshot: by which that was decided.

        Returns:
            Why the machine or plan has failed; None while it has not.
        """
        operation = order.operation
        if operation in attempts.done:
            return self.unseen(attempts, operation)
        if attempts.lost is operation:
            return None
        try:
            is_due = await self._is_due(attempts, order, snapshot)
        except MigrationError as error:
            return self._unavailable(attempts, error)
        if not is_due:
            return None
        async with self._slots:
            # Asked when the request leaves: the engine may have gone while it was queued.
            if not self._may_submit():
                return None
            return await self._submit(attempts, order)

    async def settle(self, attempts: Attempts, order: Order, snapshot: Snapshot) -> bool:
        """Find out whether a request that was not answered was accepted.

        Args:
            attempts: of the machine or plan; its `lost` is the order's operation.
            order: what was asked for.
            snapshot: the newest.

        Returns:
            Whether the next step may be decided on.
        """
        operation = order.operation
        try:
            verdict = await self._requests.verdict(
                attempts.requests[operation], attempts.names, operation, await order.running_job()
            )
        except MigrationError as error:
            attempts.tell(Reason.UNAVAILABLE, str(error))
            return False
        if verdict.job is not None:
            attempts.accepted(operation, verdict.job.name)
            self._event(f"{order.label}: {operation} was accepted, its reply was lost")
            return False
        if verdict.certain and operation is not Operation.DISCOVER:
            attempts.lost = None
            return True
        # Nothing but lists tells of a discovery, and a service need not tell who began a job.
        started = _new_job(attempts, snapshot)
        if started is not None and not verdict.certain:
            attempts.accepted(operation, started.name)
            return False
        attempts.rounds += 1
        attempts.tell(
            Reason.NOT_ANSWERED, f"{operation} was not answered; observing before deciding"
        )
        if attempts.rounds == 1 and not verdict.certain:
            self._event(
                f"{order.label}: {operation} was not answered, and the service does not tell "
                "which request began its jobs; observing before deciding"
            )
        if attempts.rounds >= _LOST_ROUNDS:
            attempts.lost = None
        return True

    async def _is_due(self, attempts: Attempts, order: Order, snapshot: Snapshot) -> bool:
        """Whether nobody asked already, this run or one before it, and it is only not seen yet."""
        operation = order.operation
        attempts.jobs_before = frozenset(snapshot.jobs)
        request = attempts.requests.get(operation)
        if request is None:
            request = await self._requests.next(
                attempts.subject, attempts.names, operation, snapshot.jobs
            )
            if request.running is not None:
                attempts.accepted(operation, request.running.name)
                return False
            attempts.requests[operation] = request
        in_doubt = order.begins or request.attempt > 1 or attempts.losses > 0
        if in_doubt and not await order.is_due():
            attempts.tell(Reason.NOT_SHOWN_YET, f"{operation} was done and does not show yet")
            return False
        return True

    def _unavailable(self, attempts: Attempts, error: MigrationError) -> Failure | None:
        attempts.refusals += 1
        attempts.tell(Reason.UNAVAILABLE, str(error))
        if attempts.refusals < _UNREACHABLE:
            return None
        return Failure(Reason.UNAVAILABLE, str(error))

    def unseen(self, attempts: Attempts, operation: Operation) -> Failure | None:
        """Wait for lists that lag behind an operation that this run has done.

        Returns:
            Why the machine or plan has failed, once the lists lag for too long.
        """
        attempts.rounds += 1
        attempts.tell(Reason.NOT_SHOWN_YET, f"{operation} succeeded and does not show yet")
        if attempts.rounds < _STALE_ROUNDS:
            return None
        return Failure(
            Reason.NOT_SHOWN_YET,
            f"the job of {operation} succeeded, but the service does not show what it did; it is "
            "not run a second time. Look in the vault, then run pulumi up again",
        )

    async def _submit(self, attempts: Attempts, order: Order) -> Failure | None:
        operation = order.operation
        try:
            job = await order.submit(attempts.requests[operation].id)
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
            return self._unavailable(attempts, error)
        else:
            attempts.accepted(operation, job)
            self._event(f"{order.label}: {operation} started")
        return None


def _new_job(attempts: Attempts, snapshot: Snapshot) -> Job | None:
    """The job that an unanswered operation turns out to have started."""
    for name, job in snapshot.jobs.items():
        if name not in attempts.jobs_before and job.target.lower() in attempts.names:
            return job
    return None
