"""The preview of a wave: what `up` would do, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from dynamic_providers.adapter import is_unknown, resource_name, unknown
from dynamic_providers.remembered import of_same_instances
from dynamic_providers.wave import changed_targets, replaced, room, sizes
from dynamic_providers.wave.inputs import (
    OtherWave,
    WaveInputs,
    assignments,
    leaving,
    recorded,
)
from dynamic_providers.wave.vault import WaveVault, networks_of, observe_known
from site_recovery import recovery_plan
from site_recovery.arm_ids import VaultId, same
from site_recovery.azure.connection import Connect
from site_recovery.convergence import review, review_text
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.review import MachineReview
from site_recovery.convergence.review_data import StackReview, WaveReview, wave_review
from site_recovery.fleet import UNKNOWN_LANDING_ZONE
from site_recovery.guards import PER_UP, Earlier, guard, too_many
from site_recovery.observation import Stage, observe
from site_recovery.operations import Operation
from site_recovery.planning import Blocked, Rules, satisfies
from site_recovery.snapshot import Snapshot
from site_recovery.usual_durations import History


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


def seen_at(snapshot: Snapshot) -> datetime:
    """The service's time of a snapshot; this computer's if the snapshot has none."""
    return snapshot.at or datetime.now(UTC)


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
    if olds and not offline:
        moving = await _moving(connect, olds, news)
        if moving:
            return LookAhead(moving)
    # A machine that is on hold fails alone, in the run, and does not block the others. Holds that
    # the run will find are not known yet.
    news = {**news, "holds": {}}
    if unknown(news.get("bios_ids")):
        news["bios_ids"] = _remembered(olds, news)
    vault: WaveVault | None = None
    snapshot = Snapshot()
    if unknown(news):
        if not offline:
            # A new vault or server is empty, but the resource group may have machines that were
            # migrated earlier.
            group_id = _known(_known(news.get("landing_zone"), {}).get("resource_group_id"))
            snapshot = await observe_known(
                connect,
                _known(news.get("vault_id")),
                group_id,
                news.get("experience", "classic"),
            )
        news = {**news, **{key: _ASSUMED[key] for key in _ASSUMED if unknown(news.get(key))}}
        if unknown(news.get("source")):
            # A server that is replaced has no address yet. A review asks nothing of the source.
            news["source"] = None
        inputs = WaveInputs.model_validate(news)
    else:
        inputs = WaveInputs.model_validate(news)
        if offline:
            return LookAhead(
                untold=f"{len(inputs.machines)} machines: offlinePreview, not reviewed"
            )
        vault = WaveVault(connect, inputs)
        snapshot = await vault.observe()
    machines = inputs.assignments()
    unsized: dict[str, Blocked] = {}
    if vault is not None:
        machines, unsized = await vault.sized(machines, snapshot)
    if olds:
        machines += assignments(None, leaving(recorded(olds), inputs))
    fleet = _Fleet(inputs, others, snapshot)
    reviews = review.review(machines, snapshot, fleet.rules(inputs.own_wave))
    reviews = [each.also(unsized.get(each.name)) for each in reviews]
    refusals = review.refusals(reviews)
    before = recorded(olds) if olds else {}
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
    order = inputs.plan_order(WaveInputs.model_validate(olds) if olds else None)
    if order is not None:
        notes, refused = await _review_plan(order, vault, snapshot, planned=bool(told.machines))
        notes += _one_by_one(order, reviews)
        told, refusals = replace(told, notes=(*told.notes, *notes)), refusals + refused
    limit = f"waves.{fleet.name}.{PER_UP}"
    refusals += filter(None, [too_many(fleet.failovers(told), inputs.guards.max_failovers, limit)])
    is_first = preview and not any(other < fleet.name for other in others)
    stack = None
    if is_first or refusals or inputs.guards.max_failovers_of_stack is not None:
        elsewhere = fleet.elsewhere()
        stack = fleet.stack(told, elsewhere)
        refusals += filter(
            None,
            [
                too_many(
                    fleet.failovers(*stack.waves.values()),
                    inputs.guards.max_failovers_of_stack,
                    f"convergence.{PER_UP}",
                )
            ],
        )
        for reviewed in elsewhere.values() if refusals else ():
            refusals += review.refusals(reviewed)
    return LookAhead(refusals, told, stack if is_first else None)


class _Fleet:
    """All waves of a stack in one observation, as one of them reviews them.

    Args:
        inputs: the wave that does.
        others: the other waves.
        snapshot: the observation.

    Attributes:
        name: the name of the wave that does.
        history: how long operations took in the vault.
    """

    def __init__(
        self, inputs: WaveInputs, others: Mapping[str, OtherWave], snapshot: Snapshot
    ) -> None:
        self.name = resource_name(inputs.urn)
        self.history = History(inputs.experience, snapshot.jobs.values())
        self._inputs = inputs
        self._others = others
        self._snapshot = snapshot
        self._waves = {**others, self.name: inputs.own_wave}

    def rules(self, wave: OtherWave) -> Rules:
        """The rules of a wave, with its guards as they are now."""
        earlier = [
            Earlier(
                name,
                first.phase,
                {m: observe(its.machine(m), self._snapshot) for m, its in first.machines.items()},
            )
            for name in wave.guards.after
            if (first := self._waves.get(name)) is not None
        ]
        return replace(
            self._inputs.rules,
            require_test_failover=wave.require_test_failover,
            # What the last run recorded of checks is not known before the comparison with it.
            knows_checks=False,
            guard=guard(wave.guards, earlier, self._now),
        )

    def elsewhere(self) -> dict[str, list[MachineReview]]:
        """The reviews of the machines of all other waves."""
        zone = self._inputs.landing_zone
        return {
            name: review.review(
                [each.placed(zone) for each in assignments(wave.phase, wave.machines)],
                self._snapshot,
                self.rules(wave),
            )
            for name, wave in self._others.items()
        }

    def told(self, name: str, reviews: Sequence[MachineReview]) -> WaveReview:
        """The review of a wave, with the migrated machines whose instances are due."""
        wave, now = self._waves[name], self._now()
        due = [
            each.name
            for each in reviews
            if each.observed.stage is Stage.MIGRATED
            and (machine := wave.machines.get(each.name)) is not None
            and machine.terminates(now)
        ]
        return replace(
            wave_review(name, str(wave.phase), reviews, self.history), terminates=tuple(due)
        )

    def stack(
        self, told: WaveReview, elsewhere: Mapping[str, Sequence[MachineReview]]
    ) -> StackReview:
        """The review of the stack."""
        waves = {name: self.told(name, reviews) for name, reviews in elsewhere.items()}
        return StackReview(dict(sorted({**waves, told.wave: told}.items())))

    @staticmethod
    def failovers(*waves: WaveReview) -> int:
        """How many machines would fail over."""
        return sum(wave.count(Operation.UNPLANNED_FAILOVER) for wave in waves)

    def _now(self) -> datetime:
        return seen_at(self._snapshot)


async def _moving(connect: Connect, olds: dict[str, Any], news: dict[str, Any]) -> list[str]:
    """Refuse a change of experience while machines replicate in the present one.

    Their replication is not touched: an item cannot move from one experience to the other.
    """
    before = WaveInputs.model_validate(olds)
    if before.experience == news.get("experience", before.experience):
        return []
    snapshot = await WaveVault(connect, before).observe(leaving=True)
    refusals = [
        f"{name}: it is {observed.stage} under the {before.experience} experience in vault "
        f"{VaultId.parse(before.vault_id).vault}, and is left alone. Set experience: "
        f"{before.experience} and complete its migration, or take it out of its wave and run "
        f"pulumi up; or declare the {news['experience']} machines in a stack of their own."
        for name, machine in recorded(olds).items()
        if not satisfies(None, observed := observe(machine.machine(name), snapshot))
    ]
    vault_id = news.get("vault_id")
    if not refusals and not unknown(vault_id) and same(vault_id, before.vault_id):
        refusals = [
            f"target.vault: vault {VaultId.parse(before.vault_id).vault} served the "
            f"{before.experience} experience, and the {news['experience']} one needs a vault of "
            "its own. Set target.vault to another name."
        ]
    return refusals


def _remembered(olds: dict[str, Any], news: dict[str, Any]) -> dict[str, str]:
    """The BIOS ids of the last run, of machines that are still the same instances."""
    return of_same_instances(
        olds.get("bios_ids") or {},
        _instances(olds.get("machines") or {}),
        _instances(news["machines"]),
    )


def _instances(machines: dict[str, Any]) -> dict[str, str]:
    return {name: machine["instance_id"] for name, machine in machines.items()}


def _known(value: Any, otherwise: Any = None) -> Any:
    return otherwise if value is None or is_unknown(value) else value


def _one_by_one(order: PlanOrder, reviews: Iterable[MachineReview]) -> list[str]:
    """What the plan cannot do for machines that fail over to recovery points of their own."""
    alone = [
        each.name
        for each in reviews
        if Operation.UNPLANNED_FAILOVER in each.operations and each.assignment.cutover.fences
    ]
    if not alone:
        return []
    return [
        f"recovery plan {order.plan.name} cannot fail machines over to recovery points of their own: "
        f"{review_text.names(alone)} {'fails' if len(alone) == 1 else 'fail'} over without it, in "
        "the order of its groups"
    ]


async def _review_plan(
    order: PlanOrder, vault: WaveVault | None, snapshot: Snapshot, *, planned: bool
) -> tuple[list[str], list[str]]:
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


_ASSUMED: dict[str, Any] = {
    "vault_id": "",
    "container_id": "",
    "policy_id": "",
    "process_server_id": "",
    "master_target_id": "",
    "run_as_accounts": {},
    "machines_site_id": "",
    "urn": "",
    "source": None,
    "landing_zone": asdict(UNKNOWN_LANDING_ZONE),
}
"""Values for inputs that are unknown until the landing zone and the vault exist."""
