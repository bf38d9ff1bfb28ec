"""Changes of a machine's target that no update of its protected item can make."""

from __future__ import annotations

from collections.abc import Iterator

from dynamic_providers.wave.inputs import MachineInputs, WaveInputs
from site_recovery import target_disks, target_interfaces
from site_recovery.config_paths import path
from site_recovery.declared.interfaces import InterfaceSpec
from site_recovery.declared.target import TargetSpec
from site_recovery.observation import observe
from site_recovery.snapshot import Snapshot
from site_recovery.target_settings import NO_LICENCE, TargetSettings


def refusals(before: dict[str, MachineInputs], inputs: WaveInputs, snapshot: Snapshot) -> list[str]:
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
            for field in (*_DISKS, *_NOT_TAKEN_BACK)
            if getattr(old.target, field) != getattr(machine.target, field)
            and (
                _disks_remain(old, machine, observed.target)
                if field in _DISKS
                else _remains(field, machine.target, observed.target)
            )
        ]
        refusals += [f"{name}: {each}" for each in _interfaces(old, machine, observed.target)]
    return refusals


def _interfaces(
    old: MachineInputs, machine: MachineInputs, present: TargetSettings
) -> Iterator[str]:
    """What was declared of further interfaces, is no longer, and remains in the item."""
    named = machine.target.interfaces or {}
    declared = target_interfaces.wanted(old.target.interfaces or {}, old.interfaces or ())
    for before in declared:
        shown, now = target_interfaces.match(before, present.others), named.get(before.key)
        if shown is None:
            continue
        if not before.is_made and now is None and not shown.is_made:
            yield _interface_said(before.key, "leaveOut", "true", "write false there")
        for field, way_out in _OF_AN_INTERFACE.items():
            was = getattr(before, field)
            gone = now is None or getattr(now, field) is None
            if was and gone and getattr(shown, field) == was:
                key = InterfaceSpec.model_fields[field].alias or field
                yield _interface_said(before.key, key, repr(was), way_out)


def _interface_said(interface: str, key: str, was: str, way_out: str) -> str:
    return (
        f"its target's {path('interfaces', interface, key)} was {was} when it was protected, and is "
        f"not set in the config. Put it back; or {way_out}."
    )


_OF_AN_INTERFACE = {
    "subnet": "name another subnet there",
    "test_subnet": "name another subnet there",
    "private_ip": "write `dynamic` there, with which Azure chooses the address",
    "test_private_ip": "write `dynamic` there, with which Azure chooses the address",
}
"""Values of an interface that stay as they are when they are left out, and what else helps."""


def _disks_remain(old: MachineInputs, machine: MachineInputs, present: TargetSettings) -> bool:
    """Whether disks stay as they were declared once, which a review of the item does not tell.

    What is declared of disks now is compared with the item (`Observed.disks_differ`).
    """
    before, now = (target_disks.wanted(each.target, each.disks or ()) for each in (old, machine))
    return not present.disks or target_disks.unsaid(before, now, present.disks)


def _remains(field: str, wanted: TargetSpec, present: TargetSettings) -> bool:
    """Whether the item still has a value that the config no longer sets."""
    shown, other = getattr(present, field), _INSTEAD.get(field)
    if other is not None and getattr(wanted, other) is not None:
        return False
    return getattr(wanted, field) is None and bool(shown) and shown not in NO_LICENCE


def _value(target: TargetSpec, field: str) -> str:
    value = getattr(target, field)
    if isinstance(value, dict):
        return ", ".join(
            f"{key}: {its.type or its.disk_encryption_set}" for key, its in value.items()
        )
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

_DISKS = ("disk_type", "disk_encryption_set", "disks")
"""Fields that no update of a protected item can change."""

_INSTEAD = {
    "availability_zone": "availability_set",
    "availability_set": "availability_zone",
}
"""Fields that an update takes away by setting another one."""

_NOT_TAKEN_BACK = (
    "availability_zone",
    "availability_set",
    "proximity_placement_group",
    "capacity_reservation_group",
    "license_type",
    "linux_license_type",
    "sql_server_license_type",
    "private_ip",
    "test_private_ip",
)
"""Fields that an update can change but not remove: a field that is left out stays as it is."""
