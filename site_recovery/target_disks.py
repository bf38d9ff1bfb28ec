"""The disks of a target: what an item shows of them, and what it should show.

They are set when protection is enabled. No update of an item changes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from site_recovery.declared.disks import DiskOrder
from site_recovery.declared.target import TargetSpec

GIB = 1024**3

_TYPES = frozenset(
    {
        "standard_lrs",
        "standardssd_lrs",
        "standardssd_zrs",
        "premium_lrs",
        "premium_zrs",
        "premiumv2_lrs",
        "ultrassd_lrs",
    }
)
"""The types of a managed disk (DiskAccountType). Nothing is concluded from another word."""


@dataclass(frozen=True)
class DiskSettings:
    """A disk of an item, or the disks of one size as they should be.

    Attributes:
        size_gib: None if an item does not show it, or for disks of any size.
        type, disk_encryption_set: None if no value is wanted, or none is shown. The set of a disk
            of an item is empty if it has none.
    """

    size_gib: int | None = None
    type: str | None = None
    disk_encryption_set: str | None = None

    def differences(self, shown: DiskSettings) -> Iterator[str]:
        """What an item shows otherwise of such a disk, in words."""
        size = "" if shown.size_gib is None else f" of {shown.size_gib} GiB"
        if _differ(self.type, shown.type) and str(shown.type).lower() in _TYPES:
            yield f"its disk{size} is {shown.type} there, and is to be {self.type}"
        if _differ(self.disk_encryption_set, shown.disk_encryption_set):
            there = shown.disk_encryption_set or "not encrypted by a set"
            yield f"its disk{size} is {there} there, and is to be {self.disk_encryption_set}"


def wanted(target: TargetSpec, orders: Sequence[DiskOrder]) -> tuple[DiskSettings, ...]:
    """What an item should show of its disks.

    Args:
        target: the declared target.
        orders: what is declared of the disks of each size; none if its target says the same of
            all, or if its instance, which knows their sizes, is gone.
    """
    of_all = DiskSettings(None, target.disk_type, target.disk_encryption_set)
    if not orders:
        return () if target.disks else (of_all,)
    return tuple(
        DiskSettings(
            order.size_gib,
            order.type or of_all.type,
            order.disk_encryption_set or of_all.disk_encryption_set,
        )
        for order in orders
    )


def differences(declared: Iterable[DiskSettings], shown: Sequence[DiskSettings]) -> tuple[str, ...]:
    """What an item shows otherwise than it is declared, in words.

    A disk whose size changed after the replication began is known by nothing, and left out.
    """
    found = (
        words
        for each in declared
        for disk in shown
        if each.size_gib is None or each.size_gib == disk.size_gib
        for words in each.differences(disk)
    )
    return tuple(dict.fromkeys(found))


def unsaid(
    before: Sequence[DiskSettings], now: Sequence[DiskSettings], shown: Iterable[DiskSettings]
) -> bool:
    """Whether an item has something that was declared of a disk before, and is no longer."""
    for disk in shown:
        was, its = _of(disk, before), _of(disk, now)
        for one, other, there in (
            (was.type, its.type, disk.type),
            (was.disk_encryption_set, its.disk_encryption_set, disk.disk_encryption_set),
        ):
            if one is not None and other is None and not _differ(one, there):
                return True
    return False


def _of(disk: DiskSettings, declared: Iterable[DiskSettings]) -> DiskSettings:
    """What is declared of a disk of an item."""
    fitting = (each for each in declared if each.size_gib in (None, disk.size_gib))
    return next(fitting, DiskSettings())


def _differ(declared: str | None, shown: str | None) -> bool:
    if declared is None or shown is None:
        return False
    return declared.lower() != shown.lower()
