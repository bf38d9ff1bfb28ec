"""Which size an Azure virtual machine gets: the smallest offered one that has what its source had.

Sizes are wire objects of TargetComputeSizes_ListByReplicationProtectedItems, of which `properties`
has: name, cpuCoresCount, vCPUsAvailable, memoryInGB, maxDataDiskCount, maxNicsCount,
hyperVGenerations, errors.
Sources (Microsoft Learn): "Azure virtual machine sizes naming conventions" for names and families;
"Support for generation 2 VMs on Azure", "Dsv6 size series" and "General FAQ for NVMe" for what
boots on which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(
    r"(?:Standard|Basic)_(?P<family>[A-Z]+?)(?P<sub>S)?(?P<vcpus>\d+)(?:-(?P<of>\d+))?"
    r"(?P<features>[a-z]*)(?:_v(?P<version>\d+))?(?P<rest>_.+)?"
)

_PREFERENCE = ("D", "E", "F")
"""General purpose first; then memory and compute optimized, for what general purpose lacks."""

_ARM = "p"
"""The feature letter of sizes with Arm processors, on which nothing from here boots."""

_NVME_ONLY_SINCE = 6
"""Series of this version and newer ones attach disks by NVMe only, and take generation 2 only
("Dsv6 size series", "General FAQ for NVMe"). Windows Server before 2019 and older Linux do not boot
there ("Supported OS images for remote NVMe"), and no property of an offered size tells of it.
"""

_GENERATION = re.compile(r"[Vv]([12])")
_FIRMWARE = {"1": "BIOS", "2": "UEFI"}


@dataclass(frozen=True)
class _Size:
    """An offered size; `generations` and `interfaces` are empty and None where it tells none."""

    name: str
    vcpus: int
    memory_gb: float
    data_disks: int
    interfaces: int | None
    generations: frozenset[str]
    refusals: tuple[str, ...]

    @classmethod
    def of(cls, wire: Mapping[str, Any]) -> _Size:
        properties = wire.get("properties") or wire
        cores = properties.get("cpuCoresCount") or 0
        return cls(
            properties.get("name") or "",
            # A constrained size has more cores than the machine gets to see.
            properties.get("vCPUsAvailable") or cores,
            properties.get("memoryInGB") or 0.0,
            properties.get("maxDataDiskCount") or 0,
            properties.get("maxNicsCount") or None,
            frozenset(map(_generation, properties.get("hyperVGenerations") or ())) - {""},
            tuple(
                error.get("message") or "it does not say why"
                for error in properties.get("errors") or ()
                if str(error.get("severity", "")).lower() != "warning"
            ),
        )

    @property
    def rank(self) -> tuple[float, ...] | None:
        """What is chosen first has the smallest; None for what is never chosen unasked."""
        match = _NAME.fullmatch(self.name)
        if match is None or match["rest"] or _ARM in match["features"]:
            return None
        version = int(match["version"] or 1)
        if match["family"] not in _PREFERENCE or version >= _NVME_ONLY_SINCE:
            return None
        return (
            _PREFERENCE.index(match["family"]),
            self.vcpus,
            self.memory_gb,
            bool(match["of"]),
            -version,
            # Without premium storage a later change of the disks would need another size.
            not (match["sub"] or "s" in match["features"]),
            len(match["features"]),
        )

    def boots(self, generation: str) -> bool:
        """Whether it takes machines of a generation, as `_generation` has it."""
        return not generation or not self.generations or generation in self.generations

    def connects(self, interfaces: int) -> bool:
        """Whether it takes so many network interfaces."""
        return self.interfaces is None or self.interfaces >= interfaces


@dataclass(frozen=True)
class _Need:
    """What a machine needs of its size."""

    vcpus: int
    memory_gib: float
    data_disks: int
    interfaces: int
    generation: str

    def is_met_by(self, size: _Size) -> bool:
        """Whether a size has at least so much, and may be chosen unasked."""
        return (
            not size.refusals
            and size.rank is not None
            and size.vcpus >= self.vcpus
            and size.memory_gb >= self.memory_gib
            and size.data_disks >= self.data_disks
            and size.connects(self.interfaces)
            and size.boots(self.generation)
        )

    def smallest(self, offered: Iterable[_Size]) -> str | None:
        """The name of the first by rank that meets it."""
        fitting = [
            (size.rank, size.name)
            for size in offered
            if size.rank is not None and self.is_met_by(size)
        ]
        return min(fitting)[1] if fitting else None


def _generation(wire: str | None) -> str:
    """`1` or `2` for `V1` or `V2`, as items and sizes name generations; empty for what is not."""
    match = _GENERATION.fullmatch(wire or "")
    return match[1] if match else ""


def suits(
    size_name: str,
    sizes: Iterable[Mapping[str, Any]],
    vcpus: int,
    memory_gib: float,
    data_disks: int,
    *,
    generation: str | None = None,
    interfaces: int = 1,
) -> bool:
    """Whether a size is one that `choose` might have chosen for a larger machine."""
    need = _Need(vcpus, memory_gib, data_disks, interfaces, _generation(generation))
    return any(
        size.name.lower() == size_name.lower() and need.is_met_by(size)
        for size in map(_Size.of, sizes)
    )


def choose(
    sizes: Iterable[Mapping[str, Any]],
    vcpus: int,
    memory_gib: float,
    data_disks: int,
    *,
    generation: str | None = None,
    interfaces: int = 1,
) -> str | None:
    """The smallest general purpose size that has at least so much, or the smallest of the others.

    Burstable, Arm, confidential, GPU and other special sizes are left to people to choose, and so
    are those of version 6 and newer, whose NVMe disks older systems do not boot from.

    Args:
        sizes: what the service offers for the machine.
        vcpus: of the source.
        memory_gib: of the source. Azure's GB of memory are GiB.
        data_disks: its volumes but the boot disk.
        generation: of its virtual machine, `V1` or `V2`, as its item says in `targetGeneration`
            (InMageRcm) or `azureVmGeneration` (InMageAzureV2); any other means unknown.
        interfaces: how many network interfaces it has.

    Returns:
        The size's name; None where nothing that is offered fits.
    """
    need = _Need(vcpus, memory_gib, data_disks, interfaces, _generation(generation))
    return need.smallest(map(_Size.of, sizes))


def problem(
    size_name: str,
    sizes: Iterable[Mapping[str, Any]],
    data_disks: int,
    *,
    generation: str | None = None,
    interfaces: int = 1,
) -> str | None:
    """Why a machine cannot have the size that was asked for, with the way out; None if it can.

    Args:
        size_name: the size, in any case.
        sizes: what the service offers for the machine.
        data_disks: its volumes but the boot disk.
        generation: as for `choose`.
        interfaces: how many network interfaces it has.
    """
    offered = [_Size.of(wire) for wire in sizes]
    size = next((size for size in offered if size.name.lower() == size_name.lower()), None)
    if size is None:
        names = sorted(size.name for size in offered if not size.refusals)
        return (
            f"Azure does not offer {size_name} for it here. "
            f"Offered: {', '.join(names) if names else 'none'}"
        )
    if size.data_disks < data_disks:
        return (
            f"it has {data_disks} data disks, and {size.name} takes {size.data_disks} at most. "
            "Choose a larger size"
        )
    if not size.connects(interfaces):
        return (
            f"it has {interfaces} network interfaces, and {size.name} takes {size.interfaces} at "
            "most. Choose a larger size"
        )
    needed = _generation(generation)
    if not size.boots(needed):
        need = _Need(size.vcpus, size.memory_gb, data_disks, interfaces, needed)
        another = need.smallest(offered)
        return (
            f"it boots as generation {needed} ({_FIRMWARE[needed]}), and {size.name} takes "
            f"generation {' and '.join(sorted(size.generations))} only. Choose one that takes "
            f"generation {needed}{f', such as {another}' if another else ''}"
        )
    if size.refusals:
        why = "; ".join(text.rstrip(".") for text in size.refusals)
        return f"Azure does not give it {size.name}: {why}. Choose another size"
    return None
