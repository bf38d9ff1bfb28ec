"""The preview of a wave: what `up` would do, and what is refused."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from dynamic_providers.adapter import is_unknown, unknown
from dynamic_providers.remembered import of_same_instances
from dynamic_providers.wave import room
from dynamic_providers.wave.inputs import (
    MachineInputs,
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
from site_recovery.convergence import review
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.declared.target import TargetSpec
from site_recovery.fleet import UNKNOWN_LANDING_ZONE
from site_recovery.observation import observe
from site_recovery.planning import Blocked, satisfies
from site_recovery.snapshot import Snapshot
from site_recovery.target_settings import NO_LICENCE, TargetSettings


async def look_ahead(
    connect: Connect,
    olds: dict[str, Any],
    news: dict[str, Any],
    others: dict[str, OtherWave],
    *,
    preview: bool,
    made: room.MadeSubnets | None = None,
) -> tuple[list[str], list[str]]:
    """Review a wave.

    Args:
        connect: connects to Azure.
        olds: the inputs of the wave's last run; empty for a new wave.
        news: the inputs now; some may be unknown.
        others: the other waves of the stack.
        preview: whether this is a preview. `offlinePreview` applies to previews only.
        made: the subnets that the program makes.

    Returns:
        Lines to print, and refusals. If this wave is refused, the refusals of all other waves are
        included, because the engine stops at the first wave that is refused.
    """
    if unknown({k: v for k, v in news.items() if k in ("machines", "phase", "convergence")}):
        return [], []
    offline = preview and bool(news["convergence"]["offline_preview"])
    if olds and not offline:
        moving = await _moving(connect, olds, news)
        if moving:
            return [], moving
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
            return [f"{len(inputs.machines)} machines: offlinePreview, not reviewed"], []
        vault = WaveVault(connect, inputs)
        snapshot = await vault.observe()
    machines = inputs.assignments()
    unsized: dict[str, Blocked] = {}
    if vault is not None:
        machines, unsized = await vault.sized(machines, snapshot)
    if olds:
        machines += assignments(None, leaving(recorded(olds), inputs))
    lines, refusals = review.review(machines, snapshot, inputs.rules)
    refusals += [f"{name}: {why}" for name, why in unsized.items()]
    refusals += _changed_targets(recorded(olds) if olds else {}, inputs, snapshot)
    refusals += await room.refusals(
        inputs,
        others.values(),
        snapshot,
        made or room.MadeSubnets(),
        lambda wanted: networks_of(connect, wanted),
    )
    order = inputs.plan_order(WaveInputs.model_validate(olds) if olds else None)
    if order is not None:
        told, refused = await _review_plan(order, vault, snapshot, planned=bool(lines))
        lines, refusals = lines + told, refusals + refused
    for wave in others.values() if refusals else ():
        gates = replace(inputs.rules, require_test_failover=wave.require_test_failover)
        refusals += review.review(assignments(wave.phase, wave.machines), snapshot, gates)[1]
    return lines, refusals


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


def _changed_targets(
    before: dict[str, MachineInputs], inputs: WaveInputs, snapshot: Snapshot
) -> list[str]:
    """Refuse changes of values that can be set only when protection is enabled."""
    refusals: list[str] = []
    for name, machine in inputs.machines.items():
        old = before.get(name)
        observed = observe(machine.machine(name), snapshot)
        if old is None or observed.item_id is None:
            continue
        refusals += [
            f"{name}: its target's {_key(field)} was {_value(old.target, field)} when it was "
            f"protected, and is {_value(machine.target, field)} in the config. Put it back; or "
            f"{_WAYS_OUT.get(field, _AGAIN)}."
            for field in (*_FIXED, *_NOT_TAKEN_BACK)
            if getattr(old.target, field) != getattr(machine.target, field)
            and (field in _FIXED or _remains(field, machine.target, observed.target))
        ]
    return refusals


def _remains(field: str, wanted: TargetSpec, present: TargetSettings) -> bool:
    """Whether the item still has a value that the config no longer sets."""
    shown = getattr(present, field)
    return getattr(wanted, field) is None and bool(shown) and shown not in NO_LICENCE


def _value(target: TargetSpec, field: str) -> str:
    value = getattr(target, field)
    return "not set" if value is None else repr(value)


def _key(field: str) -> str:
    """The key of a target's field in the config."""
    return TargetSpec.model_fields[field].alias or field


_AGAIN = (
    "take the machine out of its wave, run pulumi up, and add it again, which replicates it from "
    "the start"
)
_WAYS_OUT = dict.fromkeys(
    ("private_ip", "test_private_ip"),
    "write `dynamic` there, with which Azure chooses the address",
)
"""What else helps for a field."""

_FIXED = ("disk_type",)
"""Fields that no update of a protected item can change."""

_NOT_TAKEN_BACK = (
    "availability_zone",
    "license_type",
    "linux_license_type",
    "sql_server_license_type",
    "private_ip",
    "test_private_ip",
)
"""Fields that an update can change but not remove: a field that is left out stays as it is."""


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
