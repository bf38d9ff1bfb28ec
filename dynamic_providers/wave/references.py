"""The preview of what targets name in Azure: whether it exists, and whether the machines fit."""

from __future__ import annotations

from collections.abc import Iterable

from dynamic_providers.wave.sizes import Region
from site_recovery import arm_ids
from site_recovery.azure import references as azure
from site_recovery.azure.connection import Connect
from site_recovery.convergence import references
from site_recovery.convergence.references import Found, Reference
from site_recovery.convergence.review import MachineReview
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage


async def refusals(connect: Connect, reviews: Iterable[MachineReview], region: Region) -> list[str]:
    """A line for each machine that names what is not there, or does not fit into it.

    Each resource is read once for all machines of the wave.

    Args:
        connect: connects to Azure, which is asked only if a machine names something.
        reviews: the machines of the wave, with their sizes if those are chosen already.
        region: where its machines are created.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    found: dict[str, Found | None] = {}
    lines = []
    for review in reviews:
        for reference in _due(review.assignment, review.observed):
            key = reference.id.lower()
            if key not in found:
                found[key] = await _read(connect, reference)
            target = review.assignment.target
            wrong = references.problem(
                reference, found[key], target, region.subscription, region.location
            )
            lines += [f"{review.name}: {wrong}"] if wrong is not None else []
    return lines


async def _read(connect: Connect, reference: Reference) -> Found | None:
    async with connect(arm_ids.segment(reference.id, "subscriptions")) as connection:
        return await azure.read(connection, reference)


def _due(assignment: Assignment, observed: Observed) -> list[Reference]:
    """What a machine names and still needs."""
    if assignment.desired is None or observed.stage is Stage.MIGRATED:
        return []
    there = observed.stage is Stage.FAILED_OVER
    return [
        each
        for each in references.named(assignment.target)
        if not there or each.field == references.UNTIL_MIGRATED
    ]
