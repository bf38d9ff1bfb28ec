"""Chooses or checks the size of a virtual machine, among the sizes offered for its item."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypedDict

from site_recovery.config_paths import path
from site_recovery.convergence import target_sizes
from site_recovery.convergence.target_sizes import Size
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage, observe
from site_recovery.planning import satisfies
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot
from site_recovery.steps import Blocked


def is_open(assignment: Assignment, observed: Observed) -> bool:
    """Whether the size of a machine has to be chosen or checked.

    Only while the size can change, and not for a machine that is already in its desired phase, or
    whose size was settled by a test failover.
    """
    return (
        observed.stage in (Stage.PROTECTED, Stage.TEST_FAILOVER)
        and not satisfies(assignment.desired, observed)
        and observed.item_id is not None
        and assignment.desired is not None
        and assignment.settings is not None
        and (assignment.target.vm_size is not None or assignment.hardware is not None)
        and not _is_settled(assignment, observed)
    )


def _is_settled(assignment: Assignment, observed: Observed) -> bool:
    """Whether the machine ran in Azure with the size that it has, and should have no other.

    Azure is asked about the sizes of each machine by itself, so it is not asked before every step.
    """
    present, given = observed.target.vm_size, assignment.target.vm_size
    ran = observed.stage is Stage.TEST_FAILOVER or observed.tested
    if not present or not ran:
        return False
    hardware = assignment.hardware
    if given is not None:
        # Cores and memory are up to whoever declared it.
        same = given.lower() == present.lower()
        need = (0, 0.0, hardware.data_disks if hardware is not None else 0)
    else:
        same, need = hardware is not None, (0, 0.0, 0)
        if hardware is not None:
            need = (hardware.vcpus, hardware.memory_gib, hardware.data_disks)
    # The instance may have grown since.
    return same and target_sizes.has_by_name(present, *need, _interfaces(assignment, observed))


def _interfaces(assignment: Assignment, observed: Observed) -> int:
    """How many network interfaces the virtual machine shall have."""
    wanted = assignment.settings
    return (wanted.over(observed.target) if wanted is not None else observed.target).interfaces


class _Shape(TypedDict):
    generation: str | None
    interfaces: int


class Offers(Protocol):
    """The sizes that a vault offers. `azure.service.VaultService` implements it."""

    async def target_sizes(self, assignment: Assignment, observed: Observed) -> Sequence[Size]:
        """List the sizes that the service offers for a protected machine."""


async def look_ahead(
    offers: Offers, due: Mapping[str, tuple[Assignment, Observed]]
) -> dict[str, Assignment | Blocked]:
    """Choose or check the sizes of the machines that are `due`, for a preview.

    Returns:
        By name, the assignment with its size, or why the machine cannot have one.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """

    async def one(assignment: Assignment, observed: Observed) -> Assignment | Blocked:
        try:
            sizes = await offers.target_sizes(assignment, observed)
        except MigrationError as error:
            raise MigrationError(f"{assignment.machine.name}: {error}") from error
        return sized(assignment, observed, sizes)

    decided = await asyncio.gather(*(one(*each) for each in due.values()))
    return dict(zip(due, decided, strict=True))


def due(
    assignments: Iterable[Assignment], snapshot: Snapshot
) -> dict[str, tuple[Assignment, Observed]]:
    """The machines whose size has to be chosen or checked, by name."""
    seen = {a.machine.name: (a, observe(a.machine, snapshot, a.settings)) for a in assignments}
    return {
        name: (assignment, observed)
        for name, (assignment, observed) in seen.items()
        if is_open(assignment, observed)
    }


def sized(
    assignment: Assignment, observed: Observed, sizes: Sequence[Size]
) -> Assignment | Blocked:
    """Choose the size of a machine, or check it if the config declares one.

    If someone set a larger general purpose size in the vault, that size is kept.

    Args:
        assignment: the machine.
        observed: its state now.
        sizes: the sizes that the service offers for its item.

    Returns:
        The assignment with its size, or why the machine cannot have one.
    """
    place = path("machines", assignment.machine.name, "target", "vmSize")
    hardware, given = assignment.hardware, assignment.target.vm_size
    data_disks = hardware.data_disks if hardware is not None else 0
    interfaces = _interfaces(assignment, observed)
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
