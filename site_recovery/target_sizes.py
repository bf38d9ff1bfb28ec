"""Which size an Azure virtual machine gets: the smallest offered one that has what its source had.

Sizes are wire objects of TargetComputeSizes_ListByReplicationProtectedItems, of which `properties`
has: name, cpuCoresCount, vCPUsAvailable, memoryInGB, maxDataDiskCount, errors.
Source for names and families: "Azure virtual machine sizes naming conventions" (Microsoft Learn).
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


@dataclass(frozen=True)
class _Size:
    name: str
    vcpus: int
    memory_gb: float
    data_disks: int
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
        if match["family"] not in _PREFERENCE:
            return None
        return (
            _PREFERENCE.index(match["family"]),
            self.vcpus,
            self.memory_gb,
            bool(match["of"]),
            -int(match["version"] or 1),
            # Without premium storage a later change of the disks would need another size.
            not (match["sub"] or "s" in match["features"]),
            len(match["features"]),
        )

    def holds(self, vcpus: int, memory_gib: float, data_disks: int) -> bool:
        """Whether it may be chosen unasked, and has at least so much."""
        return (
            not self.refusals
            and self.rank is not None
            and self.vcpus >= vcpus
            and self.memory_gb >= memory_gib
            and self.data_disks >= data_disks
        )


def suits(
    size_name: str,
    sizes: Iterable[Mapping[str, Any]],
    vcpus: int,
    memory_gib: float,
    data_disks: int,
) -> bool:
    """Whether a size is one that `choose` might have chosen for a larger machine."""
    return any(
        size.name.lower() == size_name.lower() and size.holds(vcpus, memory_gib, data_disks)
        for size in map(_Size.of, sizes)
    )


def choose(
    sizes: Iterable[Mapping[str, Any]], vcpus: int, memory_gib: float, data_disks: int
) -> str | None:
    """The smallest general purpose size that has at least so much, or the smallest of the others.

    Burstable, Arm, confidential, GPU and other special sizes are left to people to choose.

    Args:
        sizes: what the service offers for the machine.
        vcpus: of the source.
        memory_gib: of the source. Azure's GB of memory are GiB.
        data_disks: its volumes but the boot disk.

    Returns:
        The size's name; None where nothing that is offered fits.
    """
    fitting = [
        (size.rank, size.name)
        for size in map(_Size.of, sizes)
        if size.rank is not None and size.holds(vcpus, memory_gib, data_disks)
    ]
    return min(fitting)[1] if fitting else None


def problem(size_name: str, sizes: Iterable[Mapping[str, Any]], data_disks: int) -> str | None:
    """Why a machine cannot have the size that was asked for, with the way out; None if it can.

    Args:
        size_name: the size, in any case.
        sizes: what the service offers for the machine.
        data_disks: its volumes but the boot disk.
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
    if size.refusals:
        why = "; ".join(text.rstrip(".") for text in size.refusals)
        return f"Azure does not give it {size.name}: {why}. Choose another size"
    return None
