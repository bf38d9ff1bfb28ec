"""Drives machines until each is in its desired phase, has failed, or the wait ends.

Level-based: every round observes all machines again and asks `planning.next_step`. Nothing is
remembered across runs. What a run remembers so that no operation runs twice is in `submission`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

from site_recovery.convergence import pacing, sizing
from site_recovery.convergence.interfaces import Pace, PlanOrder, Reporter, Service
from site_recovery.convergence.outcome import Failure, Outcome, Status
from site_recovery.convergence.plan_run import PlanMachine, PlanRun, Queued, is_past
from site_recovery.convergence.requests import Requests
from site_recovery.convergence.status_line import goal, status_line
from site_recovery.convergence.submission import Attempts, InFlight, Order, Submitter
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment
from site_recovery.jobs import Job
from site_recovery.observation import Observed, Stage, observe
from site_recovery.operations import Operation, of_scenario
from site_recovery.phases import Phase
from site_recovery.planning import NOT_BEGUN, Blocked, Do, Rules, Satisfied, Step, Wait, next_step
from site_recovery.polling import until
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot

_UNSIZED_ROUNDS = 10
"""Rounds without an answer about sizes after which a machine fails."""
_UNREADABLE_ROUNDS = 5
"""Consecutive rounds in which something about a machine may be unreadable before it fails."""
_SILENT_ROUNDS = 5
"""Consecutive rounds without any answer from Azure after which the run ends."""

_MAY_HAVE_VM = (*NOT_BEGUN, Stage.FAILED_OVER)
"""The stages in which a virtual machine that the list lacks would change the next step."""


@dataclass
class _Course:
    """The state of one machine within this run."""

    assignment: Assignment
    attempts: Attempts
    observed: Observed | None = None
    outcome: Outcome | None = None
    sized: bool = False
    unsized: int = 0
    unreadable: int = 0

    @property
    def name(self) -> str:
        return self.assignment.machine.name

    @property
    def has_setback(self) -> bool:
        """Whether a number of such rounds would fail it."""
        return self.attempts.has_setback or self.unsized > 0 or self.unreadable > 0

    def activity(self) -> str:
        """What it is doing, as a part of the status line."""
        if self.outcome is not None:
            return str(self.outcome.status)
        return self.attempts.brief or self.attempts.message.removesuffix(" is running")


async def converge(
    service: Service,
    assignments: Iterable[Assignment],
    rules: Rules,
    pace: Pace,
    reporter: Reporter,
    plan: PlanOrder | None = None,
) -> dict[str, Outcome]:
    """Drive machines to their phases, all concurrently.

    Args:
        service: the vault.
        assignments: machines with the phase that each should be in.
        rules: the rules of their wave.
        pace: the timing of the run.
        reporter: receives the progress.
        plan: the recovery plan through which the machines fail over, if they have one.

    Returns:
        An outcome for every machine, by name. The failure of one machine does not affect others.

    Raises:
        MigrationError: Azure did not answer the first time; nothing was changed.
    """
    courses = [
        _Course(
            assignment,
            Attempts(assignment.machine.instance_id, frozenset({assignment.machine.name.lower()})),
        )
        for assignment in assignments
    ]
    run = _Run(service, rules, pace, reporter, courses, plan)
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
        plan: PlanOrder | None,
    ) -> None:
        self._service = service
        self._rules = rules
        self._pace = pace
        self._reporter = reporter
        self._courses = courses
        self._started: datetime | None = None
        self._silent = 0
        self._ages = pacing.Ages()
        self._ended_by: Failure | None = None
        self._submitter = Submitter(
            pace.may_submit, reporter.event, Requests(service, service.request_ids)
        )
        self._jobs: dict[str, Job | None] = {}
        self._queued: list[Queued] = []
        self._plan = (
            PlanRun(service, plan.plan, plan.before, self._submitter, reporter.event)
            if plan is not None
            else None
        )

    async def drive(self) -> None:
        """Run rounds until every machine has its outcome, or the run has to end."""
        await until(self._turn, self._pause, self._rest)

    def _pause(self) -> float:
        """Seconds until the next round."""
        names = [course.name for course in self._open()]
        youngest = self._ages.youngest(names, self._service.clock.now())
        longest, setback = self._pace.longest_pause, self._has_setback()
        return self._service.pause(pacing.pause(youngest, longest, setback=setback))

    async def _rest(self, seconds: float) -> None:
        """Pause. Other runs on the vault end the pause early, unless there was a setback."""
        if self._has_setback():
            await self._pace.sleep(seconds)
        else:
            await self._service.rest(seconds, self._pace.sleep)

    def _has_setback(self) -> bool:
        """Whether the service did not answer for something, or does not show something yet."""
        plan = self._plan is not None and self._plan.has_setback
        return plan or self._silent > 0 or any(course.has_setback for course in self._open())

    async def _turn(self) -> Literal[True] | None:
        """One round; True if it was the last one."""
        if not self._unfinished():
            return True
        if not self._pace.may_submit():
            self._ended_by = Failure(Reason.RUN_ENDED, "the run was ended from outside")
            return True
        try:
            snapshot = await self._service.observe()
        except MigrationError as error:
            if self._started is None:
                raise
            self._silent += 1
            if self._silent < _SILENT_ROUNDS:
                return None
            self._ended_by = Failure(Reason.UNAVAILABLE, str(error))
            return True
        self._silent = 0
        now = self._service.clock.now()
        self._started = self._started or now
        await self._round(snapshot)
        self._note_ages(snapshot, now)
        self._reporter.status(self._status_line())
        if not self._unfinished():
            return True
        if now - self._started >= self._pace.wait:
            self._ended_by = Failure(Reason.WAIT_ENDED, "the wait of this run ended first")
            return True
        return None

    def _note_ages(self, snapshot: Snapshot, now: datetime) -> None:
        """Note what each machine does, and since when if this run did not begin it."""
        for course in self._open():
            in_flight = course.attempts.in_flight
            job = snapshot.jobs.get(in_flight.job or "") if in_flight is not None else None
            stage = course.observed.stage if course.observed is not None else None
            began = job.started if job is not None and job.started is not None else now
            self._ages.saw(course.name, (stage, in_flight, course.attempts.lost), began)

    def result(self, course: _Course) -> Outcome:
        if course.outcome is not None:
            return course.outcome
        observed = course.observed or Observed(Stage.UNKNOWN_TO_VAULT)
        attempts, ended_by = course.attempts, self._ended_by
        messages = [attempts.message, ended_by.message if ended_by else ""]
        return Outcome(
            Status.PENDING,
            observed,
            "; ".join(filter(None, messages)),
            attempts.reason or (ended_by.reason if ended_by else None),
        )

    def _unfinished(self) -> bool:
        if self._open():
            return True
        whole = all(c.outcome and c.outcome.status is Status.SATISFIED for c in self._courses)
        return self._plan is not None and whole and self._plan.needs_keeping(self._plan_machines())

    def _open(self) -> list[_Course]:
        return [course for course in self._courses if course.outcome is None]

    def _status_line(self) -> str:
        satisfied = [c for c in self._courses if c.outcome and c.outcome.status is Status.SATISFIED]
        return status_line(
            [course.assignment.desired for course in self._courses],
            len(satisfied),
            {c.name: c.activity() for c in self._courses if c not in satisfied},
        )

    async def _round(self, snapshot: Snapshot) -> None:
        self._jobs, self._queued = {}, []
        for course in self._open():
            assignment = course.assignment
            observed = observe(assignment.machine, snapshot, assignment.settings)
            self._announce(course, observed)
            course.observed = observed
            odd = observed.stage is Stage.UNREADABLE
            course.unreadable = course.unreadable + 1 if odd else 0
            if observed.friendly_name:
                course.attempts.names |= {observed.friendly_name.lower()}
        if self._plan is not None:
            await self._keep_plan(self._plan, snapshot)
        await asyncio.gather(
            *(
                self._advance(course, course.observed, snapshot)
                for course in self._open()
                if course.observed is not None
            )
        )
        if self._plan is not None and self._queued:
            await self._run_plan(self._plan, snapshot)

    # -- one machine, one round ---------------------------------------------------------------

    async def _advance(self, course: _Course, observed: Observed, snapshot: Snapshot) -> None:
        attempts = course.attempts
        if attempts.lost is not None:
            order = self._order(course, attempts.lost, observed, snapshot)
            if not await self._submitter.settle(attempts, order, snapshot):
                return
        in_flight = attempts.in_flight
        if in_flight and not await self._has_ended(course, observed, in_flight, snapshot):
            return
        if sizing.is_open(course.assignment, observed) and not course.sized:
            if not await self._size(course, observed):
                return
            observed = observe(course.assignment.machine, snapshot, course.assignment.settings)
            course.observed = observed
        if Operation.COMPLETE_MIGRATION in attempts.done and observed.stage in NOT_BEGUN:
            # Its item is gone, but the list of virtual machines does not show its machine yet.
            failure = self._submitter.unseen(attempts, Operation.COMPLETE_MIGRATION)
            if failure is not None:
                self._fail(course, observed, failure)
            return
        step = next_step(course.assignment.desired, observed, self._rules)
        match step:
            case Satisfied() | Blocked() if not await self._is_certain(
                course, step, observed, snapshot
            ):
                attempts.tell(Reason.NOT_SHOWN_YET, "the service's lists lag behind")
            case Satisfied():
                course.outcome = Outcome(Status.SATISFIED, observed)
                self._reporter.event(f"{course.name}: {goal(course.assignment.desired)}")
            case Blocked(reason=Reason.UNREADABLE) if course.unreadable < _UNREADABLE_ROUNDS:
                attempts.tell(step.reason, step.what)
            case Blocked():
                self._block(course, observed, step)
            case Wait(reason, what):
                attempts.tell(reason, what)
                if observed.busy is not None:
                    # An earlier run that was killed started it, or a person did. Attach to it.
                    attempts.in_flight = InFlight(None, observed.busy_job)
            case Do(operation) if self._through_plan(course, operation):
                self._queued.append(Queued(course.name, attempts, operation))
            case Do(operation):
                await self._do(course, operation, observed, snapshot)

    async def _is_certain(
        self, course: _Course, step: Satisfied | Blocked, observed: Observed, snapshot: Snapshot
    ) -> bool:
        """Whether what ends a machine's part in the run holds by single reads too.

        A list may lag behind, or lack what changed while it was read. To take such a machine for
        removed or migrated would leave its replication, and its costs, in place; to refuse it
        would end a run that can go on.
        """
        if isinstance(step, Satisfied) and (
            observed.item_id is not None
            or course.assignment.machine.migrated
            or Operation.COMPLETE_MIGRATION in course.attempts.done
        ):
            return True
        try:
            return self._step(course, await self._confirmed(course, observed, snapshot)) == step
        except MigrationError:
            return False

    async def _confirmed(self, course: _Course, observed: Observed, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the machine's item and virtual machine as single reads show them.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        item = await self._service.item(course.assignment, observed)
        confirmed = snapshot.with_item(observed.item_id, item)
        if observed.azure_vm_id is not None or observed.stage not in _MAY_HAVE_VM:
            return confirmed
        return confirmed.with_virtual_machine(
            await self._service.virtual_machine(course.assignment)
        )

    def _through_plan(self, course: _Course, operation: Operation) -> bool:
        """Whether an operation runs through the plan.

        While other machines stay in their tests, a machine is tested, and its test is cleaned up,
        by itself: its target changed, or its test failed.
        """
        if self._plan is None or not self._plan.takes(course.name, operation):
            return False
        return operation is Operation.UNPLANNED_FAILOVER or not any(
            self._stays_tested(other) for other in self._courses if other is not course
        )

    @staticmethod
    def _stays_tested(course: _Course) -> bool:
        desired, observed = course.assignment.desired, course.observed
        return (
            desired is Phase.TEST_FAILOVER
            and observed is not None
            and observed.stage is Stage.TEST_FAILOVER
            and not observed.differs
        )

    async def _size(self, course: _Course, observed: Observed) -> bool:
        """Choose or check the size of a machine. Returns whether the machine may go on."""
        try:
            sizes = await self._service.target_sizes(observed)
        except MigrationError as error:
            course.unsized += 1
            course.attempts.tell(Reason.UNAVAILABLE, str(error))
            if course.unsized >= _UNSIZED_ROUNDS:
                self._fail(course, observed, Failure(Reason.UNAVAILABLE, str(error)))
            return False
        if not sizes and course.unsized < _UNSIZED_ROUNDS:
            # Every machine has sizes. A list of none is one that lags behind.
            course.unsized += 1
            course.attempts.tell(Reason.UNAVAILABLE, "Azure lists no sizes for it yet")
            return False
        decided = sizing.sized(course.assignment, observed, sizes)
        if isinstance(decided, Blocked):
            self._block(course, observed, decided)
            return False
        course.assignment, course.sized, course.unsized = decided, True, 0
        return True

    async def _has_ended(
        self, course: _Course, observed: Observed, in_flight: InFlight, snapshot: Snapshot
    ) -> bool:
        """Follow the job of a machine. Returns whether its next step may be decided.

        A failed job fails the machine.
        """
        job = snapshot.jobs.get(in_flight.job) if in_flight.job else None
        planned = job is not None and self._plan is not None and self._plan.owns(job)
        try:
            if in_flight.job and (job is None or job.failed or (planned and job.running)):
                # The list has less detail than the job itself, and may lag behind.
                job = await self._job(in_flight.job) or job
        except MigrationError as error:
            course.attempts.tell(Reason.UNAVAILABLE, str(error))
            return False
        there = next_step(course.assignment.desired, observed, self._rules) == Satisfied()
        if planned and job is not None and job.failed:
            listed = snapshot.jobs.get(job.name)
            if listed is not None and listed.running:
                # This snapshot is older than the end of the job.
                return False
            operation = in_flight.operation or of_scenario(job.scenario)
            there = there or (operation is not None and is_past(operation, observed))
        if planned and there:
            # The plan may go on, or have failed, with other machines.
            course.attempts.finish()
            return True
        if job is not None and job.running:
            if planned and self._plan:
                self._plan.tell(course.attempts, job)
            else:
                doing = f"{in_flight.operation or job.scenario} is running"
                course.attempts.tell(Reason.JOB_RUNNING, doing)
            return False
        if job is not None and job.failed:
            what = in_flight.operation or job.scenario
            errors = job.machine_errors.get(course.name.lower(), job.errors)
            causes = " ".join(map(str, errors)) or f"the job ended as {job.state}."
            message = f"{what} failed: {causes} (job {job.name})"
            self._fail(course, observed, Failure(Reason.JOB_FAILED, message))
            return False
        course.attempts.finish()
        # If the job is our own, this snapshot may be older than its end.
        return in_flight.operation is None

    async def _do(
        self, course: _Course, operation: Operation, observed: Observed, snapshot: Snapshot
    ) -> None:
        order = self._order(course, operation, observed, snapshot)
        failure = await self._submitter.ask(course.attempts, order, snapshot)
        if failure is not None:
            if operation is Operation.UPDATE_TARGET and operation in course.attempts.done:
                still = ", ".join(observed.differs)
                message = f"{failure.message} (not as machines.{course.name}.target says: {still})"
                failure = Failure(failure.reason, message)
            self._fail(course, observed, failure)

    def _order(
        self, course: _Course, operation: Operation, observed: Observed, snapshot: Snapshot
    ) -> Order:
        async def running_job() -> str | None:
            item = await self._service.item(course.assignment, observed)
            return item.scenario_job if item is not None else None

        async def is_due() -> bool:
            confirmed = await self._confirmed(course, observed, snapshot)
            return self._step(course, confirmed) == Do(operation)

        return Order(
            operation,
            course.name,
            partial(self._service.submit, operation, course.assignment, observed),
            running_job,
            is_due,
        )

    def _step(self, course: _Course, snapshot: Snapshot) -> Step:
        assignment = course.assignment
        observed = observe(assignment.machine, snapshot, assignment.settings)
        return next_step(assignment.desired, observed, self._rules)

    async def _job(self, name: str) -> Job | None:
        """A job with all its detail. It is read once per round, even if many machines are in it."""
        if name not in self._jobs:
            self._jobs[name] = await self._service.job(name)
        return self._jobs[name]

    # -- a wave with a recovery plan, one round --------------------------------------------------

    async def _keep_plan(self, plan: PlanRun, snapshot: Snapshot) -> None:
        machines = self._plan_machines()
        failure = await plan.keep(machines, snapshot)
        if failure is None:
            return
        for course in self._courses:
            if course.name in machines and course.observed is not None:
                self._fail(course, course.observed, failure)

    async def _run_plan(self, plan: PlanRun, snapshot: Snapshot) -> None:
        failures = await plan.run(self._queued, self._plan_machines(), snapshot)
        for course in self._courses:
            if course.name in failures and course.observed is not None:
                self._fail(course, course.observed, failures[course.name])

    def _plan_machines(self) -> dict[str, PlanMachine]:
        return {
            course.name: PlanMachine(
                course.observed,
                course.outcome is not None and course.outcome.status is not Status.SATISFIED,
            )
            for course in self._courses
            if course.assignment.desired is not None and course.observed is not None
        }

    def _block(self, course: _Course, observed: Observed, why: Blocked) -> None:
        course.outcome = Outcome(Status.BLOCKED, observed, str(why), why.reason)
        self._reporter.event(f"{course.name}: blocked: {why}")

    def _fail(self, course: _Course, observed: Observed, failure: Failure) -> None:
        course.outcome = Outcome(Status.FAILED, observed, failure.message, failure.reason)
        self._reporter.event(f"{course.name}: {failure.message}")

    def _announce(self, course: _Course, observed: Observed) -> None:
        before = course.observed
        if before is not None and before.stage is not observed.stage:
            self._reporter.event(f"{course.name}: {before.stage} -> {observed.stage}")
