"""What a round does with one machine: follow its job, settle its size, ask for its next operation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

from site_recovery.convergence import sizing
from site_recovery.convergence.checks import CheckRuns
from site_recovery.convergence.cutovers.cutovers import Cutovers
from site_recovery.convergence.hooks import HookRuns
from site_recovery.convergence.interfaces import Service
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.plan_run import PlanRun, Queued, is_past
from site_recovery.convergence.rollback import Rollbacks
from site_recovery.convergence.room import TAKING
from site_recovery.convergence.room_check import RoomCheck
from site_recovery.convergence.submission import InFlight, Order, Submitter
from site_recovery.errors import MigrationError
from site_recovery.jobs import Job
from site_recovery.observation import Observed, Stage, observe
from site_recovery.operations import Operation, of_scenario
from site_recovery.planning import (
    NOT_BEGUN,
    Blocked,
    DeleteKept,
    Do,
    RollBack,
    Rules,
    Satisfied,
    Step,
    Wait,
    next_step,
    unguarded,
)
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot

_UNSIZED_ROUNDS = 10
"""Rounds without an answer about sizes after which a machine fails."""
_UNPLACED_ROUNDS = 10
"""Rounds without an answer about addresses after which a machine fails."""
_UNREADABLE_ROUNDS = 5
"""Consecutive rounds in which something about a machine may be unreadable before it fails."""
_MAY_HAVE_VM = (*NOT_BEGUN, Stage.FAILED_OVER)
"""The stages in which a virtual machine that the list lacks would change the next step."""


class MachineSteps:
    """One round of a run, machine by machine.

    Args:
        service: the vault.
        rules: the rules of the wave.
        submitter: asks for operations, each once.
        machines: all machines of the run.
        plan: the recovery plan of the wave, or None.
        cutovers: prepare the sources of failovers; None if no source can be reached.
        rollbacks: take failovers back.
        checks: checks machines that are in Azure.
        hooks: runs the hooks around a failover.
        snapshot: the services in this round.
        admit: counts a failover before it begins; returns why it may not.

    Attributes:
        queued: the operations that the plan should run, of all machines of this round.
    """

    def __init__(
        self,
        service: Service,
        rules: Rules,
        submitter: Submitter,
        machines: Sequence[MachineRun],
        plan: PlanRun | None,
        cutovers: Cutovers | None,
        rollbacks: Rollbacks,
        checks: CheckRuns,
        hooks: HookRuns,
        snapshot: Snapshot,
        admit: Callable[[Operation, Collection[str]], Failure | None],
    ) -> None:
        self._service = service
        self._rules = rules
        self._submitter = submitter
        self._machines = machines
        self._plan = plan
        self._cutovers = cutovers
        self._rollbacks = rollbacks
        self._room = RoomCheck(service, rules, machines, snapshot)
        self._looking = asyncio.Lock()
        self._admit = admit
        self._checks = checks
        self._hooks = hooks
        self._jobs: dict[str, Job | None] = {}
        self.queued: list[Queued] = []

    async def advance(self, machine: MachineRun, observed: Observed, snapshot: Snapshot) -> None:
        """Take one machine as far as this round allows."""
        attempts = machine.attempts
        if attempts.lost is not None:
            order = self._order(machine, attempts.lost, observed, snapshot)
            if not await self._submitter.settle(attempts, order, snapshot):
                return
        in_flight = attempts.in_flight
        if in_flight and not await self._has_ended(machine, observed, in_flight, snapshot):
            return
        if sizing.is_open(machine.assignment, observed) and not machine.sized:
            if not await self._size(machine, observed):
                return
            observed = observe(machine.assignment.machine, snapshot, machine.assignment.settings)
            machine.observed = observed
        if Operation.COMPLETE_MIGRATION in attempts.done and observed.stage in NOT_BEGUN:
            # Its item is gone, but the list of virtual machines does not show its machine yet.
            failure = self._submitter.unseen(attempts, Operation.COMPLETE_MIGRATION)
            if failure is not None:
                machine.fail(observed, failure)
            return
        step = next_step(machine.assignment.desired, observed, self._rules_of(machine))
        machine.waits_until = step.until if isinstance(step, Wait) else None
        if self._waits_for_group(machine, step, observed):
            return
        step = await self._if_placed(machine, step)
        if await self._is_refused(machine, step, observed):
            return
        step = await self._hooks.before(machine, step, observed)
        if self._cutovers is not None:
            if await self._cutovers.takes(machine, step, observed, snapshot):
                return
        elif step == Do(Operation.UNPLANNED_FAILOVER) and machine.assignment.cutover.fences:
            why = "this run does not know its source in AWS, so that nothing can fence it"
            machine.fail(observed, Failure(Reason.UNAVAILABLE, why))
            return
        if await self._checks.takes(machine, step, observed):
            return
        step = await self._hooks.after(machine, step, observed)
        match step:
            case Blocked(reason=Reason.HOOK_FAILED):
                machine.fail(observed, Failure(step.reason, str(step)))
            case Blocked(reason=Reason.NO_ADDRESS | Reason.UNAVAILABLE):
                machine.block(observed, step)
            case Satisfied() | Blocked() if not await self._is_certain(
                machine, step, observed, snapshot
            ):
                attempts.tell(Reason.NOT_SHOWN_YET, "the service's lists lag behind")
            case Satisfied():
                machine.satisfy(observed)
            case Blocked(reason=Reason.UNREADABLE) if machine.unreadable < _UNREADABLE_ROUNDS:
                attempts.tell(step.reason, step.what)
            case Blocked():
                machine.block(observed, step)
            case RollBack():
                await self._rollbacks.advance(machine, observed)
            case DeleteKept():
                await self._rollbacks.delete_kept(machine, observed)
            case Wait(reason, what):
                machine.wait(reason, what)
                if observed.busy is not None:
                    # An earlier run that was killed started it, or a person did. Attach to it.
                    attempts.in_flight = InFlight(None, observed.busy_job)
            case Do(operation) if self._through_plan(machine, operation):
                self.queued.append(Queued(machine.name, attempts, operation))
            case Do(operation):
                await self._do(machine, operation, observed, snapshot)

    async def _is_certain(
        self, machine: MachineRun, step: Satisfied | Blocked, observed: Observed, snapshot: Snapshot
    ) -> bool:
        """Whether what ends a machine's part in the run holds by single reads too.

        A list may lag behind, or lack what changed while it was read. To take such a machine for
        removed or migrated would leave its replication, and its costs, in place; to refuse it
        would end a run that can go on.
        """
        if isinstance(step, Satisfied) and (
            observed.item_id is not None
            or machine.assignment.machine.migrated
            or Operation.COMPLETE_MIGRATION in machine.attempts.done
        ):
            return True
        try:
            return self._step(machine, await self._confirmed(machine, observed, snapshot)) == step
        except MigrationError:
            return False

    async def _confirmed(
        self, machine: MachineRun, observed: Observed, snapshot: Snapshot
    ) -> Snapshot:
        """The snapshot with the machine's item and virtual machine as single reads show them.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        item = await self._service.item(machine.assignment, observed)
        confirmed = snapshot.with_item(observed.item_id, item)
        if observed.azure_vm_id is not None or observed.stage not in _MAY_HAVE_VM:
            return confirmed
        return confirmed.with_virtual_machine(
            await self._service.virtual_machine(machine.assignment)
        )

    def _rules_of(self, machine: MachineRun) -> Rules:
        """The rules of a machine: once its cutover began, its failover has begun, and goes on."""
        if self._cutovers is not None and self._cutovers.is_under_way(machine):
            return replace(self._rules, guard=unguarded)
        return self._rules

    async def _is_refused(self, machine: MachineRun, step: Step, observed: Observed) -> bool:
        """Whether a machine that is fenced first is one failover too many.

        If a run that was killed had begun its cutover, its source is given back.
        """
        if not machine.assignment.cutover.fences or step != Do(Operation.UNPLANNED_FAILOVER):
            return False
        instance = machine.assignment.machine.instance_id
        refusal = self._admit(Operation.UNPLANNED_FAILOVER, {instance})
        if refusal is None:
            return False
        if self._cutovers is None or not await self._cutovers.refused(machine, observed, refusal):
            machine.fail(observed, refusal)
        return True

    def _waits_for_group(self, machine: MachineRun, step: Step, observed: Observed) -> bool:
        """Whether a machine that fails over by itself waits for the groups before its own.

        A plan cannot fail each of its machines over to a recovery point of its own. So machines
        that are fenced first go one by one, in the plan's order.
        """
        fences = machine.assignment.cutover.fences
        if self._plan is None or not fences or step != Do(Operation.UNPLANNED_FAILOVER):
            return False
        place = self._plan.place(machine.name)
        before = [
            other
            for other in self._machines
            if (its := self._plan.place(other.name)) is not None
            and place is not None
            and its < place
        ]
        failed = sorted(m.name for m in before if m.outcome is not None and not m.is_satisfied)
        if failed:
            message = f"it fails over after {', '.join(failed)}, and that did not succeed"
            machine.fail(observed, Failure(Reason.PLAN_FAILED, message))
            return True
        waiting = sorted(m.name for m in before if not m.is_satisfied)
        if waiting:
            what = f"it fails over after {', '.join(waiting)}"
            machine.attempts.tell(Reason.WAITS_FOR_PLAN, what)
        return bool(waiting)

    def _through_plan(self, machine: MachineRun, operation: Operation) -> bool:
        """Whether an operation runs through the plan.

        While other machines stay in their tests, a machine is tested, and its test is cleaned up,
        by itself: its target changed, or its test failed.
        """
        if self._plan is None or not self._plan.takes(machine.name, operation):
            return False
        if operation is Operation.UNPLANNED_FAILOVER and machine.assignment.cutover.fences:
            return False
        return operation is Operation.UNPLANNED_FAILOVER or not any(
            other.stays_tested for other in self._machines if other is not machine
        )

    async def _size(self, machine: MachineRun, observed: Observed) -> bool:
        """Choose or check the size of a machine. Returns whether the machine may go on."""
        try:
            sizes = await self._service.target_sizes(observed)
        except MigrationError as error:
            machine.unsized += 1
            machine.attempts.tell(Reason.UNAVAILABLE, str(error))
            if machine.unsized >= _UNSIZED_ROUNDS:
                machine.fail(observed, Failure(Reason.UNAVAILABLE, str(error)))
            return False
        if not sizes and machine.unsized < _UNSIZED_ROUNDS:
            # Every machine has sizes. A list of none is one that lags behind.
            machine.unsized += 1
            machine.attempts.tell(Reason.UNAVAILABLE, "Azure lists no sizes for it yet")
            return False
        decided = sizing.sized(machine.assignment, observed, sizes)
        if isinstance(decided, Blocked):
            machine.block(observed, decided)
            return False
        machine.assignment, machine.sized, machine.unsized = decided, True, 0
        return True

    async def _if_placed(self, machine: MachineRun, step: Step) -> Step:
        """The step, unless Azure has no address for the machine, or for one that goes with it."""
        if not isinstance(step, Do) or step.operation not in TAKING:
            return step
        async with self._looking:
            try:
                refusal = await self._room.refusal(machine.name, step.operation)
            except MigrationError as error:
                machine.unplaced += 1
                if machine.unplaced < _UNPLACED_ROUNDS:
                    return Wait(Reason.UNAVAILABLE, str(error))
                return Blocked(
                    Reason.UNAVAILABLE,
                    f"Azure does not tell which addresses are free: {str(error).rstrip('.')}",
                    "Run pulumi up again",
                )
        machine.unplaced = 0
        return refusal or step

    async def _has_ended(
        self, machine: MachineRun, observed: Observed, in_flight: InFlight, snapshot: Snapshot
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
            machine.attempts.tell(Reason.UNAVAILABLE, str(error))
            return False
        step = next_step(machine.assignment.desired, observed, self._rules)
        there = step == Satisfied()
        if planned and job is not None and job.failed:
            listed = snapshot.jobs.get(job.name)
            if listed is not None and listed.running:
                # This snapshot is older than the end of the job.
                return False
            operation = in_flight.operation or of_scenario(job.scenario)
            there = there or (operation is not None and is_past(operation, observed))
        if planned and there:
            # The plan may go on, or have failed, with other machines.
            machine.attempts.finish()
            return True
        if job is not None and job.running:
            if planned and self._plan:
                self._plan.tell(machine.attempts, job)
            else:
                doing = f"{in_flight.operation or job.scenario} is running"
                machine.attempts.tell(Reason.JOB_RUNNING, doing)
            return False
        if job is not None and job.failed and not _is_needless(job, observed):
            what = in_flight.operation or job.scenario
            errors = job.machine_errors.get(machine.name.lower(), job.errors)
            causes = " ".join(map(str, errors)) or f"the job ended as {job.state}."
            message = f"{what} failed: {causes} (job {job.name})"
            machine.fail(observed, Failure(Reason.JOB_FAILED, message))
            return False
        machine.attempts.finish()
        # Where the same operation still seems due, the lists do not show yet that it is done.
        return in_flight.operation is None or step != Do(in_flight.operation)

    async def _do(
        self, machine: MachineRun, operation: Operation, observed: Observed, snapshot: Snapshot
    ) -> None:
        order = self._order(machine, operation, observed, snapshot)
        failure = await self._submitter.ask(machine.attempts, order, snapshot)
        if failure is not None:
            if operation is Operation.UPDATE_TARGET and operation in machine.attempts.done:
                still = ", ".join(observed.differs)
                message = f"{failure.message} (not as machines.{machine.name}.target says: {still})"
                failure = Failure(failure.reason, message)
            if not await self._is_taken_back(machine, operation, observed, failure):
                machine.fail(observed, failure)

    async def _is_taken_back(
        self, machine: MachineRun, operation: Operation, observed: Observed, failure: Failure
    ) -> bool:
        """Whether the source of a failover is given back, because its request was not accepted."""
        attempts = machine.attempts
        if self._cutovers is None or operation is not Operation.UNPLANNED_FAILOVER:
            return False
        if attempts.lost is operation or operation in attempts.done:
            return False
        return await self._cutovers.refused(machine, observed, failure)

    def _order(
        self, machine: MachineRun, operation: Operation, observed: Observed, snapshot: Snapshot
    ) -> Order:
        async def running_job() -> str | None:
            item = await self._service.item(machine.assignment, observed)
            return item.scenario_job if item is not None else None

        async def is_due() -> bool:
            confirmed = await self._confirmed(machine, observed, snapshot)
            return self._step(machine, confirmed) == Do(operation)

        return Order(
            operation,
            machine.name,
            partial(self._service.submit, operation, machine.assignment, observed),
            running_job,
            is_due,
        )

    def _step(self, machine: MachineRun, snapshot: Snapshot) -> Step:
        assignment = machine.assignment
        observed = observe(assignment.machine, snapshot, assignment.settings)
        return next_step(assignment.desired, observed, self._rules_of(machine))

    async def _job(self, name: str) -> Job | None:
        """A job with all its detail. It is read once per round, even if many machines are in it."""
        if name not in self._jobs:
            self._jobs[name] = await self._service.job(name)
        return self._jobs[name]


def _is_needless(job: Job, observed: Observed) -> bool:
    """Whether a job has nothing to do: another one has discovered the machine meanwhile.

    Nothing but lists shows a discovery, so two stacks can both ask for it.
    """
    return of_scenario(job.scenario) is Operation.DISCOVER and observed.source_id is not None
