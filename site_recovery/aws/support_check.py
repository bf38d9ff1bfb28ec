"""Whether Site Recovery can migrate a machine, by the support matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from site_recovery.aws.disks import Disk
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.aws.inventory import Driver
from site_recovery.aws.support_matrix import (
    AzureVirtualMachine,
    Experience,
    OperatingSystem,
    matrix,
)
from site_recovery.config_paths import path
from site_recovery.fleet import ExperienceName
from site_recovery.problems import Problem

_GATHERS = "AWS-GatherSoftwareInventory"
"""The document whose association gathers an inventory."""
_WAYS_TO_RUN = {
    "stopped": "Start it: a machine replicates only while it runs",
    "stopping": "Start it once it is stopped: a machine replicates only while it runs",
    "pending": "Wait until it runs, then try again",
}
"""What to do about an instance that does not run, by its state, if it can run again."""


@dataclass(frozen=True)
class Stated:
    """Facts of a machine from the config, because EC2 does not know them.

    Attributes:
        accepted: whether an operating system that is newer than the table is taken.
    """

    os: str | None = None
    drivers: Driver | None = None
    accepted: bool = False


def operating_system(facts: MachineFacts, stated: Stated) -> str | None:
    """The key of the operating system in the table; the config has priority over the image."""
    return stated.os or facts.os


def remark(
    machine: str, facts: MachineFacts, stated: Stated, experience: ExperienceName
) -> str | None:
    """A line about a machine that is taken although the table does not have its system."""
    key, table = operating_system(facts, stated), matrix().of(experience)
    if not stated.accepted or key is None or table.row(key) or not table.may_be_newer(key):
        return None
    return (
        f"{machine}: {key} is not in the support matrix ({table.source}), and "
        f"{path('machines', machine, 'os', 'unsupported')} accepts it: make sure that Site "
        "Recovery takes it, and test the failover"
    )


def drivers_matter(facts: MachineFacts, stated: Stated, experience: ExperienceName) -> bool:
    """Whether a running machine can be refused because of its paravirtual drivers."""
    table = matrix().of(experience)
    key = operating_system(facts, stated)
    row = table.row(key) if key else None
    if row is None or facts.platform != "windows" or facts.state != "running":
        return False
    return bool(table.refused_drivers or row.drivers)


def problems(
    machine: str, facts: MachineFacts, stated: Stated, experience: ExperienceName
) -> list[Problem]:
    """Everything that prevents the protection of a machine, before anything is changed.

    A terminated or stopped machine is a problem here. Callers leave out migrated machines, which
    no longer need their source. No experience supports Secure Boot, but neither EC2 nor Systems
    Manager says whether it is on.
    """
    table = matrix().of(experience)
    place = path("machines", machine)
    found: list[Problem] = []
    if facts.state != "running":
        found.append(
            Problem(
                f"{place}.instanceId",
                f"instance {facts.instance_id} is {facts.state}{_hibernated(facts)}",
                _WAYS_TO_RUN.get(
                    facts.state, "Name a running instance, or take the machine out of its wave"
                ),
            )
        )
    if facts.architecture not in table.architectures:
        found.append(
            Problem(
                place,
                f"architecture {facts.architecture} cannot be migrated",
                f"Site Recovery takes {', '.join(table.architectures)} only "
                f"({table.source}); rebuild the machine in Azure instead",
            )
        )
    if facts.state == "running" and facts.private_ip is None:
        found.append(
            Problem(
                f"{place}.instanceId",
                f"instance {facts.instance_id} has no private IPv4 address, by which the machine "
                "is found in the vault",
                "Give its first interface an IPv4 address",
            )
        )
    if facts.scaling_group is not None:
        found.append(
            Problem(
                f"{place}.instanceId",
                f"instance {facts.instance_id} is in the Auto Scaling group {facts.scaling_group}, "
                "which replaces it as soon as it is stopped for the cutover",
                "Detach it from the group; it goes on running",
            )
        )
    found += _operating_system_problems(place, facts, stated, table)
    found += _disk_problems(place, facts, matrix().azure_virtual_machine)
    return found


def _hibernated(facts: MachineFacts) -> str:
    """A remark for a stopped machine whose memory is on its disk."""
    told = " by hibernation, and what is in its memory is not migrated"
    return told if facts.placement.hibernated and facts.state == "stopped" else ""


def _operating_system_problems(
    place: str, facts: MachineFacts, stated: Stated, table: Experience
) -> list[Problem]:
    known = ", ".join(table.keys())
    key = operating_system(facts, stated)
    if key is None:
        return [
            Problem(
                f"{place}.os",
                f"the operating system of {facts.instance_id} cannot be told from its image "
                f"({facts.image_name or 'the image is gone'})",
                f"State it: one of {known}",
            )
        ]
    where = f"{place}.os" if stated.os else place
    refused = table.refused.get(key)
    if refused is not None:
        return [
            Problem(
                where,
                f"{refused.name} ({key}) cannot be migrated: {refused.why}",
                f"{refused.way_out} ({refused.source})",
            )
        ]
    row = table.row(key)
    if row is None and stated.accepted and table.may_be_newer(key):
        row = OperatingSystem(
            name=key,
            source=f"{place}.os.unsupported",
            # Not every table says it of all rows. No other kind boots a system that new.
            virtualization=("hvm",),
        )
    if row is None:
        newer = " If Site Recovery takes it by now, write os: {unsupported: accepted}."
        return [
            Problem(
                where,
                f"operating system {key} is not supported",
                f"Supported ({table.source}): {known}."
                f"{newer if table.may_be_newer(key) and not stated.accepted else ''}".rstrip("."),
            )
        ]
    return [
        *_virtualization_problems(place, facts, row, table),
        *_driver_problems(place, facts, stated, row, table),
    ]


def _virtualization_problems(
    place: str, facts: MachineFacts, row: OperatingSystem, table: Experience
) -> list[Problem]:
    virtualization = row.virtualization or table.virtualization
    if facts.virtualization in virtualization:
        return []
    return [
        Problem(
            place,
            f"{row.name} on {facts.virtualization} virtualization is not supported",
            f"It must be {' or '.join(v.upper() for v in virtualization)}: "
            "move the machine to an HVM image first",
        )
    ]


def _driver_problems(
    place: str, facts: MachineFacts, stated: Stated, row: OperatingSystem, table: Experience
) -> list[Problem]:
    place = f"{place}.drivers"
    listed = " and ".join(facts.drivers)
    if stated.drivers and facts.drivers and stated.drivers not in facts.drivers:
        return [
            Problem(
                place,
                f"it says {stated.drivers}, and Systems Manager's inventory of "
                f"{facts.instance_id} lists {listed}",
                "Correct it, or leave it out; if the inventory is old, start its association "
                f"({_GATHERS}) again",
            )
        ]
    runs = stated.drivers or _running(facts.drivers)
    if runs is None and facts.drivers:
        return [
            Problem(
                place,
                f"Systems Manager's inventory of {facts.instance_id} lists {listed}, and which of "
                "them it runs it does not say",
                "Look on the machine and state it; uninstall what is left of the other",
            )
        ]
    if runs is None and row.drivers_must_be_known:
        return [
            Problem(
                place,
                f"{row.name} is supported with {' or '.join(row.drivers)} drivers only, and EC2 "
                "cannot say which it has",
                f"Look on the machine and state it: {' | '.join(row.drivers)}; or let Systems "
                f"Manager's inventory tell: associate {_GATHERS} with {facts.instance_id}",
            )
        ]
    if runs in table.refused_drivers or (runs and row.drivers and runs not in row.drivers):
        told = "" if stated.drivers else f", which {facts.instance_id} has by the inventory"
        return [
            Problem(
                place,
                f"{runs} drivers are not supported on {row.name}{told}",
                "Install the Citrix PV or AWS PV drivers, then state them"
                if stated.drivers
                else f"Install the Citrix PV or AWS PV drivers, then start {_GATHERS} again",
            )
        ]
    return []


def _running(listed: tuple[Driver, ...]) -> Driver | None:
    """Which of the listed drivers a machine runs; None if that is not certain.

    The AWS PV drivers are installed over those of Citrix, whose program may stay in the list. Those
    of Red Hat have to be uninstalled first; as long as they are listed, they may be the ones that
    run ("Upgrade PV drivers on EC2 Windows instances").
    """
    if len(listed) == 1:
        return listed[0]
    return "aws-pv" if set(listed) == {"aws-pv", "citrix-pv"} else None


def _with_store(disks: Sequence[Disk]) -> str:
    """A remark for machines of which some disks are instance stores, which are easily forgotten."""
    count = sum(disk.instance_store for disk in disks)
    return f" ({count} of them instance store, which is replicated too)" if count else ""


def _disk_problems(place: str, facts: MachineFacts, limits: AzureVirtualMachine) -> list[Problem]:
    found: list[Problem] = []
    if not facts.disks:
        return found
    os_disk, *data_disks = facts.disks
    found.extend(
        Problem(
            place,
            f"its disk {disk.device} ({disk.volume_id}) is attached to another instance too, and "
            "shared disks cannot be replicated",
            "Give each machine a disk of its own before the migration",
        )
        for disk in facts.disks
        if disk.shared
    )
    if os_disk.size_gib > limits.os_disk_gib_max:
        found.append(
            Problem(
                place,
                f"its boot disk {os_disk.device} ({os_disk.volume_id}) has {os_disk.size_gib} GiB, an Azure virtual "
                f"machine's at most {limits.os_disk_gib_max}",
                "Shrink it before the migration",
            )
        )
    if len(data_disks) > limits.data_disks_max:
        found.append(
            Problem(
                place,
                f"it has {len(data_disks)} data disks, an Azure virtual machine at most "
                f"{limits.data_disks_max}{_with_store(data_disks)}",
                "Merge or detach disks before the migration",
            )
        )
    found.extend(
        Problem(
            place,
            f"its data disk {disk.device} ({disk.volume_id}) has {disk.size_gib} GiB, an Azure managed disk "
            f"{limits.data_disk_gib_min} to {limits.data_disk_gib_max}",
            "Resize it before the migration",
        )
        for disk in data_disks
        if not limits.data_disk_gib_min <= disk.size_gib <= limits.data_disk_gib_max
    )
    return found
