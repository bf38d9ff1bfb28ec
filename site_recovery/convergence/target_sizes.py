"""Chooses the size of an Azure virtual machine: the smallest offered one that matches its source.

Sources (Microsoft Learn): "Azure virtual machine sizes naming conventions" for names and families;
"Support for generation 2 VMs on Azure", "Dsv6 size series" and "General FAQ for NVMe" for which
machines boot on which sizes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from site_recovery.fleet import Firmware

_NAME = re.compile(
    r"(?:Standard|Basic)_(?P<family>[A-Z]+?)(?P<sub>S)?(?P<vcpus>\d+)(?:-(?P<of>\d+))?"
    r"(?P<features>[a-z]*)(?:_v(?P<version>\d+))?(?P<rest>_.+)?"
)

_PREFERENCE = ("D", "E", "F")
"""Size families in order of preference: general purpose, memory optimized, compute optimized."""

_ARM = "p"
"""The feature letter of sizes with Arm processors. Migrated machines do not boot on them."""

_NVME_ONLY_SINCE = 6
"""Series from this version on attach disks by NVMe only and accept generation 2 only ("Dsv6 size
series", "General FAQ for NVMe"). Windows Server before 2019 and older Linux do not boot on them
("Supported OS images for remote NVMe"). No property of an offered size shows this.
"""

_GENERATION = re.compile(r"[Vv]([12])")
_FIRMWARE: Mapping[str, Firmware] = {"1": "BIOS", "2": "UEFI"}


_TOLD_SINCE = {"D": 3, "E": 3, "F": 2}
"""Since which version a name tells the vCPUs: Standard_D11_v2 has two."""
_TOLD_UP_TO = 32
"""The most vCPUs for which memory and data disks grow with them."""
_GIB = {"D": 4, "E": 8, "F": 2}
_GIB_LOW = 2
"""GiB of memory for each vCPU of a family, and of its sizes with little memory ("Dlsv5"). Each has
two data disks for each vCPU up to 32 of them, and no less than two interfaces ("Dsv5", "Esv5", "Fsv2 size series")."""
_MOST_DISKS = 32
_INTERFACES = 2


@dataclass(frozen=True)
class Size:
    """A size that Azure offers for a machine.

    Operation TargetComputeSizes_ListByReplicationProtectedItems.

    Attributes:
        vcpus: the vCPUs that a machine can use.
        memory_gb: its memory in GiB, which Azure calls GB.
        data_disks: the most data disks.
        interfaces: the most network interfaces; None if the service gives no number.
        generations: of machines that boot on it, `1` and `2`; empty if the service gives none.
        refusals: why Azure does not give it.
    """

    name: str
    vcpus: int = 0
    memory_gb: float = 0.0
    data_disks: int = 0
    interfaces: int | None = None
    generations: frozenset[str] = frozenset()
    refusals: tuple[str, ...] = ()

    @property
    def rank(self) -> tuple[float, ...] | None:
        """Sort key: the size with the smallest rank is chosen. None if it is never chosen."""
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
            # Prefer premium storage, so that a later change of the disks needs no other size.
            not (match["sub"] or "s" in match["features"]),
            len(match["features"]),
        )

    def boots(self, generation: str) -> bool:
        """Whether machines of a generation (`1`, `2` or empty if unknown) can boot on it."""
        return not generation or not self.generations or generation in self.generations

    def connects(self, interfaces: int) -> bool:
        """Whether it supports this number of network interfaces."""
        return self.interfaces is None or self.interfaces >= interfaces


@dataclass(frozen=True)
class _Need:
    """The requirements of a machine for its size."""

    vcpus: int
    memory_gib: float
    data_disks: int
    interfaces: int
    generation: str

    def is_met_by(self, size: Size) -> bool:
        """Whether a size meets the requirements and may be chosen by default."""
        return (
            not size.refusals
            and size.rank is not None
            and size.vcpus >= self.vcpus
            and size.memory_gb >= self.memory_gib
            and size.data_disks >= self.data_disks
            and size.connects(self.interfaces)
            and size.boots(self.generation)
        )

    def smallest(self, offered: Iterable[Size]) -> str | None:
        """The name of the smallest size by rank that meets the requirements, or None."""
        fitting = [
            (size.rank, size.name)
            for size in offered
            if size.rank is not None and self.is_met_by(size)
        ]
        return min(fitting)[1] if fitting else None


def _generation(wire: str | None) -> str:
    """`1` or `2` for `V1` or `V2`, as items name generations; empty for anything else."""
    match = _GENERATION.fullmatch(wire or "")
    return match[1] if match else ""


def generation_of(firmware: Firmware | None) -> str | None:
    """The generation of the virtual machine that a machine becomes, as items name it.

    >>> generation_of("UEFI")
    'V2'
    """
    return next((f"V{number}" for number, its in _FIRMWARE.items() if its == firmware), None)


def suits(
    size_name: str,
    sizes: Iterable[Size],
    vcpus: int,
    memory_gib: float,
    data_disks: int,
    *,
    generation: str | None = None,
    interfaces: int = 1,
) -> bool:
    """Whether a size meets the requirements and is one that `choose` could choose."""
    need = _Need(vcpus, memory_gib, data_disks, interfaces, _generation(generation))
    return any(size.name.lower() == size_name.lower() and need.is_met_by(size) for size in sizes)


def has_by_name(
    size_name: str, vcpus: int, memory_gib: float, data_disks: int, interfaces: int
) -> bool:
    """Whether a size certainly has so much, by its name alone.

    False also for a name that does not tell; then the service has to be asked.
    """
    match = _NAME.fullmatch(size_name)
    if match is None or match["rest"] or match["family"] not in _TOLD_SINCE:
        return False
    given = int(match["vcpus"])
    if int(match["version"] or 1) < _TOLD_SINCE[match["family"]] or given > _TOLD_UP_TO:
        return False
    memory = given * (_GIB_LOW if "l" in match["features"] else _GIB[match["family"]])
    return (
        int(match["of"] or given) >= vcpus
        and memory >= memory_gib
        and min(2 * given, _MOST_DISKS) >= data_disks
        and interfaces <= _INTERFACES
    )


def choose(
    sizes: Iterable[Size],
    vcpus: int,
    memory_gib: float,
    data_disks: int,
    *,
    generation: str | None = None,
    interfaces: int = 1,
) -> str | None:
    """The smallest general purpose size that meets the requirements, else the smallest other one.

    Burstable, Arm, confidential, GPU and other special sizes are never chosen. Nor are sizes of
    version 6 and newer, because older systems do not boot from their NVMe disks.

    Args:
        sizes: the sizes that the service offers for the machine.
        vcpus: vCPUs of the source.
        memory_gib: memory of the source. What Azure calls GB of memory are GiB.
        data_disks: number of its volumes without the boot disk.
        generation: of its virtual machine, `V1` or `V2`, from `targetGeneration` (InMageRcm) or
            `azureVmGeneration` (InMageAzureV2) of its item. Any other value means unknown.
        interfaces: number of its network interfaces.

    Returns:
        The size's name; None if no offered size fits.
    """
    need = _Need(vcpus, memory_gib, data_disks, interfaces, _generation(generation))
    return need.smallest(sizes)


def problem(
    size_name: str,
    sizes: Iterable[Size],
    data_disks: int,
    *,
    generation: str | None = None,
    interfaces: int = 1,
) -> str | None:
    """Why a machine cannot have the declared size, with the way out; None if it can.

    Args:
        size_name: the size, in upper or lower case.
        sizes: the sizes that the service offers for the machine.
        data_disks: number of its volumes without the boot disk.
        generation: as for `choose`.
        interfaces: number of its network interfaces.
    """
    offered = list(sizes)
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
            "most. Choose a larger size, or leave some out in target.interfaces"
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
