"""What a round does with one machine: follow its job, settle its size, ask for its next operation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

from site_recovery.convergence import sizing
from site_recovery.convergence.checks import CheckRuns
from site_recovery.convergence.cutovers.cutovers import Cutovers
from site_recovery.convergence.followed_jobs import FollowedJobs
from site_recovery.convergence.hooks import HookRuns
from site_recovery.convergence.interfaces import Service
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.plan_run import PlanRun, Queued
from site_recovery.convergence.plan_turns import PlanTurns
from site_recovery.convergence.rollback import Rollbacks
from site_recovery.convergence.room_check import RoomCheck
from site_recovery.convergence.security_groups import SecurityGroups
from site_recovery.convergence.single_reads import SingleReads
from site_recovery.convergence.submission import InFlight, Order, Submitter
from site_recovery.convergence.target_limits import TargetLimits
from site_recovery.observation import Observed, observe
from site_recovery.operations import Operation
from site_recovery.planning import NOT_BEGUN, Rules, has_arrived, next_step
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot
from site_recovery.steps import Blocked, DeleteKept, Do, RollBack, Satisfied, Step, Wait

_UNREADABLE_ROUNDS = 5
"""Consecutive rounds in which something about a machine may be unreadable before it fails."""
_NOT_OF_THE_VAULT = (Reason.LOCKED, Reason.NO_ADDRESS, Reason.UNAVAILABLE)
"""What blocks a machine and no single read of its item could confirm."""
_OF_THIS_RUN = (Reason.HOOK_FAILED, Reason.PLAN_FAILED)
"""What blocks a machine because of something else in this run."""


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
        groups: gives network security groups to machines that failed over.
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
        groups: SecurityGroups,
        checks: CheckRuns,
        hooks: HookRuns,
        snapshot: Snapshot,
        admit: Callable[[Operation, Collection[str]], Failure | None],
    ) -> None:
        self._service = service
        self._rules = rules
        self._submitter = submitter
        self._cutovers = cutovers
        self._rollbacks = rollbacks
        self._snapshot = snapshot
        self._followed = FollowedJobs(service, rules, plan, snapshot)
        self._reads = SingleReads(service, self._rules_of, snapshot)
        self._limits = TargetLimits(service, RoomCheck(service, rules, machines, snapshot))
        self._turns = PlanTurns(plan, machines)
        self._admit = admit
        self._groups = groups
        self._checks = checks
        self._hooks = hooks
        self.queued: list[Queued] = []

    async def advance(self, machine: MachineRun, observed: Observed) -> None:
        """Take one machine as far as this round allows."""
        attempts, snapshot = machine.attempts, self._snapshot
        cutovers, machine.waits_until = self._cutovers, None
        if cutovers is not None and await cutovers.goes_back(machine, observed, snapshot):
            return
        if attempts.lost is not None:
            order = self._order(machine, attempts.lost, observed)
            if not await self._submitter.settle(attempts, order):
                return
        in_flight = attempts.in_flight
        ended = in_flight is None or await self._followed.has_ended(machine, observed, in_flight)
        if isinstance(ended, Failure):
            await self.fail(machine, observed, ended)
        if ended is not True:
            return
        unsized = None
        if sizing.is_open(machine.assignment, observed) and not machine.sized:
            unsized = await self._limits.settle_size(machine, observed)
            observed = observe(machine.assignment.machine, snapshot, machine.assignment.settings)
            machine.observed = observed
        if Operation.COMPLETE_MIGRATION in attempts.done and observed.stage in NOT_BEGUN:
            # Its item is gone, but the list of virtual machines does not show its machine yet.
            self._await_lists(machine, observed, Operation.COMPLETE_MIGRATION)
            return
        step = unsized or next_step(machine.assignment.desired, observed, self._rules_of(machine))
        odd = isinstance(step, Blocked) and step.reason is Reason.UNREADABLE
        if odd and machine.unreadable < _UNREADABLE_ROUNDS:
            step = Wait(Reason.UNREADABLE, observed.unreadable)
        step = self._turns.in_turn(machine, step)
        step = await self._limits.if_it_can_be_made(machine, step)
        if await self._is_refused(machine, step, observed):
            return
        if cutovers is None or not cutovers.is_going_back(machine):
            # That attempt is over; the next one begins when the source is given back.
            step = await self._hooks.before(machine, step, observed)
        if self._cutovers is not None:
            if step != unsized and not await self._is_certain(machine, step, observed):
                attempts.tell(Reason.NOT_SHOWN_YET, "the service's lists lag behind")
                return
            if await self._cutovers.takes(machine, step, observed, snapshot):
                return
        elif step == Do(Operation.UNPLANNED_FAILOVER) and machine.assignment.cutover.fences:
            why = "this run does not know its source in AWS, so that nothing can fence it"
            machine.fail(observed, Failure(Reason.UNAVAILABLE, why))
            return
        if await self._groups.takes(machine, step, observed, snapshot):
            return
        if await self._checks.takes(machine, step, observed):
            return
        step = await self._hooks.after(machine, step, observed)
        machine.is_up = observed.in_azure and has_arrived(step, observed)
        step = await self._hooks.completing(machine, step, observed)
        match step:
            case Blocked(reason) if reason in _OF_THIS_RUN:
                machine.fail(observed, Failure(step.reason, str(step)))
            case Blocked() if step == unsized or step.reason in _NOT_OF_THE_VAULT:
                machine.block(observed, step)
            case Satisfied() | Blocked() if not await self._reads.confirms_end(
                machine, step, observed
            ):
                attempts.tell(Reason.NOT_SHOWN_YET, "the service's lists lag behind")
            case Satisfied():
                machine.satisfy(observed)
            case Blocked():
                machine.block(observed, step)
            case RollBack():
                await self._rollbacks.advance(machine, observed)
            case DeleteKept():
                await self._rollbacks.delete_kept(machine, observed)
            case Wait(reason, what):
                # Only here: while it is checked, or its source given back, it does not wait.
                machine.waits_until = step.until
                machine.wait(reason, what)
                if observed.busy is not None:
                    # An earlier run that was killed started it, or a person did. Attach to it.
                    attempts.in_flight = InFlight(None, observed.busy_job)
            case Do(Operation.DISCOVER) if machine.was_discovered:
                # Nothing but lists shows a discovery, and one of them has shown it before.
                self._await_lists(machine, observed, Operation.DISCOVER)
            case Do(operation) if self._turns.goes_through_plan(machine, operation):
                is_due = self._order(machine, operation, observed).is_due
                self.queued.append(Queued(machine.name, attempts, operation, is_due))
            case Do(operation):
                await self._do(machine, operation, observed)

    async def fail(self, machine: MachineRun, observed: Observed, failure: Failure) -> None:
        """End a machine that has no outcome yet; its source is given back first, if it has to."""
        if self._cutovers is None or machine.outcome is not None:
            machine.fail(observed, failure)
        else:
            await self._cutovers.fail(machine, observed, failure, self._snapshot)

    def _await_lists(self, machine: MachineRun, observed: Observed, operation: Operation) -> None:
        """Wait until lists show an operation that is done; the machine fails if they never do."""
        failure = self._submitter.unseen(machine.attempts, operation)
        if failure is not None:
            machine.fail(observed, failure)

    async def _is_certain(self, machine: MachineRun, step: Step, observed: Observed) -> bool:
        """Whether a source in a cutover may be given back because of what its machine does next.

        Lists that lag behind would have it serve again, and its application stopped twice.
        """
        if self._cutovers is None or not self._cutovers.is_under_way(machine) or observed.in_azure:
            return True
        match step:
            case Do(operation) if operation is not Operation.UNPLANNED_FAILOVER:
                return await self._reads.confirms_end(machine, step, observed)
            case Blocked(reason) if reason not in (*_NOT_OF_THE_VAULT, *_OF_THIS_RUN):
                return await self._reads.confirms_end(machine, step, observed)
        return True

    def _rules_of(self, machine: MachineRun) -> Rules:
        """The rules of a machine: its guards see that its cutover began, as those of a preview do.

        What they hold then, they decide. The tags of a cutover stay on a source for good.
        """
        if self._cutovers is None or not self._cutovers.is_under_way(machine):
            return self._rules
        guard = self._rules.guard
        return replace(
            self._rules,
            guard=lambda operation, seen: guard(operation, replace(seen, cut_over=True)),
        )

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

    async def _do(self, machine: MachineRun, operation: Operation, observed: Observed) -> None:
        order = self._order(machine, operation, observed)
        failure = await self._submitter.ask(machine.attempts, order, self._snapshot)
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

    def _order(self, machine: MachineRun, operation: Operation, observed: Observed) -> Order:
        async def running_job() -> str | None:
            item = await self._service.item(machine.assignment, observed)
            return item.scenario_job if item is not None else None

        async def is_due() -> bool:
            return await self._reads.next_step(machine, observed) == Do(operation)

        return Order(
            operation,
            machine.name,
            partial(self._service.submit, operation, machine.assignment, observed),
            running_job,
            is_due,
        )
