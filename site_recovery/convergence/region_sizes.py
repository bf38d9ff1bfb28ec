"""Checks a declared size before the vault can tell about it: against what Azure offers in a region.

Once a machine replicates, the service lists the sizes of its item, and `target_sizes` judges.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from site_recovery.convergence import target_sizes
from site_recovery.convergence.target_sizes import Size
from site_recovery.declared.target import TargetSpec
from site_recovery.fleet import Assignment, Firmware
from site_recovery.observation import Stage, observe
from site_recovery.snapshot import Snapshot

_TOLD = 3
"""So many of the machines with the same problem a line names, and so many other sizes."""

_NEAR = 0.75
"""How alike, from 0 to 1, names of sizes are that may be meant by each other."""


@dataclass(frozen=True)
class RegionSize:
    """A size as a subscription can have it in a region. Operation ResourceSkus_List.

    Attributes:
        size: its numbers, and why the subscription does not get it.
        is_arm: whether its processors are Arm.
        takes_premium: whether it takes premium disks.
        zones: the availability zones in which the subscription gets it.
    """

    size: Size
    is_arm: bool = False
    takes_premium: bool = True
    zones: frozenset[str] = frozenset()


def due(machines: Iterable[Assignment], snapshot: Snapshot) -> list[Assignment]:
    """The machines with a declared size for which the vault has no item yet."""
    return [
        each
        for each in machines
        if each.target.vm_size is not None
        and each.desired is not None
        and observe(each.machine, snapshot, each.settings).stage
        in (Stage.UNKNOWN_TO_VAULT, Stage.DISCOVERED)
    ]


def problems(
    machines: Iterable[Assignment], offered: Mapping[str, RegionSize], location: str
) -> list[str]:
    """A line for each reason why machines cannot have their declared size, with the way out.

    Args:
        machines: those that are `due`.
        offered: the sizes of the region, by their names in lower case.
        location: the region.
    """
    found: dict[str, list[str]] = {}
    for each in machines:
        data_disks = each.hardware.data_disks if each.hardware is not None else 0
        why = problem(
            each.target,
            data_disks,
            offered,
            location,
            interfaces=_interfaces(each),
            firmware=each.hardware.firmware if each.hardware is not None else None,
        )
        if why is not None:
            found.setdefault(why, []).append(each.machine.name)
    return [f"{_named(names)}: target.vmSize: {why}" for why, names in found.items()]


def problem(
    target: TargetSpec,
    data_disks: int,
    offered: Mapping[str, RegionSize],
    location: str,
    *,
    interfaces: int = 1,
    firmware: Firmware | None = None,
) -> str | None:
    """Why a machine cannot have its declared size, with the way out; None if it can.

    Args:
        target: the virtual machine that it becomes.
        data_disks: number of its volumes without the boot disk.
        offered: as for `problems`.
        location: the region.
        interfaces: number of its network interfaces.
        firmware: what it boots from; None if that is not known.
    """
    if target.vm_size is None:
        return None
    found = offered.get(target.vm_size.lower())
    if found is None:
        names = {name: each.size.name for name, each in offered.items() if not each.size.refusals}
        near = difflib.get_close_matches(target.vm_size.lower(), names, _TOLD, _NEAR)
        return (
            f"Azure offers no size {target.vm_size} in {location}. "
            f"{f'Near it: {_list(names[each] for each in near)}' if near else 'Choose another one'}"
        )
    name = found.size.name
    if found.is_arm:
        return f"{name} has Arm processors, and the machines are x86. Choose another size"
    if "Premium_LRS" in target.disk_types and not found.takes_premium:
        key = "diskType" if target.disk_type == "Premium_LRS" else "the type of a disk"
        return f"{name} takes no premium disks, and {key} is Premium_LRS. Change one of the two"
    zone = target.availability_zone
    if zone is not None and zone not in found.zones and not found.size.refusals:
        where = f"zone {' and '.join(sorted(found.zones))} only" if found.zones else "no zone"
        return (
            f"this subscription gets {name} of {location} in {where}, and availabilityZone is "
            f"{zone}. Change one of the two"
        )
    return target_sizes.problem(
        name,
        [each.size for each in offered.values()],
        data_disks,
        generation=target_sizes.generation_of(firmware),
        interfaces=interfaces,
    )


def _interfaces(machine: Assignment) -> int:
    """How many network interfaces the virtual machine of a machine shall have."""
    has = machine.hardware.interfaces if machine.hardware is not None else 1
    return has - sum(spec.leave_out for spec in (machine.target.interfaces or {}).values())


def _named(machines: list[str]) -> str:
    more = len(machines) - _TOLD
    return ", ".join(machines[:_TOLD]) + (f" and {more} more" if more > 0 else "")


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
