"""The preview of a wave: what `up` would do, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dynamic_providers.adapter import unknown
from dynamic_providers.wave import (
    changed_targets,
    experience_change,
    locks,
    plan_review,
    references,
    replaced,
    room,
    security_groups,
    sizes,
)
from dynamic_providers.wave.fleet_review import FleetReview
from dynamic_providers.wave.inputs import (
    MachineInputs,
    OtherWave,
    SourceInputs,
    WaveInputs,
    assignments,
    last_source,
    leaving,
    recorded,
)
from dynamic_providers.wave.observation import ObservedWave, observed
from dynamic_providers.wave.vault import networks_of
from site_recovery.azure.connection import Connect
from site_recovery.convergence import review
from site_recovery.convergence.review import MachineReview
from site_recovery.convergence.review_data import StackReview, WaveReview
from site_recovery.guards import PER_UP, too_many
from site_recovery.steps import Blocked


@dataclass(frozen=True)
class LookAhead:
    """What a preview says about a wave.

    Attributes:
        refusals: why the run is refused, a line each. If this wave is refused, the refusals of all
            other waves are included, because the engine stops at the first wave that is refused.
        wave: what would happen to its machines; None if that cannot be told.
        stack: the same of all waves, if this wave tells about them.
        untold: why nothing is told, in words.
    """

    refusals: list[str] = field(default_factory=list)
    wave: WaveReview | None = None
    stack: StackReview | None = None
    untold: str = ""


async def look_ahead(
    connect: Connect,
    olds: dict[str, Any],
    news: dict[str, Any],
    others: dict[str, OtherWave],
    *,
    preview: bool,
    made: room.MadeSubnets | None = None,
    region: sizes.Region | None = None,
) -> LookAhead:
    """Review a wave.

    Args:
        connect: connects to Azure.
        olds: the inputs of the wave's last run; empty for a new wave.
        news: the inputs now; some may be unknown.
        others: the other waves of the stack.
        preview: whether this is a preview. `offlinePreview` applies to previews only.
        made: the subnets that the program makes.
        region: where virtual machines are created.
    """
    if unknown({k: v for k, v in news.items() if k in ("machines", "phase", "convergence")}):
        return LookAhead()
    offline = preview and bool(news["convergence"]["offline_preview"])
    if olds and not offline and (moving := await experience_change.refusals(connect, olds, news)):
        return LookAhead(moving)
    wave = await observed(connect, olds, news, offline=offline)
    if offline and wave.vault is not None:
        return LookAhead(
            untold=f"{len(wave.inputs.machines)} machines: offlinePreview, not reviewed"
        )
    inputs, snapshot = wave.inputs, wave.snapshot
    before = recorded(olds) if olds else {}
    fleet = FleetReview(inputs, others, snapshot)
    leavers = leaving(before, inputs)
    if not offline:
        leavers = await _as_in_ec2(leavers, last_source(olds, inputs))
    reviews = await _reviewed(wave, fleet, leavers)
    refusals = review.refusals(reviews)
    refusals += changed_targets.refusals(before, inputs, snapshot)
    told = fleet.told(fleet.name, reviews)
    told = replace(told, notes=tuple(replaced.notes(before, reviews, snapshot)))
    refusals += await room.refusals(
        inputs,
        others.values(),
        snapshot,
        made or room.MadeSubnets(),
        lambda wanted: networks_of(connect, wanted),
    )
    refusals += await sizes.refusals(
        connect, inputs, others.values(), snapshot, region or sizes.Region()
    )
    refusals += await references.refusals(connect, reviews, region or sizes.Region())
    order = inputs.plan_order(WaveInputs.model_validate(olds) if olds else None)
    if order is not None:
        notes, refused = await plan_review.notes_and_refusals(
            order, wave.vault, snapshot, planned=bool(told.machines)
        )
        notes += plan_review.machines_without_it(order, reviews)
        told, refusals = replace(told, notes=(*told.notes, *notes)), refusals + refused
    guards = inputs.guards
    limit = f"waves.{fleet.name}.{PER_UP}"
    refusals += filter(None, [too_many(fleet.failovers(told), guards.max_failovers, limit)])
    is_first = preview and not any(other < fleet.name for other in others)
    stack = None
    if is_first or refusals or guards.max_failovers_of_stack is not None:
        elsewhere = fleet.elsewhere()
        stack = fleet.stack(told, elsewhere)
        failovers = fleet.failovers(*stack.waves.values())
        limit = f"convergence.{PER_UP}"
        refusals += filter(None, [too_many(failovers, guards.max_failovers_of_stack, limit)])
        for reviewed in elsewhere.values() if refusals else ():
            refusals += review.refusals(reviewed)
    return LookAhead(refusals, told, stack if is_first else None)


async def _as_in_ec2(
    leavers: Mapping[str, MachineInputs], source: SourceInputs | None
) -> dict[str, MachineInputs]:
    """Machines that leave, with whether their cutovers began. The program reads only declared ones.

    Raises:
        MigrationError: AWS did not answer, or refused.
    """
    if source is None or not leavers:
        return dict(leavers)
    found = await source.sources().look([each.instance_id for each in leavers.values()])
    begun = {id_ for id_, each in found.items() if each.memory.began is not None}
    return {
        name: each.model_copy(update={"cut_over": each.instance_id in begun or None})
        for name, each in leavers.items()
    }


async def _reviewed(
    wave: ObservedWave, fleet: FleetReview, leavers: Mapping[str, MachineInputs]
) -> list[MachineReview]:
    """The reviews of the machines of a wave, and of those that leave it."""
    machines = wave.inputs.assignments()
    unsized: dict[str, Blocked] = {}
    if wave.vault is not None:
        machines, unsized = await wave.vault.sized(machines, wave.snapshot)
    machines += assignments(None, leavers)
    rules = fleet.rules(wave.inputs.own_wave)
    reviews = review.review(machines, wave.snapshot, rules)
    sized = [each.also(unsized.get(each.name)) for each in reviews]
    unlocked = await locks.reviewed(wave.vault, sized)
    return await security_groups.reviewed(wave.vault, unlocked, wave.snapshot)
