"""Which machines Site Recovery can migrate; the table itself is `support_matrix.yaml`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict

from site_recovery.aws.ec2 import MachineFacts
from site_recovery.aws.inventory import Driver
from site_recovery.config_paths import path
from site_recovery.fleet import ExperienceName
from site_recovery.problems import Problem

_GATHERS = "AWS-GatherSoftwareInventory"
"""The document whose association makes an inventory."""

_VERSION = re.compile(r"\d+(?:\.\d+)*")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OperatingSystem(_Model):
    """One row: an operating system, where it may run and with which paravirtual drivers.

    Attributes:
        source: the page that it is from.
        virtualization: empty for that of its table.
        drivers: empty for any that its table does not refuse.
        drivers_must_be_known: a machine is refused as long as nobody says which it has.
    """

    name: str
    source: str
    virtualization: tuple[str, ...] = ()
    drivers: tuple[Driver, ...] = ()
    drivers_must_be_known: bool = False


def _version(text: str) -> str:
    if not _VERSION.fullmatch(text):
        raise ValueError(f"{text!r} is no version")
    return text


class Releases(_Model):
    """Versions from `first` to `last`, both included."""

    first: Annotated[str, AfterValidator(_version)]
    last: Annotated[str, AfterValidator(_version)]

    def __contains__(self, version: tuple[int, ...]) -> bool:
        # What is not said counts for neither end: a CentOS 7 is one of 7.0 to 7.9, and a
        # CentOS 7.9.2009 is 7.9.
        first, last = _numbers(self.first), _numbers(self.last)
        return first[: len(version)] <= version[: len(first)] and (
            version[: len(last)] <= last[: len(version)]
        )

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first}-{self.last}"


class Family(_Model):
    """An operating system by its versions.

    Attributes:
        source: the page that its releases are from.
        bare_version_is_first_release: a version of one number is that of the first release and
            not of any with that number.
    """

    name: str
    source: str
    releases: tuple[Releases, ...]
    bare_version_is_first_release: bool = False

    def supports(self, version: str) -> bool:
        """Whether a version is one of the releases."""
        numbers = _numbers(version)
        if self.bare_version_is_first_release and len(numbers) == 1:
            numbers = (*numbers, 0)
        return bool(numbers) and any(numbers in releases for releases in self.releases)


class Refused(_Model):
    """An operating system that people try and that cannot be migrated, with the reason."""

    name: str
    why: str
    way_out: str
    source: str


class Experience(_Model):
    """The rows of one experience and the page that they are from.

    Attributes:
        virtualization: what rows that say nothing may run on.
        operating_systems: by key.
        families: by what their keys begin with: `rhel` for `rhel-8.4`.
        refused: by key.
    """

    source: str
    architectures: tuple[str, ...]
    virtualization: tuple[str, ...] = ()
    virtualization_source: str | None = None
    refused_drivers: tuple[Driver, ...] = ()
    operating_systems: dict[str, OperatingSystem]
    families: dict[str, Family] = {}
    refused: dict[str, Refused] = {}

    def row(self, key: str) -> OperatingSystem | None:
        """The row that an operating system falls under."""
        if key in self.operating_systems:
            return self.operating_systems[key]
        family, _, version = key.partition("-")
        found = self.families.get(family)
        if found is None or not found.supports(version):
            return None
        return OperatingSystem(name=f"{found.name} {version}", source=found.source)

    def keys(self) -> list[str]:
        """All that is supported, in the words of the config, for people to read."""
        return [
            *self.operating_systems,
            *(
                f"{family}-<version> ({', '.join(map(str, rows.releases))})"
                for family, rows in self.families.items()
            ),
        ]


class AzureVirtualMachine(_Model):
    """Limits of the virtual machine that a failover creates. Sizes in GiB."""

    source: str
    os_disk_gib_max: int
    data_disks_max: int
    data_disk_gib_max: int
    data_disk_gib_min: int


class SupportMatrix(_Model):
    """The whole table."""

    classic: Experience
    modernized: Experience
    azure_virtual_machine: AzureVirtualMachine

    def of(self, experience: ExperienceName) -> Experience:
        """The table of an experience."""
        return self.modernized if experience == "modernized" else self.classic


@dataclass(frozen=True)
class Stated:
    """What the config says of a machine because EC2 does not know it."""

    os: str | None = None
    drivers: Driver | None = None


@cache
def matrix() -> SupportMatrix:
    """The table as shipped."""
    text = (Path(__file__).parent / "support_matrix.yaml").read_text(encoding="utf-8")
    return SupportMatrix.model_validate(yaml.safe_load(text))


def operating_system(facts: MachineFacts, stated: Stated) -> str | None:
    """The machine's operating system as a key of the table: what is stated wins over the image."""
    return stated.os or facts.os


def drivers_matter(facts: MachineFacts, stated: Stated, experience: ExperienceName) -> bool:
    """Whether a running machine may be refused for the paravirtual drivers that it has."""
    table = matrix().of(experience)
    key = operating_system(facts, stated)
    row = table.row(key) if key else None
    if row is None or facts.platform != "windows" or facts.state != "running":
        return False
    return bool(table.refused_drivers or row.drivers)


def problems(
    machine: str, facts: MachineFacts, stated: Stated, experience: ExperienceName
) -> list[Problem]:
    """Everything that keeps a machine from being protected, judged before anything is changed.

    A terminated or stopped machine is a problem here; callers leave out machines that are
    already migrated, which need their source no more. Whether Secure Boot is on, which no
    experience takes, is nothing that EC2 or SSM tell.
    """
    table = matrix().of(experience)
    place = path("machines", machine)
    found: list[Problem] = []
    if facts.state != "running":
        found.append(
            Problem(
                f"{place}.instanceId",
                f"instance {facts.instance_id} is {facts.state}",
                "Start it: a machine replicates only while it runs"
                if facts.state == "stopped"
                else "Name a running instance, or take the machine out of its wave",
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
    found += _operating_system_problems(place, facts, stated, table)
    found += _disk_problems(place, facts, matrix().azure_virtual_machine)
    return found


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
    if row is None:
        return [
            Problem(
                where,
                f"operating system {key} is not supported",
                f"Supported ({table.source}): {known}",
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
    """Which of the drivers that are listed as installed a machine runs; None where that is open.

    The AWS PV drivers are installed over Citrix', whose program may stay in the list. They cannot
    be installed over Red Hat's, which have to be uninstalled: as long as they are listed they may
    be what runs ("Upgrade PV drivers on EC2 Windows instances").
    """
    if len(listed) == 1:
        return listed[0]
    return "aws-pv" if set(listed) == {"aws-pv", "citrix-pv"} else None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


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
                f"its boot disk {os_disk.device} has {os_disk.size_gib} GiB, an Azure virtual "
                f"machine's at most {limits.os_disk_gib_max}",
                "Shrink it before the migration",
            )
        )
    if len(data_disks) > limits.data_disks_max:
        found.append(
            Problem(
                place,
                f"it has {len(data_disks)} data disks, an Azure virtual machine at most "
                f"{limits.data_disks_max}",
                "Merge or detach disks before the migration",
            )
        )
    found.extend(
        Problem(
            place,
            f"its data disk {disk.device} has {disk.size_gib} GiB, an Azure managed disk "
            f"{limits.data_disk_gib_min} to {limits.data_disk_gib_max}",
            "Resize it before the migration",
        )
        for disk in data_disks
        if not limits.data_disk_gib_min <= disk.size_gib <= limits.data_disk_gib_max
    )
    return found
