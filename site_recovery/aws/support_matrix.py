"""The support matrix: which operating systems, drivers and disks Site Recovery supports.

The table itself is `support_matrix.yaml`; `support_check` compares machines with it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict

from site_recovery.aws.inventory import Driver
from site_recovery.fleet import ExperienceName

_WINDOWS = "windows"
_VERSION = re.compile(r"\d+(?:\.\d+)*")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OperatingSystem(_Model):
    """One row: an operating system, with its virtualization and its paravirtual drivers.

    Attributes:
        source: the page that it is from.
        virtualization: empty for that of the table.
        drivers: empty for all that the table does not refuse.
        drivers_must_be_known: a machine is refused if its drivers are not known.
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
        # Only the numbers that both have are compared: CentOS 7 may be any of 7.0 to 7.9, and
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
        bare_version_is_first_release: a version of one number means only the first release, and
            not all releases with that number.
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
    """An operating system that is known not to be supported, with the reason."""

    name: str
    why: str
    way_out: str
    source: str


class Experience(_Model):
    """The rows of one experience and the page that they are from.

    Attributes:
        virtualization: for rows that have none.
        operating_systems: by key.
        families: by the beginning of their keys, such as `rhel` of `rhel-8.4`.
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
        """The row for an operating system, or None."""
        if key in self.operating_systems:
            return self.operating_systems[key]
        family, _, version = key.partition("-")
        found = self.families.get(family)
        if found is None or not found.supports(version):
            return None
        return OperatingSystem(name=f"{found.name} {version}", source=found.source)

    def may_be_newer(self, key: str) -> bool:
        """Whether an operating system without a row may be one that came after the table.

        False for what the table refuses by name, and for versions before or between those that it
        has: only a new major version, or a later one of a major version that it has, is newer.
        """
        if key in self.refused or key in self.operating_systems:
            return False
        if key.startswith(_WINDOWS):
            years = [_numbers(each)[0] for each in self.operating_systems if _numbers(each)]
            year = _numbers(key)[:1]
            return bool(year) and year[0] > max(years, default=0)
        family, _, version = key.partition("-")
        numbers = _numbers(version)
        found = self.families.get(family)
        if not family or not numbers:
            return False
        lasts = [_numbers(each.last) for each in found.releases] if found is not None else []
        if numbers[0] > max((last[0] for last in lasts), default=0):
            return True
        return any(numbers[0] == last[0] and numbers > last for last in lasts)

    def keys(self) -> list[str]:
        """Everything that is supported, as the config writes it, for people."""
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


@cache
def matrix() -> SupportMatrix:
    """The table as shipped."""
    text = (Path(__file__).parent / "support_matrix.yaml").read_text(encoding="utf-8")
    return SupportMatrix.model_validate(yaml.safe_load(text))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))
