"""The preview of network security groups: which interfaces lack them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dynamic_providers.wave.vault import WaveVault
from site_recovery.convergence.review import MachineReview
from site_recovery.convergence.security_groups import lacking, machine_with
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, observe
from site_recovery.operations import Operation
from site_recovery.snapshot import Snapshot
from site_recovery.steps import Blocked


async def reviewed(
    vault: WaveVault | None, reviews: Sequence[MachineReview], snapshot: Snapshot
) -> list[MachineReview]:
    """Reviews with what a run would do about the groups of interfaces, or what is in the way.

    Args:
        vault: the vault of the machines; None if it is not known, and so none of them failed over.
        reviews: the machines.
        snapshot: the services now.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    there = [(each.assignment, each.observed) for each in reviews]
    found = await _lacking(vault, there, snapshot) if vault is not None else {}
    return [_reviewed(each, found.get(each.name, False)) for each in reviews]


def _reviewed(review: MachineReview, lacks: bool | Blocked) -> MachineReview:
    if isinstance(lacks, Blocked):
        return review.also(lacks)
    declared = review.assignment.target.network_security_group is not None
    fails_over = Operation.UNPLANNED_FAILOVER in review.operations
    return replace(review, attaches=declared and (fails_over or lacks))


async def differ(vault: WaveVault, assignments: Sequence[Assignment], snapshot: Snapshot) -> bool:
    """Whether a machine that failed over does not have its group.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    there = [(each, observe(each.machine, snapshot)) for each in assignments]
    return any((await _lacking(vault, there, snapshot)).values())


async def _lacking(
    vault: WaveVault, machines: Sequence[tuple[Assignment, Observed]], snapshot: Snapshot
) -> dict[str, bool | Blocked]:
    """Whether an interface of a machine lacks its group, or why it cannot have it.

    By the names of those machines that should have one now.
    """
    groups = {each.machine.name: each.target.network_security_group for each, _ in machines}
    found = {
        each.machine.name: machine.interfaces
        for each, seen in machines
        if (machine := machine_with(each, seen, snapshot)) is not None
    }
    wanted = [interface for interfaces in found.values() for interface in interfaces]
    present = await vault.security_groups(wanted) if wanted else {}
    lacks = {
        name: lacking(groups[name] or "", {each: present[each] for each in interfaces})
        for name, interfaces in found.items()
    }
    return {name: each if isinstance(each, Blocked) else bool(each) for name, each in lacks.items()}
