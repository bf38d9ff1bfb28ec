"""Observing a vault and the resource group of the machines, all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

from site_recovery import jobs
from site_recovery.arm_ids import VaultId
from site_recovery.azure import vault
from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explain, explained
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.azure.item_reads import in_full
from site_recovery.azure.items import protected_item, virtual_machine
from site_recovery.azure.rest import call, list_all, list_url
from site_recovery.errors import VaultGoneError
from site_recovery.fleet import ExperienceName, Site
from site_recovery.snapshot import Gone, ProtectedItem, Snapshot, VirtualMachine
from site_recovery.sources import Source

_COMPUTE_API_VERSION = "2024-07-01"
_NO_GROUP = "ResourceGroupNotFound"


async def observe(connection: Connection, site: Site) -> Snapshot:
    """Read everything in paged lists: four calls for a vault, whatever its number of machines.

    Operations ReplicationProtectedItems_List, ReplicationJobs_List, VirtualMachines_List, and those
    of `Experience.sources`.

    If the vault or its server is gone, the snapshot says so and contains what is left.

    Raises:
        MigrationError: Azure did not answer or refused, or something else than the vault and its
            server was not found.
    """
    client, where = connection.client, site.container.vault
    about = f"vault {where.vault}"
    try:
        with explained(about, passing=ResourceNotFoundError):
            items, sources, listed, machines = await asyncio.gather(
                list_all(
                    client.replication_protected_items.list(where.resource_group, where.vault)
                ),
                _sources(client, site),
                list_all(client.replication_jobs.list(where.resource_group, where.vault)),
                _virtual_machines(client, site.landing_zone.resource_group_id),
            )
    except ResourceNotFoundError as error:
        gone = await _gone(connection, site)
        if gone is None:
            raise explain(error, about) from error
        return await _what_is_left(connection, site, gone)
    parsed = tuple(map(protected_item, items))
    return _snapshot(site.experience, parsed, sources, listed, machines)


async def observe_known(
    connection: Connection,
    where: VaultId | None,
    resource_group_id: str | None,
    experience_name: ExperienceName,
) -> Snapshot:
    """Observe what is known of a site in a preview, in which the rest of it does not exist yet.

    Args:
        connection: to the subscription of what is known.
        where: the vault, if it is known.
        resource_group_id: where failed-over machines live, if it is known.
        experience_name: how machines should be replicated.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    client = connection.client
    items: Sequence[ProtectedItem] = ()
    if where is not None:
        listed = client.replication_protected_items.list(where.resource_group, where.vault)
        with suppress(VaultGoneError):
            async with vault.inside(connection, where, f"vault {where.vault}"):
                items = await in_full(client, map(protected_item, await list_all(listed)))
    with explained("Azure"):
        machines = await _virtual_machines(client, resource_group_id or "")
    return _snapshot(experience_name, items, (), (), machines)


async def _gone(connection: Connection, site: Site) -> Gone | None:
    """The part that is gone. Each is read separately, because an expired page is a 404 too.

    Operations Vaults_Get, ReplicationFabrics_Get and, of an appliance,
    ServerSitesController_Get of Microsoft.OffAzure.
    """
    where = site.container.vault
    if await vault.read(connection, where) is None:
        return Gone.VAULT
    if await vault.read_fabric(connection, where, site.container.fabric) is None:
        return Gone.SERVER
    if site.machines_site_id and await vault.read_site(connection, site.machines_site_id) is None:
        return Gone.SERVER
    return None


async def _what_is_left(connection: Connection, site: Site, gone: Gone) -> Snapshot:
    """Observe again, without what is gone."""
    client, where = connection.client, site.container.vault
    items: tuple[Mapping[str, Any], ...] = ()
    listed: tuple[Mapping[str, Any], ...] = ()
    with explained(f"vault {where.vault}"):
        if gone is not Gone.VAULT:
            items, listed = await asyncio.gather(
                list_all(
                    client.replication_protected_items.list(where.resource_group, where.vault)
                ),
                list_all(client.replication_jobs.list(where.resource_group, where.vault)),
            )
        machines = await _virtual_machines(client, site.landing_zone.resource_group_id)
    parsed = tuple(map(protected_item, items))
    return _snapshot(site.experience, parsed, (), listed, machines, gone)


def _snapshot(
    experience_name: ExperienceName,
    items: Sequence[ProtectedItem],
    sources: tuple[Source, ...],
    listed: tuple[Mapping[str, Any], ...],
    machines: tuple[Mapping[str, Any], ...],
    gone: Gone | None = None,
) -> Snapshot:
    return Snapshot(
        items=tuple(items),
        provider=EXPERIENCES[experience_name].instance_type,
        sources=sources,
        virtual_machines=tuple(map(virtual_machine, machines)),
        jobs={job.name: job for job in map(jobs.job, listed)},
        gone=gone,
    )


async def _sources(client: SiteRecoveryManagementClient, site: Site) -> tuple[Source, ...]:
    kind = EXPERIENCES[site.experience]
    if not kind.discovers and not site.machines_site_id:
        return ()
    return await kind.sources(client, site)


async def virtual_machine_of(
    client: SiteRecoveryManagementClient, resource_group_id: str, name: str
) -> VirtualMachine | None:
    """One virtual machine (VirtualMachines_Get of Microsoft.Compute); None if it is not there.

    Raises:
        AzureError: Azure did not answer, or refused.
    """
    path = f"{resource_group_id}/providers/Microsoft.Compute/virtualMachines/{name}"
    try:
        return virtual_machine(
            await call(client, "GET", f"{path}?api-version={_COMPUTE_API_VERSION}")
        )
    except ResourceNotFoundError:
        return None


async def _virtual_machines(
    client: SiteRecoveryManagementClient, resource_group_id: str
) -> tuple[Mapping[str, Any], ...]:
    """VirtualMachines_List of Microsoft.Compute; none if the group certainly does not exist."""
    if not resource_group_id:
        return ()
    path = f"{resource_group_id}/providers/Microsoft.Compute/virtualMachines"
    try:
        return await list_url(client, f"{path}?api-version={_COMPUTE_API_VERSION}")
    except ResourceNotFoundError as error:
        if error.error and error.error.code == _NO_GROUP:
            return ()
        raise
