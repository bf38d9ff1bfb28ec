"""Drive machines until each is where it should be, fails, or the wait ends.

Level-based: every round observes all machines anew and asks `planning.next_step`; nothing is
remembered across runs. Within a run three things are, each so that no operation runs twice: the
job that was submitted for a machine, the operations that were already done, and answers that
never came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from site_recovery.azure import MigrationError, ServiceClock
from site_recovery.fleet import Assignment
from site_recovery.observation import Job, Observed, Snapshot, Stage, observe
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.planning import Blocked, Do, Rules, Satisfied, Wait, next_step
from site_recovery.service import RefusedError, UnansweredError

_AT_ONCE = 10
"""Submissions under way at a time; the portal enables ten machines in one batch too."""
_LOST_ROUNDS = 3
"""Rounds to observe after an operation without an answer before asking for it again."""
_LOST_ANSWERS = 3
"""Answers that may be lost in a row, each with its rounds of observing, before a machine fails."""
_STALE_ROUNDS = 20
"""Rounds in which lists may lag behind a job that succeeded."""
_BUSY_REFUSALS = 20
_SHOWN = 4
"""Machines named in the status line; a terminal row holds no more."""
_SILENT_ROUNDS = 5
"""Rounds in which Azure may not answer at all before the run ends."""


class Status(StrEnum):
    """What became of a machine in one run."""

    SATISFIED = "satisfied"
    PENDING = "pending"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Outcome:
    """Where a machine stands at the end of a run and, where it is not satisfied, why."""

    status: Status
    observed: Observed
    reason: str = ""


class Service(Protocol):
    """What convergence needs of a vault; `service.VaultService` is the real one."""

    clock: ServiceClock

    async def observe(self) -> Snapshot:
        """All machines of the vault."""

    async def job(self, name: str) -> Job | None:
        """One job with its errors."""

    async def submit(
        self, operation: Operation, assignment: Assignment, observed: Observed
    ) -> str | None:
        """Ask for an operation once; the name of its job."""


class Reporter(Protocol):
    """Who is told how it goes."""

    def status(self, text: str) -> None:
        """The present state in one line; the next one replaces it."""

    def event(self, text: str) -> None:
        """One change of state, to be kept."""


@dataclass(frozen=True)
class Pace:
    """How long and how often.

    Attributes:
        wait: service time that one run may take.
        poll: between two rounds, in real time.
        sleep: injected, so that tests step the emulator's clock instead.
        may_submit: False once nobody is there to record what is done (the engine is gone).
    """

    wait: timedelta
    poll: timedelta
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    may_submit: Callable[[], bool] = lambda: True


@dataclass
class _Flight:
    """An operation that was accepted and has not come to its end."""

    operation: Operation | None
    job: str | None


@dataclass
class _Course:
    """One machine on its way within this run."""

    assignment: Assignment
    flight: _Flight | None = None
    done: set[Operation] = field(default_factory=set)
    lost: Operation | None = None
    losses: int = 0
    jobs_before: frozenset[str] = frozenset()
    rounds: int = 0
    refusals: int = 0
    observed: Observed | None = None
    outcome: Outcome | None = None
    reason: str = ""

    @property
    def name(self) -> str:
        return self.assignment.machine.name


async def converge(
    service: Service,
    assignments: Iterable[Assignment],
    rules: Rules,
    pace: Pace,
    reporter: Reporter,
    until: Operation | None = None,
) -> dict[str, Outcome]:
    """Drive machines to their phases, all at once.

    Args:
        service: the vault.
        assignments: machines with the phase that each should be in.
        rules: the gates of their wave.
        pace: how long and how often.
        reporter: who is told how it goes.
        until: an operation after whose acceptance a machine is left `pending`, for a caller
            that starts something and lets another wait for its end.

    Returns:
        An outcome for every machine, by name. A machine that fails fails alone.

    Raises:
        MigrationError: Azure could not be asked even once; nothing was changed.
    """
    courses = [_Course(assignment) for assignment in assignments]
    run = _Run(service, rules, pace, reporter, courses, until)
    await run.drive()
    return {course.name: run.result(course) for course in courses}


class _Run:
    def __init__(
        self,
        service: Service,
        rules: Rules,
        pace: Pace,
        reporter: Reporter,
        courses: list[_Course],
        until: Operation | None,
    ) -> None:
        self._service = service
        self._rules = rules
        self._pace = pace
        self._reporter = reporter
        self._courses = courses
        self._until = until
        self._started: datetime | None = None
        self._ended_by = ""
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def drive(self) -> None:
        silent = 0
        while self._open():
            if not self._pace.may_submit():
                self._ended_by = "the run was ended from outside"
                return
            try:
                snapshot = await self._service.observe()
                silent = 0
            except MigrationError as error:
                silent += 1
                if self._started is None:
                    raise
                if silent >= _SILENT_ROUNDS:
                    self._ended_by = str(error)
                    return
                await self._pace.sleep(self._pace.poll.total_seconds())
                continue
            now = self._service.clock.now()
            self._started = self._started or now
            await asyncio.gather(*(self._advance(course, snapshot) for course in self._open()))
            self._reporter.status(self._status_line())
            if not self._open():
                return
            if now - self._started >= self._pace.wait:
                self._ended_by = "the wait of this run ended first"
                return
            await self._pace.sleep(self._pace.poll.total_seconds())

    def result(self, course: _Course) -> Outcome:
        if course.outcome is not None:
            return course.outcome
        observed = course.observed or Observed(Stage.UNKNOWN_TO_VAULT)
        reasons = [part for part in (course.reason, self._ended_by) if part]
        return Outcome(Status.PENDING, observed, "; ".join(reasons))

    def _open(self) -> list[_Course]:
        return [course for course in self._courses if course.outcome is None]

    def _status_line(self) -> str:
        """`12/40 protected · web-07 initial replication 63%`."""
        desired = {course.assignment.desired for course in self._courses}
        goal = _goal(desired.pop()) if len(desired) == 1 else "done"
        satisfied = sum(
            1 for c in self._courses if c.outcome and c.outcome.status is Status.SATISFIED
        )
        ended = [
            f"{c.name} {c.outcome.status}"
            for c in self._courses
            if c.outcome and c.outcome.status is not Status.SATISFIED
        ]
        under_way = [
            f"{c.name} {c.reason.removesuffix(' is running')}"
            for c in self._courses
            if c.outcome is None
        ]
        others = [*ended, *under_way]
        more = [f"{len(others) - _SHOWN} more"] if len(others) > _SHOWN else []
        return " · ".join([f"{satisfied}/{len(self._courses)} {goal}", *others[:_SHOWN], *more])

    # -- one machine, one round ---------------------------------------------------------------

    async def _advance(self, course: _Course, snapshot: Snapshot) -> None:
        observed = observe(course.assignment.machine, snapshot)
        self._announce(course, observed)
        course.observed = observed
        if course.flight is not None and not await self._landed(course, course.flight, snapshot):
            return
        if course.outcome is not None:
            return
        step = next_step(course.assignment.desired, observed, self._rules)
        match step:
            case Satisfied():
                course.outcome = Outcome(Status.SATISFIED, observed)
                self._reporter.event(f"{course.name}: {_goal(course.assignment.desired)}")
            case Blocked():
                course.outcome = Outcome(Status.BLOCKED, observed, str(step))
                self._reporter.event(f"{course.name}: blocked: {step}")
            case Wait(reason):
                course.reason = reason
                if observed.busy is not None:
                    # Someone's job, or that of a run that was killed: attach to it.
                    course.flight = _Flight(None, observed.busy_job)
            case Do(operation):
                await self._do(course, operation, observed, snapshot)

    async def _landed(self, course: _Course, flight: _Flight, snapshot: Snapshot) -> bool:
        """Whether the operation under way has ended; a failed one ends the machine's course."""
        job = snapshot.jobs.get(flight.job) if flight.job else None
        try:
            if flight.job and (job is None or job.failed):
                # The list has less detail than the job itself, and may lag behind.
                job = await self._service.job(flight.job) or job
        except MigrationError:
            return False
        if job is not None and job.running:
            course.reason = f"{flight.operation or job.scenario} is running"
            if job.state == "Suspended":
                course.reason += " and waits for a person (resume or cancel it in the vault)"
            return False
        course.flight = None
        course.rounds = 0
        if job is not None and job.failed:
            what = flight.operation or job.scenario
            causes = " ".join(map(str, job.errors)) or f"the job ended as {job.state}."
            assert course.observed is not None
            course.outcome = Outcome(
                Status.FAILED, course.observed, f"{what} failed: {causes} (job {job.name})"
            )
            self._reporter.event(f"{course.name}: {what} failed: {causes}")
        elif flight.operation is not None:
            course.done.add(flight.operation)
            # What this snapshot says of the machine may be older than its job's end.
            return False
        return True

    async def _do(
        self, course: _Course, operation: Operation, observed: Observed, snapshot: Snapshot
    ) -> None:
        if operation in course.done:
            course.rounds += 1
            course.reason = f"{operation} succeeded and does not show yet"
            if course.rounds >= _STALE_ROUNDS:
                self._fail(
                    course,
                    observed,
                    f"the job of {operation} succeeded, but the machine is still "
                    f"{observed.stage}; it is not run a second time. Look at it in the vault, "
                    "then run pulumi up again",
                )
            return
        if course.lost is operation:
            started = _new_job(course, observed, snapshot)
            if started is not None:
                course.lost, course.flight = None, _Flight(operation, started.name)
                return
            course.rounds += 1
            course.reason = f"{operation} was not answered; observing before deciding"
            if course.rounds < _LOST_ROUNDS:
                return
        else:
            course.jobs_before = frozenset(snapshot.jobs)
        if not self._pace.may_submit():
            return
        async with self._slots:
            await self._submit(course, operation, observed)

    async def _submit(self, course: _Course, operation: Operation, observed: Observed) -> None:
        try:
            job = await self._service.submit(operation, course.assignment, observed)
        except UnansweredError as error:
            course.losses += 1
            course.lost, course.rounds = operation, 0
            if course.losses >= _LOST_ANSWERS:
                self._fail(course, observed, f"{error}, again and again. Run pulumi up again")
        except RefusedError as error:
            course.refusals += 1
            course.reason = str(error)
            if not error.busy or course.refusals >= _BUSY_REFUSALS:
                self._fail(course, observed, str(error))
        except MigrationError as error:
            course.reason = str(error)
            course.refusals += 1
            if course.refusals >= _SILENT_ROUNDS:
                self._fail(course, observed, str(error))
        else:
            course.lost, course.losses, course.rounds, course.refusals = None, 0, 0, 0
            course.flight = _Flight(operation, job)
            course.reason = f"{operation} is running"
            self._reporter.event(f"{course.name}: {operation} started")
            if operation is self._until:
                course.outcome = Outcome(Status.PENDING, observed, course.reason)

    def _fail(self, course: _Course, observed: Observed, reason: str) -> None:
        course.outcome = Outcome(Status.FAILED, observed, reason)
        self._reporter.event(f"{course.name}: {reason}")

    def _announce(self, course: _Course, observed: Observed) -> None:
        before = course.observed
        if before is not None and before.stage is not observed.stage:
            self._reporter.event(f"{course.name}: {before.stage} -> {observed.stage}")


def _new_job(course: _Course, observed: Observed, snapshot: Snapshot) -> Job | None:
    """The job that an unanswered operation turns out to have started."""
    names = {course.name.lower(), observed.friendly_name.lower()}
    for name, job in snapshot.jobs.items():
        if name not in course.jobs_before and job.target.lower() in names:
            return job
    return None


def _goal(desired: Phase | None) -> str:
    return "replication removed" if desired is None else str(desired)
