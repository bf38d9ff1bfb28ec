"""Checks the disks that the config names against those of the instances."""

from __future__ import annotations

from collections.abc import Iterator

from settings.schema.fleet import MachineSettings
from site_recovery.aws.disks import Disk
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.config_paths import path
from site_recovery.problems import Problem


def problems(name: str, machine: MachineSettings, facts: MachineFacts) -> Iterator[Problem]:
    """Disks that a machine does not have, that are named twice, or that Site Recovery cannot tell
    from others."""
    specs = machine.target.disks or {}
    keys: dict[str, str] = {}
    for key in specs:
        place = path("machines", name, "target", "disks", key)
        found = next((disk for disk in facts.disks if disk.is_named(key)), None)
        if found is None:
            yield Problem(
                place,
                f"instance {facts.instance_id} has no such disk",
                f"It has {'; '.join(map(_told, facts.disks)) or 'none'}",
            )
        elif keys.setdefault(found.device, key) != key:
            yield Problem(
                place,
                f"it is the disk that {keys[found.device]} names too",
                "Remove one of the two",
            )
    ordered = facts.disk_orders(specs)
    for number, (disk, order) in enumerate(zip(facts.disks, ordered, strict=True)):
        other = next((n for n in range(number) if not ordered[n].agrees(order)), None)
        if other is not None:
            first = facts.disks[other]
            key = keys.get(disk.device) or keys.get(first.device, "")
            yield Problem(
                path("machines", name, "target", "disks", key),
                f"{_told(first)} and {_told(disk)} both have {disk.size_gib} GiB, by which alone "
                "Site Recovery tells them apart before they replicate",
                "Say the same of both, or change the disk in Azure once its machine is deallocated",
            )


def _told(disk: Disk) -> str:
    return disk.device if disk.instance_store else f"{disk.device} ({disk.volume_id})"
