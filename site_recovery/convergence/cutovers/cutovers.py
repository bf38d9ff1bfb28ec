"""Drives the cutover of each machine of a run: prepares its source, or gives the source back.

What the next step is, `site_recovery.cutover` decides from EC2. A run takes the steps, one after the
other, until something has to be waited for; the next round goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from site_recovery import cutover, cutover_memory
from site_recovery.convergence.cutovers.afterwards import Afterwards
from site_recovery.convergence.cutovers.back import Back
from site_recovery.convergence.cutovers.course import Courses, tell
from site_recovery.convergence.cutovers.ends import UNANSWERED, Ends
from site_recovery.convergence.cutovers.forward import Forward
from site_recovery.convergence.interfaces import Pace, Service
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.sources import Sources
from site_recovery.cutover_memory import Source
from site_recovery.errors import MigrationError
from site_recovery.observation import Observed
from site_recovery.operations import Operation
from site_recovery.planning import may_roll_back
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot
from site_recovery.steps import Blocked, Do, RollBack, Step, Wait

_BACK_ROUNDS = 200
"""Rounds for giving sources back after the wait of a run has ended."""
_SECOND = timedelta(seconds=1)


class Cutovers:
    """The cutovers of one run.

    Args:
        sources: the instances in AWS.
        service: the vault.
        pace: the timing of the run.
        event: reports a step as a permanent line.
    """

    def __init__(
        self, sources: Sources, service: Service, pace: Pace, event: Callable[[str], None]
    ) -> None:
        self._pace = pace
        self._courses = Courses(sources, service, pace, event)
        self._back = Back(self._courses)
        self._forward = Forward(self._courses, self._back)
        self._ends = Ends(self._courses, self._back)
        self._afterwards = Afterwards(self._courses)
        self._looked = False
        self._fresh: frozenset[str] = frozenset()

    async def look(self, machines: Sequence[MachineRun]) -> None:
        """Read the sources that this round needs: all of them once, then those in a cutover."""
        if self._looked:
            machines = [m for m in machines if self._courses.is_under_way(m) or _fails_over_next(m)]
        self._fresh = frozenset()
        if not machines:
            return
        try:
            await self._courses.read(machines)
        except MigrationError as error:
            for machine in machines:
                self._courses.unanswered(machine, error)
            return
        self._looked = True
        self._fresh = frozenset(m.assignment.machine.instance_id for m in machines)
        for machine in machines:
            source, assignment = self._courses.source(machine), machine.assignment
            if source is not None:
                machine.ended_attempts = max(machine.ended_attempts, source.memory.attempts)
            chosen = source is not None and bool(source.memory.point)
            machine.assignment = replace(
                assignment, machine=replace(assignment.machine, cut_over=chosen)
            )

    async def takes(
        self, machine: MachineRun, step: Step, observed: Observed, snapshot: Snapshot
    ) -> bool:
        """Take the cutover of a machine further, if its next step needs that.

        Args:
            machine: the machine.
            step: what it would do next at the service.
            observed: its state.
            snapshot: the snapshot by which that was decided.

        Returns:
            Whether the machine has nothing else to do in this round.
        """
        self._back.snapshot = snapshot
        course = self._courses.of(machine)
        source = self._courses.source(machine)
        declared = machine.assignment.cutover
        fails_over = step == Do(Operation.UNPLANNED_FAILOVER)
        if course.unanswered >= UNANSWERED and fails_over and declared.fences:
            message = f"{machine.attempts.message.rstrip('.')}{self._ends.left(machine)}"
            machine.fail(observed, Failure(Reason.UNAVAILABLE, message))
            return True
        if source is None:
            if fails_over and declared.fences and self._looked:
                machine.fail(observed, Failure(Reason.SOURCE_UNAVAILABLE, self.lost(machine)))
            return fails_over and declared.fences
        if source.instance_id not in self._fresh and fails_over and declared.fences:
            # It was read before it was ready for its failover; the next round reads it again.
            tell(machine, "its cutover begins")
            return True
        return await self._answered(
            machine, source, observed, self._take(machine, step, observed, source)
        )

    async def goes_back(self, machine: MachineRun, observed: Observed, snapshot: Snapshot) -> bool:
        """Take the source of a machine that cannot go on further back.

        Returns:
            Whether it is being given back, so that the machine has nothing else to do.
        """
        self._back.snapshot = snapshot
        source = self._courses.source(machine)
        failed = self._courses.of(machine).failure is not None
        if source is None or not failed or observed.in_azure:
            return False
        taken = self._back.take(machine, source, observed)
        await self._answered(machine, source, observed, taken)
        return True

    async def _answered(
        self,
        machine: MachineRun,
        source: Source,
        observed: Observed,
        taken: Coroutine[Any, Any, bool],
    ) -> bool:
        """What a part of a cutover returns; True if AWS or Azure did not answer, or refused."""
        try:
            over = await taken
        except MigrationError as error:
            self._courses.unanswered(machine, error)
            if self._courses.of(machine).unanswered >= UNANSWERED:
                await self._ends.unanswered(machine, source, observed, error)
            return True
        self._courses.of(machine).unanswered = 0
        return over

    async def _take(
        self, machine: MachineRun, step: Step, observed: Observed, source: Source
    ) -> bool:
        course, declared = self._courses.of(machine), machine.assignment.cutover
        fails_over = step == Do(Operation.UNPLANNED_FAILOVER)
        if observed.in_azure:
            if await self._afterwards.is_half_back(machine, source, step, observed):
                return True
            if not isinstance(step, RollBack):
                await self._afterwards.take(machine, source, observed, self._back.snapshot)
            return False
        if fails_over and declared.fences and not source.memory.restoring:
            if course.ended:
                # This run has given the source back already, for another operation before it.
                self._courses.begin_anew(machine)
            return not await self._forward.take(machine, source, observed)
        if fails_over and declared.fences:
            # A run that was killed was giving the source back. Then the cutover begins anew.
            if not await self._back.take(machine, source, observed):
                self._courses.begin_anew(machine)
                tell(machine, "its cutover begins")
            return True
        if source.memory.began is None or isinstance(step, Wait) or course.ended:
            return False
        if isinstance(step, Blocked):
            what = step.what if step.reason is Reason.HOOK_FAILED else str(step).rstrip(".")
            await self._back.fail(machine, source, observed, step.reason, what)
            return True
        return await self._back.take(machine, source, observed)

    async def fail(
        self, machine: MachineRun, observed: Observed, failure: Failure, snapshot: Snapshot
    ) -> None:
        """Something ended the part of a machine in the run: give its source back, if it has to."""
        self._back.snapshot = snapshot
        await self._ends.fail(machine, observed, failure)

    async def refused(self, machine: MachineRun, observed: Observed, failure: Failure) -> bool:
        """The failover of a machine was refused: give its source back; False if it has no cutover."""
        return await self._ends.refused(machine, observed, failure)

    def left(self, machine: MachineRun) -> str:
        """What became of the source of a machine that cannot go on, as the end of a message."""
        return self._ends.left(machine)

    def lost(self, machine: MachineRun) -> str:
        """Why the source of a machine can never serve again, in words; empty if it can."""
        source = self._courses.source(machine)
        if source is None:
            instance = machine.assignment.machine.instance_id
            return f"instance {instance} does not exist" if self._looked else ""
        ended = source.state in (cutover.SHUTTING_DOWN, cutover.TERMINATED)
        return cutover.in_words(source) if ended else ""

    async def take_back(self, machine: MachineRun, observed: Observed) -> bool:
        """Give back the source of a machine whose failover is taken back.

        Only once its virtual machine is off. Returns whether the source serves as before.

        Raises:
            MigrationError: AWS did not answer, or refused.
        """
        source = self._courses.source(machine)
        if source is None or source.instance_id not in self._fresh:
            return False
        if source.memory.began is not None and not source.memory.restoring:
            await self._back.note(machine, source, "its failover is taken back")
            source = self._courses.source(machine) or source
        return not await self._back.take(machine, source, observed, rolls_back=True)

    async def give_back(self, machines: Sequence[MachineRun], why: Failure) -> None:
        """Give back the sources of machines that did not get to their failover in this run.

        Those that `cutover.onFailure` says to hold are held.
        """
        for _ in range(_BACK_ROUNDS):
            waiting = [m for m in machines if m.outcome is None and self._ends.may_go_back(m)]
            if not waiting or not self._pace.may_submit():
                return
            await self.look(waiting)
            for machine in waiting:
                source, observed = self._courses.source(machine), machine.observed
                if source is None or observed is None or source.memory.began is None:
                    continue
                failure = self._courses.of(machine).failure or why
                try:
                    await self._back.fail(
                        machine, source, observed, failure.reason, failure.message
                    )
                except Exception as error:  # noqa: BLE001 - it must not keep the others fenced
                    self._courses.unanswered(machine, error)
            if any(m.outcome is None and self._ends.may_go_back(m) for m in machines):
                await self._pace.sleep(_SECOND.total_seconds())

    def is_going_back(self, machine: MachineRun) -> bool:
        """Whether the source of a machine is being given back, as far as is known."""
        source = self._courses.source(machine)
        return source is not None and bool(source.memory.restoring)

    def is_under_way(self, machine: MachineRun) -> bool:
        """Whether the source of a machine is in a cutover, as far as is known."""
        return self._courses.is_under_way(machine)

    def step_of(self, machine: MachineRun) -> object:
        """What a cutover does, as a value that changes with it. The pace of a run depends on it."""
        source, course = self._courses.source(machine), self._courses.of(machine)
        if source is None:
            return None
        names = frozenset(filter(cutover_memory.is_ours, source.tags))
        return (names, source.state, course.command, course.proofs)


def _fails_over_next(machine: MachineRun) -> bool:
    """Whether a machine may get to its failover in this round, so that its source is needed."""
    observed = machine.observed
    if observed is not None and may_roll_back(observed) and observed.in_azure:
        return True
    return (
        machine.assignment.cutover.fences
        and observed is not None
        and not observed.in_azure
        and "UnplannedFailover" in observed.allowed
        and machine.assignment.desired is not None
    )
