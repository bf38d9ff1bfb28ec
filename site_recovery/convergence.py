"""Drive machines until each is where it should be, fails, or the wait ends.

Level-based: every round observes all machines anew and asks `planning.next_step`; nothing is
remembered across runs. What is remembered within one, so that no operation runs twice, is in
`submission`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Protocol

from site_recovery.azure import MigrationError, ServiceClock
from site_recovery.fleet import Assignment
from site_recovery.observation import Job, Observed, Snapshot, Stage, observe
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.planning import Blocked, Do, Rules, Satisfied, Wait, next_step
from site_recovery.submission import Attempts, Flight, Submitter

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
class _Course:
    """One machine on its way within this run."""

    assignment: Assignment
    attempts: Attempts
    observed: Observed | None = None
    outcome: Outcome | None = None

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
    courses = [
        _Course(assignment, Attempts(frozenset({assignment.machine.name.lower()})))
        for assignment in assignments
    ]
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
        self._submitter = Submitter(pace.may_submit, reporter.event)

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
        reasons = [part for part in (course.attempts.reason, self._ended_by) if part]
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
            f"{c.name} {c.attempts.reason.removesuffix(' is running')}"
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
        attempts = course.attempts
        if observed.friendly_name:
            attempts.names |= {observed.friendly_name.lower()}
        if attempts.flight and not await self._landed(course, observed, attempts.flight, snapshot):
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
                attempts.reason = reason
                if observed.busy is not None:
                    # Someone's job, or that of a run that was killed: attach to it.
                    attempts.flight = Flight(None, observed.busy_job)
            case Do(operation):
                await self._do(course, operation, observed, snapshot)

    async def _landed(
        self, course: _Course, observed: Observed, flight: Flight, snapshot: Snapshot
    ) -> bool:
        """Whether the next step may be decided on; a failed job ends the machine's course."""
        job = snapshot.jobs.get(flight.job) if flight.job else None
        try:
            if flight.job and (job is None or job.failed):
                # The list has less detail than the job itself, and may lag behind.
                job = await self._service.job(flight.job) or job
        except MigrationError:
            return False
        if job is not None and job.running:
            course.attempts.reason = f"{flight.operation or job.scenario} is running"
            if job.state == "Suspended":
                course.attempts.reason += " and waits for a person (resume it in the vault)"
            return False
        if job is not None and job.failed:
            what = flight.operation or job.scenario
            causes = " ".join(map(str, job.errors)) or f"the job ended as {job.state}."
            self._fail(course, observed, f"{what} failed: {causes} (job {job.name})")
            return False
        course.attempts.landed()
        # What this snapshot says of the machine may be older than the end of our own job.
        return flight.operation is None

    async def _do(
        self, course: _Course, operation: Operation, observed: Observed, snapshot: Snapshot
    ) -> None:
        failure = await self._submitter.ask(
            course.attempts,
            operation,
            snapshot,
            partial(self._service.submit, operation, course.assignment, observed),
            course.name,
        )
        if failure is not None:
            self._fail(course, observed, failure)
            return
        if operation is self._until and course.attempts.flight is not None:
            course.outcome = Outcome(Status.PENDING, observed, course.attempts.reason)

    def _fail(self, course: _Course, observed: Observed, reason: str) -> None:
        course.outcome = Outcome(Status.FAILED, observed, reason)
        self._reporter.event(f"{course.name}: {reason}")

    def _announce(self, course: _Course, observed: Observed) -> None:
        before = course.observed
        if before is not None and before.stage is not observed.stage:
            self._reporter.event(f"{course.name}: {before.stage} -> {observed.stage}")


def _goal(desired: Phase | None) -> str:
    return "replication removed" if desired is None else str(desired)
