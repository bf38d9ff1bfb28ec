"""Drives machines until each is in its desired phase, has failed, or the wait ends.

Level-based: every round observes all machines again and asks `planning.next_step`. Nothing is
remembered across runs. What a run remembers so that no operation runs twice is in `submission`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from site_recovery.convergence import pacing, unexpected
from site_recovery.convergence.checks import CheckRuns
from site_recovery.convergence.cutovers.cutovers import Cutovers
from site_recovery.convergence.guarding import NONE, Guarding
from site_recovery.convergence.hooks import HookRunner, HookRuns
from site_recovery.convergence.interfaces import Pace, PlanOrder, Reporter, Service
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.machine_steps import MachineSteps
from site_recovery.convergence.outcome import Failure, Outcome
from site_recovery.convergence.plan_run import PlanMachine, PlanRun
from site_recovery.convergence.requests import Requests
from site_recovery.convergence.rollback import Rollbacks
from site_recovery.convergence.security_groups import SecurityGroups
from site_recovery.convergence.single_reads import certain
from site_recovery.convergence.source_guests import SourceGuests
from site_recovery.convergence.sources import Sources
from site_recovery.convergence.status_line import status_line
from site_recovery.convergence.submission import Submitter
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage, observe
from site_recovery.planning import Rules
from site_recovery.polling import until
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot

_SILENT_ROUNDS = 5
"""Consecutive rounds without any answer from Azure after which the run ends."""


async def converge(
    service: Service,
    assignments: Iterable[Assignment],
    rules: Rules,
    pace: Pace,
    reporter: Reporter,
    plan: PlanOrder | None = None,
    sources: Sources | None = None,
    guarding: Guarding = NONE,
    hooks: HookRunner | None = None,
) -> dict[str, Outcome]:
    """Drive machines to their phases, all concurrently.

    Args:
        service: the vault.
        assignments: machines with the phase that each should be in.
        rules: the rules of their wave.
        pace: the timing of the run.
        reporter: receives the progress.
        plan: the recovery plan through which the machines fail over, if they have one.
        sources: the EC2 instances of the machines; None if none of them is touched.
        guarding: the guards of their wave.
        hooks: runs hooks where pulumi runs; None if none is declared.

    Returns:
        An outcome for every machine, by name. The failure of one machine does not affect others.

    Raises:
        MigrationError: Azure did not answer the first time; nothing was changed.
    """
    machines = [MachineRun.of(assignment, reporter.event) for assignment in assignments]
    cutovers = Cutovers(sources, service, pace, reporter.event) if sources is not None else None
    hook_runs = HookRuns(hooks, sources, pace.may_submit, reporter.event)
    guests = SourceGuests(sources, service.guests) if sources is not None else None
    run = _Run(
        service, rules, pace, reporter, machines, plan, cutovers, guarding, hook_runs, guests
    )
    try:
        ended_by = await run.drive()
    finally:
        await hook_runs.close()
    return await run.outcomes(ended_by)


@dataclass(frozen=True)
class _End:
    """The end of a run; `early` says why, if machines are still on their way."""

    early: Failure | None = None


class _Run:
    def __init__(
        self,
        service: Service,
        rules: Rules,
        pace: Pace,
        reporter: Reporter,
        machines: list[MachineRun],
        plan: PlanOrder | None,
        cutovers: Cutovers | None,
        guarding: Guarding,
        hooks: HookRuns,
        source_guests: SourceGuests | None,
    ) -> None:
        self._service = service
        self._rules = rules
        self._guarding = guarding
        self._pace = pace
        self._reporter = reporter
        self._machines = machines
        self._started: datetime | None = None
        self._silent = 0
        self._snapshot = Snapshot()
        self._ages = pacing.Ages()
        self._errors: dict[str, Failure] = {}
        submitter = Submitter(
            pace.may_submit,
            reporter.event,
            Requests(service, service.request_ids),
            guarding.admit,
        )
        self._plan = (
            PlanRun(service, plan.plan, plan.before, submitter, reporter.event)
            if plan is not None
            else None
        )
        self._cutovers = cutovers
        rollbacks = Rollbacks(
            service.compute, cutovers, source_guests, service.clock, pace, reporter.event
        )
        groups = SecurityGroups(service.interfaces, pace.may_submit, reporter.event)
        checks = CheckRuns(service.guests, service.clock, reporter.event)
        self._steps = partial(
            MachineSteps,
            service,
            submitter=submitter,
            machines=machines,
            plan=self._plan,
            cutovers=cutovers,
            rollbacks=rollbacks,
            groups=groups,
            checks=checks,
            hooks=hooks,
            admit=guarding.admit,
        )

    async def drive(self) -> Failure | None:
        """Run rounds until every machine has its outcome, or the run has to end.

        Returns:
            Why the run ended before all machines did, or None.
        """
        try:
            early = (await until(self._turn, self._pause, self._rest)).early
        except Exception as error:
            if self._started is None:
                raise
            early = unexpected.failure(error, "this run")
        if early is not None and self._cutovers is not None:
            try:
                await self._cutovers.give_back(self._open(), early)
            except Exception as error:  # noqa: BLE001 - what was done until now has to be recorded
                early = unexpected.failure(error, "giving sources back")
        if early is not None and early.reason is Reason.UNEXPECTED:
            for machine in self._open() or self._machines:
                left = self._cutovers.left(machine) if self._cutovers is not None else ""
                machine.fail(_seen(machine), replace(early, message=f"{early.message}{left}"))
        return early

    async def outcomes(self, ended_by: Failure | None) -> dict[str, Outcome]:
        """The outcome of every machine, by name.

        Args:
            ended_by: why the run ended before all machines did, or None.
        """
        results = [
            certain(self._service, self._snapshot, machine, machine.result(ended_by))
            for machine in self._machines
        ]
        names = [machine.name for machine in self._machines]
        return dict(zip(names, await asyncio.gather(*results), strict=True))

    def _pause(self) -> float:
        """Seconds until the next round."""
        names = [machine.name for machine in self._open()]
        now, goes_on = self._service.clock.now(), self._goes_on()
        pause = pacing.pause(
            self._ages.youngest(names, now),
            self._pace.longest_pause,
            setback=self._has_setback(),
            nothing_for=goes_on - now if goes_on is not None else None,
        )
        return self._service.pause(pause)

    async def _rest(self, seconds: float) -> None:
        """Pause. Other runs on the vault end the pause early, unless there was a setback."""
        if self._has_setback():
            await self._pace.sleep(seconds)
        else:
            await self._service.rest(seconds, self._pace.sleep)

    def _has_setback(self) -> bool:
        """Whether the service did not answer for something, or does not show something yet."""
        plan = self._plan is not None and self._plan.has_setback
        return plan or self._silent > 0 or any(machine.has_setback for machine in self._open())

    async def _turn(self) -> _End | None:
        """One round; the end of the run if it was the last one."""
        if not self._unfinished():
            return _End()
        if not self._pace.may_submit():
            return _End(Failure(Reason.RUN_ENDED, "the run was ended from outside"))
        try:
            snapshot = await self._service.observe()
        except MigrationError as error:
            if self._started is None:
                raise
            self._silent += 1
            if self._silent < _SILENT_ROUNDS:
                return None
            return _End(Failure(Reason.UNAVAILABLE, str(error)))
        self._silent, self._snapshot = 0, snapshot
        now = self._service.clock.now()
        self._started = self._started or now
        await self._round(snapshot)
        self._note_ages(snapshot, now)
        self._reporter.status(self._status_line())
        if not self._unfinished():
            return _End()
        goes_on = self._goes_on()
        if goes_on is not None and goes_on > self._started + self._pace.wait:
            # To wait for that is of no use.
            return _End(Failure(Reason.WAIT_ENDED, "that is after the end of this run's wait"))
        if now - self._started >= self._pace.wait:
            return _End(Failure(Reason.WAIT_ENDED, "the wait of this run ended first"))
        return None

    def _goes_on(self) -> datetime | None:
        """The time before which certainly no machine goes on; None if that is not known."""
        untils = [machine.waits_until for machine in self._open()]
        known = [until for until in untils if until is not None]
        return min(known) if known and len(known) == len(untils) else None

    def _note_ages(self, snapshot: Snapshot, now: datetime) -> None:
        """Note what each machine does, and since when if this run did not begin it."""
        for machine in self._open():
            in_flight = machine.attempts.in_flight
            job = snapshot.jobs.get(in_flight.job or "") if in_flight is not None else None
            stage = machine.observed.stage if machine.observed is not None else None
            began = job.started if job is not None and job.started is not None else now
            cutover = self._cutovers.step_of(machine) if self._cutovers is not None else None
            doing = (stage, in_flight, machine.attempts.lost, cutover)
            self._ages.saw(machine.name, doing, began)

    def _unfinished(self) -> bool:
        if self._open():
            return True
        if self._plan is None or not all(machine.is_satisfied for machine in self._machines):
            return False
        return self._plan.needs_keeping(self._plan_machines())

    def _open(self) -> list[MachineRun]:
        return [machine for machine in self._machines if machine.outcome is None]

    def _status_line(self) -> str:
        return status_line(
            [machine.assignment.desired for machine in self._machines],
            sum(machine.is_satisfied for machine in self._machines),
            [machine.activity() for machine in self._machines if not machine.is_satisfied],
        )

    async def _round(self, snapshot: Snapshot) -> None:
        if self._cutovers is not None:
            await self._cutovers.look(self._open())
        for machine in self._open():
            assignment = machine.assignment
            try:
                machine.saw(observe(assignment.machine, snapshot, assignment.settings))
            except Exception as error:  # noqa: BLE001 - it must not end the others
                self._broke(machine, error)
        guard = self._guarding.guard(snapshot, self._service.clock.now)
        steps = self._steps(rules=replace(self._rules, guard=guard), snapshot=snapshot)
        if self._plan is not None:
            await self._keep_plan(self._plan, steps, snapshot)
        await asyncio.gather(*(self._advance(machine, steps) for machine in self._open()))
        if self._plan is not None and steps.queued:
            failures = await self._plan.run(steps.queued, self._plan_machines(), snapshot)
            await self._fail(failures, steps)

    async def _advance(self, machine: MachineRun, steps: MachineSteps) -> None:
        """Take one machine further; after an error of the program, only its source back."""
        if machine.name not in self._errors:
            try:
                await steps.advance(machine, _seen(machine))
            except Exception as error:  # noqa: BLE001 - it must not end the others
                self._broke(machine, error)
        failure = self._errors.get(machine.name)
        if failure is not None:
            await steps.fail(machine, _seen(machine), failure)

    def _broke(self, machine: MachineRun, error: Exception) -> None:
        self._errors.setdefault(machine.name, unexpected.failure(error, "its step"))
        machine.waits_until = None

    async def _keep_plan(self, plan: PlanRun, steps: MachineSteps, snapshot: Snapshot) -> None:
        machines = self._plan_machines()
        failure = await plan.keep(machines, snapshot)
        if failure is not None:
            await self._fail(dict.fromkeys(machines, failure), steps)

    async def _fail(self, failures: Mapping[str, Failure], steps: MachineSteps) -> None:
        for machine in self._machines:
            failure = failures.get(machine.name)
            if failure is not None and machine.observed is not None:
                await steps.fail(machine, machine.observed, failure)

    def _plan_machines(self) -> dict[str, PlanMachine]:
        return {m.name: seen for m in self._machines if (seen := m.in_plan) is not None}


def _seen(machine: MachineRun) -> Observed:
    """What was last observed of a machine."""
    return machine.observed or Observed(Stage.UNREADABLE)
