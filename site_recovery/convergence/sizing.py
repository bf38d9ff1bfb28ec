"""The size of a machine's virtual machine, decided by what the service offers for its item."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypedDict

from site_recovery.config_paths import path
from site_recovery.convergence import target_sizes
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage, observe
from site_recovery.planning import Blocked, satisfies
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot


def is_open(assignment: Assignment, observed: Observed) -> bool:
    """Whether a machine has a size to choose or to check.

    That is while it can change, and something is to be done with it: one that is where it should
    be is left as it is.
    """
    return (
        observed.stage in (Stage.PROTECTED, Stage.TEST_FAILOVER)
        and not satisfies(assignment.desired, observed)
        and observed.item_id is not None
        and assignment.desired is not None
        and assignment.settings is not None
        and (assignment.target.vm_size is not None or assignment.hardware is not None)
    )


class _Shape(TypedDict):
    generation: str | None
    interfaces: int


class Offers(Protocol):
    """Who knows which sizes there are; `service.VaultService` is the real one."""

    async def target_sizes(self, observed: Observed) -> Sequence[Mapping[str, Any]]:
        """The sizes that a protected machine may get."""


async def look_ahead(
    offers: Offers, due: Mapping[str, tuple[Assignment, Observed]]
) -> dict[str, Assignment | Blocked]:
    """Size machines that are `due`; by name.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """

    async def one(assignment: Assignment, observed: Observed) -> Assignment | Blocked:
        return sized(assignment, observed, await offers.target_sizes(observed))

    decided = await asyncio.gather(*(one(*each) for each in due.values()))
    return dict(zip(due, decided, strict=True))


def due(
    assignments: Iterable[Assignment], snapshot: Snapshot
) -> dict[str, tuple[Assignment, Observed]]:
    """The machines whose size is open, and with which something will be done; by name."""
    seen = {a.machine.name: (a, observe(a.machine, snapshot, a.settings)) for a in assignments}
    return {
        name: (assignment, observed)
        for name, (assignment, observed) in seen.items()
        if is_open(assignment, observed)
    }


def sized(
    assignment: Assignment, observed: Observed, sizes: Sequence[Mapping[str, Any]]
) -> Assignment | Blocked:
    """Choose the size, unless one is given; then only check it.

    A larger general purpose size than needed, which someone set in the vault, is left.

    Args:
        assignment: the machine.
        observed: as the services see it now.
        sizes: what the service offers for its item.

    Returns:
        The assignment with its size, or why there is none for it.
    """
    place = path("machines", assignment.machine.name, "target", "vmSize")
    hardware, given = assignment.hardware, assignment.target.vm_size
    data_disks = hardware.data_disks if hardware is not None else 0
    interfaces = observed.target.interfaces or 1
    shape = _Shape(generation=observed.target.generation, interfaces=interfaces)
    if given is not None:
        problem = target_sizes.problem(given, sizes, data_disks, **shape)
        return (
            assignment
            if problem is None
            else Blocked(Reason.VM_SIZE_UNSUITABLE, f"{place}: {problem}", f"Change {place}")
        )
    if hardware is None or assignment.settings is None:
        return assignment
    need = (hardware.vcpus, hardware.memory_gib, data_disks)
    present = observed.target.vm_size
    if present and target_sizes.suits(present, sizes, *need, **shape):
        return assignment
    chosen = target_sizes.choose(sizes, *need, **shape)
    if chosen is None:
        return Blocked(
            Reason.NO_VM_SIZE,
            f"Azure offers no general purpose size here with {hardware.vcpus} vCPUs, "
            f"{hardware.memory_gib:g} GiB, {data_disks} data disks and {interfaces} interfaces "
            "that it boots on",
            f"Name the size that it should have in {place}",
        )
    return replace(assignment, settings=replace(assignment.settings, vm_size=chosen))
