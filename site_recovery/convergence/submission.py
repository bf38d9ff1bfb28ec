"""Submits each operation at most once, even if the response to a request is lost.

For that a run remembers, for each machine or recovery plan, the job that was accepted, the
operations that are done, and the requests that were not answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.requests import Request, Requests
from site_recovery.errors import MigrationError, RefusedError, UnansweredError
from site_recovery.operations import Operation
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot

_AT_ONCE = 40
"""The most concurrent submissions. Each reads its machine once more and then sends its request. The
limits of Resource Manager hold beside it; this bounds the open connections."""
_LOST_ROUNDS = 3
"""Rounds to observe after a request without an answer, if its job cannot be identified."""
_LOST_DISCOVERY_ROUNDS = 10
"""The same for a discovery. Nothing but lists shows it, and they may lag behind."""
_LOST_ANSWERS = 3
"""Consecutive requests without an answer after which a machine fails."""
_STALE_ROUNDS = 20
"""Rounds for which lists may lag behind a job that succeeded before a machine fails."""
_BUSY_REFUSALS = 20
"""Consecutive refusals because the service is busy after which a machine fails."""
_UNREACHABLE = 5
"""Consecutive requests without a connection to Azure after which a machine fails."""


@dataclass(frozen=True)
class InFlight:
    """A job that has not ended.

    Attributes:
        operation: the operation that this run asked for; None for a job that it did not start.
        job: its name; None if the service did not give one.
    """

    operation: Operation | None
    job: str | None


@dataclass(frozen=True)
class Order:
    """An operation that is due for a machine or a recovery plan.

    Attributes:
        operation: the operation.
        label: the name of the machine or plan in events.
        submit: sends one request with the given request id; returns the name of the job.
        running_job: the name of the job that runs now, by a single read and not from a list.
        is_due: whether the operation is still due, by a single read and not from a list. It is
            asked right before every request, because any list may lag behind.
        instances: the instances of a recovery plan that it is for; None for that of a machine.
    """

    operation: Operation
    label: str
    submit: Callable[[str], Awaitable[str | None]]
    running_job: Callable[[], Awaitable[str | None]]
    is_due: Callable[[], Awaitable[bool]]
    instances: frozenset[str] | None = None


@dataclass
class Attempts:
    """What a run remembers about one machine or plan.

    Attributes:
        subject: the instance id of the machine, or the name of the plan.
        names: its names in jobs, in lower case.
        in_flight: the job that it waits for, or None.
        done: operations whose jobs succeeded in this run.
        requests: by operation, the request that will be sent next or was not answered.
        lost: the operation whose request was not answered, or None.
        losses: number of consecutive requests that were not answered.
        jobs_before: names of the jobs that existed before the last request.
        rounds: rounds spent waiting for the effect of a request or job.
        refusals: number of consecutive requests that were refused or could not be sent.
        reason, message: what it is doing or waiting for, as a name and in words.
        brief: a shorter message for the status line; empty if `message` is short enough.
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

    @property
    def has_setback(self) -> bool:
        """Whether the service did not answer, was too busy, or does not show something yet."""
        return self.rounds + self.losses + self.refusals > 0

    def accepted(self, operation: Operation, job: str | None) -> None:
        """Note that the service accepted an operation."""
        self.requests.pop(operation, None)
        self.lost, self.losses, self.rounds, self.refusals = None, 0, 0, 0
        self.in_flight = InFlight(operation, job)
        self.tell(Reason.JOB_RUNNING, f"{operation} is running")

    def finish(self) -> None:
        """Note that its job has done what this machine or plan needed."""
        if self.in_flight is not None and self.in_flight.operation is not None:
            self.done.add(self.in_flight.operation)
        self.in_flight = None
        self.rounds = 0
        self.brief = ""


class Submitter:
    """Submits the operations of a run.

    Args:
        may_submit: returns False once nothing can be recorded any more.
        event: called with each operation that the service accepted, in words.
        requests: finds out which requests the service accepted.
        admit: asked last before a request, with its instances; returns why it may not be sent.
    """

    def __init__(
        self,
        may_submit: Callable[[], bool],
        event: Callable[[str], None],
        requests: Requests,
        admit: Callable[[Operation, Collection[str]], Failure | None],
    ) -> None:
        self._may_submit = may_submit
        self._event = event
        self._requests = requests
        self._admit = admit
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def ask(self, attempts: Attempts, order: Order, snapshot: Snapshot) -> Failure | None:
        """Submit an operation unless it is done, runs already, or may run already.

        Args:
            attempts: what is remembered about the machine or plan.
            order: the operation that is due.
            snapshot: the snapshot by which that was decided.

        Returns:
            Why the machine or plan has failed; None if it has not.
        """
        operation = order.operation
        if operation in attempts.done:
            return self.unseen(attempts, operation)
        if attempts.lost is operation:
            return None
        async with self._slots:
            try:
                is_due = await self._is_due(attempts, order, snapshot)
            except MigrationError as error:
                return self._unavailable(attempts, error)
            # Checked here: the engine may have ended while the request waited for a slot.
            if not is_due or not self._may_submit():
                return None
            instances = {attempts.subject} if order.instances is None else order.instances
            refusal = self._admit(operation, instances)
            return refusal or await self._submit(attempts, order)

    async def settle(self, attempts: Attempts, order: Order) -> bool:
        """Find out whether a request that was not answered was accepted.

        Args:
            attempts: what is remembered about the machine or plan; its `lost` is the order's
                operation.
            order: the operation that was requested.

        Returns:
            Whether the next step may be decided.
        """
        operation = order.operation
        try:
            verdict = await self._requests.verdict(
                attempts.requests[operation],
                attempts.names,
                operation,
                await order.running_job(),
                attempts.jobs_before,
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
        if not verdict.certain and attempts.rounds == 0:
            self._event(
                f"{order.label}: {operation} was not answered, and the service does not tell "
                "which request began its jobs; observing before deciding"
            )
        # A discovery shows in lists only, and the service may not show which request started a job.
        if verdict.likely is not None:
            attempts.accepted(operation, verdict.likely.name)
            return False
        attempts.rounds += 1
        attempts.tell(
            Reason.NOT_ANSWERED, f"{operation} was not answered; observing before deciding"
        )
        discovers = operation is Operation.DISCOVER
        if attempts.rounds >= (_LOST_DISCOVERY_ROUNDS if discovers else _LOST_ROUNDS):
            attempts.lost = None
        return True

    async def _is_due(self, attempts: Attempts, order: Order, snapshot: Snapshot) -> bool:
        """Whether to submit the operation now.

        Not if this or an earlier run requested it already, and its job still runs or its effect
        is not visible yet.
        """
        operation = order.operation
        attempts.jobs_before = frozenset(snapshot.jobs)
        request = attempts.requests.get(operation)
        if request is None:
            request = await self._requests.next(
                attempts.subject, attempts.names, operation, snapshot.jobs
            )
            if request.running is not None:
                # An earlier run started it. Whether it is done shows once it has ended.
                attempts.in_flight = InFlight(None, request.running.name)
                attempts.tell(Reason.JOB_RUNNING, f"{operation} is running")
                return False
            attempts.requests[operation] = request
        if not await order.is_due():
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
        """Wait for lists to show an operation that this run has completed.

        Returns:
            Why the machine or plan has failed, if the lists lag for too long; else None.
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
