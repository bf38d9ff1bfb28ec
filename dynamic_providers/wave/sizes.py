"""The preview of declared sizes, for machines that the vault knows nothing of yet."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel

from dynamic_providers.wave.inputs import OtherWave, WaveInputs, assignments
from site_recovery.azure import region_sizes as azure
from site_recovery.azure.connection import Connect
from site_recovery.convergence import region_sizes
from site_recovery.snapshot import Snapshot


class Region(BaseModel):
    """Where virtual machines are created.

    Attributes:
        subscription: the id of their subscription; empty if it is not told.
        location: the region.
    """

    subscription: str = ""
    location: str = ""


async def refusals(
    connect: Connect,
    inputs: WaveInputs,
    others: Iterable[OtherWave],
    snapshot: Snapshot,
    region: Region,
) -> list[str]:
    """A line for each reason why machines of the stack cannot have their declared size.

    Args:
        connect: connects to Azure, which is asked only if a machine has a size to check.
        inputs: the wave.
        others: the other waves.
        snapshot: the services now.
        region: where its machines are created.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    machines = inputs.assignments()
    for wave in others:
        machines += assignments(wave.phase, wave.machines)
    wanted = region_sizes.due(machines, snapshot)
    if not wanted or not region.subscription:
        return []
    async with connect(region.subscription) as connection:
        offered = await azure.read(connection, region.subscription, region.location)
    return region_sizes.problems(wanted, offered, region.location)
