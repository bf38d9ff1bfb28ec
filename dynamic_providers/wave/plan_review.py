"""What a preview says about the recovery plan of a wave."""

from __future__ import annotations

from collections.abc import Sequence

from dynamic_providers.wave.vault import WaveVault
from site_recovery import recovery_plan
from site_recovery.convergence import plan_turns, review_text
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.review import MachineReview
from site_recovery.operations import Operation
from site_recovery.snapshot import Snapshot


def machines_without_it(order: PlanOrder, reviews: Sequence[MachineReview]) -> list[str]:
    """What the plan cannot do, if machines of it fail over to recovery points of their own."""
    place = order.plan.place
    own = plan_turns.without_plan(place, [each.assignment for each in reviews])
    alone = [
        each.name
        for each in reviews
        if Operation.UNPLANNED_FAILOVER in each.operations and place(each.name) is not None
    ]
    if not own or not alone:
        return []
    return [
        f"recovery plan {order.plan.name} cannot fail machines over to recovery points of their own "
        f"({review_text.names(own)}): {review_text.names(alone)} "
        f"{'fails' if len(alone) == 1 else 'fail'} over without it, in the order of its groups"
    ]


async def notes_and_refusals(
    order: PlanOrder, vault: WaveVault | None, snapshot: Snapshot, *, planned: bool
) -> tuple[list[str], list[str]]:
    """What is said of a recovery plan, and why it is refused, a line each.

    Args:
        order: the plan as declared, and as it was.
        vault: where it is; None if that is not known yet.
        snapshot: the services.
        planned: whether the machines of its wave would be changed.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    name = order.plan.name
    lines = [f"recovery plan {name}: {recovery_plan.describe(order.plan)}"] if planned else []
    change = await vault.plan_change(order, snapshot) if vault is not None else None
    if change is None:
        return lines, []
    if change.foreign_machines:
        return lines, [f"{change.foreign_machines}."]
    lines += [f"recovery plan {name}: its groups change"] if change.differs else []
    lines += [
        f"recovery plan {name} has an action that the config does not have, and which is kept: "
        f"{action}"
        for action in change.foreign_actions
    ]
    return lines, []
