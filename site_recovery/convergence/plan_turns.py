"""Which operations of a machine run through the recovery plan of its wave, and in which order.

A plan cannot fail each of its machines over to a recovery point of its own. So machines that are
fenced first go one by one, in the plan's order.
"""

from __future__ import annotations

from collections.abc import Sequence

from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.plan_run import PlanRun
from site_recovery.observation import Observed
from site_recovery.operations import Operation
from site_recovery.planning import Do, Step
from site_recovery.reasons import Reason


class PlanTurns:
    """The machines of a run and their plan.

    Args:
        plan: the recovery plan of the wave, or None.
        machines: all machines of the run.
    """

    def __init__(self, plan: PlanRun | None, machines: Sequence[MachineRun]) -> None:
        self._plan = plan
        self._machines = machines

    def waits_for_group(self, machine: MachineRun, step: Step, observed: Observed) -> bool:
        """Whether a machine that fails over by itself waits for the groups before its own."""
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

    def goes_through_plan(self, machine: MachineRun, operation: Operation) -> bool:
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
