"""Removing a server from its vault, with what would prevent that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

from site_recovery import arm_ids
from site_recovery.arm_ids import ContainerId, VaultId
from site_recovery.azure import mapping, vault
from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explain, explained
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.azure.forbidden import unlocked
from site_recovery.azure.item_reads import list_items
from site_recovery.azure.job_history import JobHistory
from site_recovery.azure.rest import list_all
from site_recovery.convergence.interfaces import Reporter
from site_recovery.errors import MigrationError, VaultGoneError
from site_recovery.fleet import ExperienceName
from site_recovery.polling import until
from site_recovery.snapshot import Gone

_PATIENCE = timedelta(hours=1)
"""How long to wait for another job on the server, such as its removal by a run that was killed."""


@dataclass(frozen=True)
class Leaving:
    """A server that has to be removed from its vault.

    Attributes:
        server_name: its host name.
        poll: the longest time between two looks, in real time.
        sleep: injected by tests.
    """

    vault: VaultId
    server_name: str
    experience: ExperienceName
    poll: timedelta
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


async def is_registered(connection: Connection, fabric_id: str, server_name: str) -> bool:
    """Whether a fabric has this server, healthy or not (ReplicationFabrics_Get).

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    fabric = await _fabric(connection, fabric_id)
    return fabric is not None and server_name.lower() in _names(fabric)


async def clear(connection: Connection, leaving: Leaving, reporter: Reporter) -> bool:
    """Unregister every server of a vault that has a name (ReplicationFabrics_List).

    Returns:
        Whether the vault still exists.

    Raises:
        MigrationError: the service refused, or a removal failed.
    """
    where = leaving.vault
    kind = EXPERIENCES[leaving.experience]
    fabrics = connection.client.replication_fabrics
    try:
        async with vault.inside(connection, where, f"vault {where.vault}"):
            listed = await list_all(fabrics.list(where.resource_group, where.vault))
    except VaultGoneError:
        return False
    for fabric in listed:
        if kind.may_contain(fabric, leaving.server_name) and await is_registered(
            connection, fabric["id"], leaving.server_name
        ):
            await unregister(connection, leaving, fabric["id"], reporter)
    return True


async def unregister(
    connection: Connection, leaving: Leaving, fabric_id: str, reporter: Reporter
) -> None:
    """Unregister a server, if it is registered (ReplicationFabrics_Delete, POST remove).

    Its mappings to policies are removed first. The removal needs the server itself. If the
    removal fails because the server no longer runs, and it protects no machine, the server is
    purged (ReplicationFabrics_Purge). An appliance that shares its fabric with others stays.

    Raises:
        VaultGoneError: the vault is gone.
        MigrationError: the service refused, or the removal failed.
    """
    fabric = await _fabric(connection, fabric_id)
    if fabric is None:
        if await vault.read(connection, leaving.vault) is None:
            raise vault.gone_error(leaving.vault, Gone.VAULT)
        return
    name, kind = leaving.server_name, EXPERIENCES[leaving.experience]
    friendly = str(fabric["properties"].get("friendlyName") or "")
    others = sorted(_names(fabric) - {name.lower(), friendly.lower()})
    if others and friendly.lower() != name.lower():
        reporter.event(
            f"{name}: its fabric {fabric['name']} serves {', '.join(others)} too and is left. "
            f"Remove {name} alone in the vault (Site Recovery infrastructure)"
        )
        return
    if await _waited(connection, leaving, friendly, reporter):
        await unregister(connection, leaving, fabric_id, reporter)
        return
    await _unmap(connection, leaving, fabric_id, reporter)
    reporter.status(f"unregistering the {kind.server} {name} from vault {leaving.vault.vault}")
    where = (leaving.vault.resource_group, leaving.vault.vault, fabric["name"])
    fabrics, interval = connection.client.replication_fabrics, leaving.poll.total_seconds()
    about = f"{kind.server} {name}: unregistering it failed"
    try:
        with explained(about, passing=ResourceNotFoundError):
            async with unlocked(connection.client, about):
                poller = await fabrics.begin_delete(
                    *where, polling_interval=interval, retry_total=0
                )
        await poller.result()
    except ResourceNotFoundError:
        return
    except AzureError as error:
        failure = explain(error, about)
        if not _job_failed(error) or await _protects(connection, fabric_id):
            raise failure from error
    else:
        return
    reporter.event(f"{failure}; nothing is protected through it, so it is forced out of the vault")
    forcing = f"{kind.server} {name}: forcing it out failed"
    with suppress(ResourceNotFoundError), explained(forcing, passing=ResourceNotFoundError):
        async with unlocked(connection.client, forcing):
            await (await fabrics.begin_purge(*where, polling_interval=interval)).result()


