"""Which operations of a machine run through the recovery plan of its wave, and in which order.

A plan cannot fail each of its machines over to a recovery point of its own. So if one of them is
fenced first, all go one by one, in the plan's order: the plan would not wait for it between groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.plan_run import PlanRun
from site_recovery.fleet import Assignment
from site_recovery.operations import Operation
from site_recovery.reasons import Reason
from site_recovery.steps import Blocked, Do, Step, Wait


def without_plan(
    place: Callable[[str], int | None], assignments: Iterable[Assignment]
) -> list[str]:
    """The machines of a plan because of which none of them fails over through it.

    Args:
        place: the group of a machine, by its name; None if it is in no group.
        assignments: the machines of the wave.
    """
    return [
        each.machine.name
        for each in assignments
        if each.cutover.fences and place(each.machine.name) is not None
    ]


class PlanTurns:
    """The machines of a run and their plan.

    Args:
        plan: the recovery plan of the wave, or None.
        machines: all machines of the run.
    """

    def __init__(self, plan: PlanRun | None, machines: Sequence[MachineRun]) -> None:
        self._plan = plan
        self._machines = machines
        assignments = [machine.assignment for machine in machines]
        self._one_by_one = plan is not None and bool(without_plan(plan.place, assignments))

    def in_turn(self, machine: MachineRun, step: Step) -> Step:
        """The step of a machine, which waits for the groups before its own if it fails over alone.

        As in a plan, a group begins when those before it are up. It waits for no Complete Migration.
        """
        alone = self._one_by_one and step == Do(Operation.UNPLANNED_FAILOVER)
        if self._plan is None or not alone:
            return step
        place = self._plan.place(machine.name)
        before = [
            other
            for other in self._machines
            if (its := self._plan.place(other.name)) is not None
            and place is not None
            and its < place
        ]
        before = [other for other in before if not (other.is_up or other.is_satisfied)]
        failed = sorted(other.name for other in before if other.outcome is not None)
        if failed:
            return Blocked(
                Reason.PLAN_FAILED,
                f"it fails over after {', '.join(failed)}, and that did not succeed",
                "Put that right, then run pulumi up again",
            )
        if before:
            waiting = ", ".join(sorted(other.name for other in before))
            return Wait(Reason.WAITS_FOR_PLAN, f"it fails over after {waiting}")
        return step

    def goes_through_plan(self, machine: MachineRun, operation: Operation) -> bool:
        """Whether an operation runs through the plan.

        While other machines stay in their tests, a machine is tested, and its test is cleaned up,
        by itself: its target changed, or its test failed.
        """
        if self._plan is None or not self._plan.takes(machine.name, operation):
            return False
        if operation is Operation.UNPLANNED_FAILOVER:
            return not self._one_by_one
        return not any(other.stays_tested for other in self._machines if other is not machine)
