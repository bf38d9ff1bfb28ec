"""Which machines Site Recovery can migrate; the table itself is `support_matrix.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from site_recovery.ec2 import MachineFacts
from site_recovery.problems import Problem

Driver = Literal["aws-pv", "citrix-pv", "redhat-pv"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OperatingSystem(_Model):
    """One row: an operating system, where it may run and with which paravirtual drivers."""

    name: str
    virtualization: tuple[str, ...]
    drivers: tuple[Driver, ...] = ()
    drivers_must_be_stated: bool = False


class Experience(_Model):
    """The rows of one experience and the page that they are from."""

    source: str
    architectures: tuple[str, ...]
    operating_systems: dict[str, OperatingSystem]


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
    azure_virtual_machine: AzureVirtualMachine


@dataclass(frozen=True)
class Stated:
    """What the config says of a machine because EC2 cannot know it."""

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


def problems(machine: str, facts: MachineFacts, stated: Stated) -> list[Problem]:
    """Everything that keeps a machine from being protected, judged before anything is changed.

    A terminated or stopped machine is a problem here; callers leave out machines that are
    already migrated, which need their source no more.
    """
    table = matrix()
    path = f"machines.{machine}"
    found: list[Problem] = []
    if facts.state != "running":
        found.append(
            Problem(
                f"{path}.instanceId",
                f"instance {facts.instance_id} is {facts.state}",
                "Start it: a machine replicates only while it runs"
                if facts.state == "stopped"
                else "Name a running instance, or take the machine out of its wave",
            )
        )
    if facts.architecture not in table.classic.architectures:
        found.append(
            Problem(
                path,
                f"architecture {facts.architecture} cannot be migrated",
                f"Site Recovery takes {', '.join(table.classic.architectures)} only "
                f"({table.classic.source}); rebuild the machine in Azure instead",
            )
        )
    found += _operating_system_problems(path, facts, stated, table.classic)
    found += _disk_problems(path, facts, table.azure_virtual_machine)
    return found


def _operating_system_problems(
    path: str, facts: MachineFacts, stated: Stated, experience: Experience
) -> list[Problem]:
    names = ", ".join(experience.operating_systems)
    key = operating_system(facts, stated)
    if key is None:
        return [
            Problem(
                f"{path}.os",
                f"the operating system of {facts.instance_id} cannot be told from its image "
                f"({facts.image_name or 'the image is gone'})",
                f"State it: one of {names}",
            )
        ]
    row = experience.operating_systems.get(key)
    if row is None:
        where = f"{path}.os" if stated.os else path
        return [
            Problem(
                where,
                f"operating system {key} is not supported",
                f"Supported ({experience.source}): {names}",
            )
        ]
    found: list[Problem] = []
    if facts.virtualization not in row.virtualization:
        found.append(
            Problem(
                path,
                f"{row.name} on {facts.virtualization} virtualization is not supported",
                f"It must be {' or '.join(v.upper() for v in row.virtualization)}: "
                "move the machine to an HVM image first",
            )
        )
    if stated.drivers is None and row.drivers_must_be_stated:
        found.append(
            Problem(
                f"{path}.drivers",
                f"{row.name} is supported with {' or '.join(row.drivers)} drivers only, and EC2 "
                "cannot say which it has",
                f"Look on the machine and state it: {' | '.join(row.drivers)}",
            )
        )
    if stated.drivers == "redhat-pv" or (
        stated.drivers is not None and row.drivers and stated.drivers not in row.drivers
    ):
        found.append(
            Problem(
                f"{path}.drivers",
                f"{stated.drivers} drivers are not supported on {row.name}",
                "Install the Citrix PV or AWS PV drivers, then state them",
            )
        )
    return found


def _disk_problems(path: str, facts: MachineFacts, limits: AzureVirtualMachine) -> list[Problem]:
    found: list[Problem] = []
    if not facts.disks:
        return found
    os_disk, *data_disks = facts.disks
    if os_disk.size_gib > limits.os_disk_gib_max:
        found.append(
            Problem(
                path,
                f"its boot disk {os_disk.device} has {os_disk.size_gib} GiB, an Azure virtual "
                f"machine's at most {limits.os_disk_gib_max}",
                "Shrink it before the migration",
            )
        )
    if len(data_disks) > limits.data_disks_max:
        found.append(
            Problem(
                path,
                f"it has {len(data_disks)} data disks, an Azure virtual machine at most "
                f"{limits.data_disks_max}",
                "Merge or detach disks before the migration",
            )
        )
    found.extend(
        Problem(
            path,
            f"its data disk {disk.device} has {disk.size_gib} GiB, an Azure managed disk "
            f"{limits.data_disk_gib_min} to {limits.data_disk_gib_max}",
            "Resize it before the migration",
        )
        for disk in data_disks
        if not limits.data_disk_gib_min <= disk.size_gib <= limits.data_disk_gib_max
    )
    return found