def _job_failed(error: AzureError) -> bool:
    """Whether the removal itself failed, and not a request for its state."""
    status = error.status_code if isinstance(error, HttpResponseError) else None
    return status is not None and status < 500 and status not in (401, 403, 408, 429)


async def _fabric(connection: Connection, fabric_id: str) -> Mapping[str, Any] | None:
    name = arm_ids.segment(fabric_id, "replicationFabrics")
    return await vault.read_fabric(connection, VaultId.parse(fabric_id), name)


def _names(fabric: Mapping[str, Any]) -> set[str]:
    """The host names of the servers of a fabric: of a configuration server, or of appliances."""
    properties = fabric["properties"]
    servers = (properties.get("customDetails") or {}).get("processServers") or ()
    names = [properties.get("friendlyName"), *(s.get("name") for s in servers)]
    return {name.lower() for name in names if name}


async def _protects(connection: Connection, fabric_id: str) -> bool:
    """Whether a server protects any machine (ReplicationProtectedItems_List)."""
    where = VaultId.parse(fabric_id)
    with explained(f"vault {where.vault}"):
        found = await list_items(connection.client, where)
    ids = [item.id.lower() for item in found.items]
    ids += [mark for odd in found.unreadable for mark in odd.marks]
    return any(each_id.startswith(f"{fabric_id.lower()}/") for each_id in ids)


async def _unmap(
    connection: Connection, leaving: Leaving, fabric_id: str, reporter: Reporter
) -> None:
    """Remove the mappings of a server that are in no record of the stack.

    Operations ReplicationProtectionContainers_ListByReplicationFabrics and
    ReplicationProtectionContainerMappings_ListByReplicationProtectionContainers.
    """
    client, where = connection.client, leaving.vault
    fabric = arm_ids.segment(fabric_id, "replicationFabrics")
    path = (where.resource_group, where.vault, fabric)
    with explained(f"{leaving.server_name}: its mappings to policies"):
        for found in await list_all(
            client.replication_protection_containers.list_by_replication_fabrics(*path)
        ):
            container = ContainerId.parse(found["id"])
            mappings = client.replication_protection_container_mappings
            for each in await list_all(
                mappings.list_by_replication_protection_containers(*path, container.container)
            ):
                reporter.status(f"removing its mapping {each['name']} to a policy")
                await mapping.remove(
                    connection, container, each["name"], leaving.poll, leaving.experience
                )


async def _waited(
    connection: Connection, leaving: Leaving, friendly_name: str, reporter: Reporter
) -> bool:
    """Wait for the end of a job that runs on the server (ReplicationJobs_List).

    Returns:
        Whether there was a job.
    """
    where = leaving.vault
    started: datetime | None = None
    history = JobHistory()

    async def look() -> bool | None:
        nonlocal started
        with explained(f"vault {where.vault}"):
            await history.look(connection.client, where, connection.clock.now())
        running = [
            job
            for job in history.jobs.values()
            if job.running and job.target.lower() == friendly_name.lower()
        ]
        if not running:
            return started is not None
        now = connection.clock.now()
        started = started or now
        if now - started > _PATIENCE:
            raise MigrationError(
                f"{leaving.server_name}: {running[0].scenario} still runs on it (job "
                f"{running[0].name}). Wait for its end in the vault, then run it again."
            )
        reporter.status(f"waiting for {running[0].scenario}, which runs on it")
        return None

    return await until(look, connection.pauses(leaving.poll), leaving.sleep)
