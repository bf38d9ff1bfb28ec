"""Observing a vault and the resource group of the machines, all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from azure.core.exceptions import ResourceNotFoundError

from site_recovery import arm_ids
from site_recovery.arm_ids import VaultId
from site_recovery.azure import vault
from site_recovery.azure.answers.reading import each, one
from site_recovery.azure.answers.virtual_machines import virtual_machine
from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explain, explained
from site_recovery.azure.experiences.experience import Sources
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.azure.item_reads import Details, Items, Turn, in_full, list_items
from site_recovery.azure.job_history import JobHistory
from site_recovery.azure.listed import entry
from site_recovery.azure.rest import call, list_url, url
from site_recovery.convergence.target_sizes import Size
from site_recovery.declared.tags import TAG_INSTANCE
from site_recovery.errors import VaultGoneError
from site_recovery.fleet import ExperienceName, Site
from site_recovery.jobs import Job
from site_recovery.snapshot import (
    TEST_VM_SUFFIX,
    Gone,
    Kind,
    Snapshot,
    Unreadable,
    VirtualMachine,
)

if TYPE_CHECKING:
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

_COMPUTE_API_VERSION = "2024-07-01"
_RESOURCES_API_VERSION = "2024-03-01"
_MACHINES = "providers/Microsoft.Compute/virtualMachines"
_NO_GROUP = "ResourceGroupNotFound"

_Machines: TypeAlias = tuple[tuple[VirtualMachine, ...], tuple[Unreadable, ...]]


@dataclass
class VaultMemory:
    """What a process remembers of a vault, so that it reads nothing twice that cannot have changed.

    Attributes:
        jobs: its jobs.
        details: its items, as they were read one by one.
        sizes: the sizes that Azure offers, by all that is known of a machine for which it does.
    """

    jobs: JobHistory = field(default_factory=JobHistory)
    details: Details = field(default_factory=dict)
    sizes: dict[Hashable, tuple[Size, ...]] = field(default_factory=dict)


def scope(site: Site) -> Hashable:
    """What `observe` depends on: sites for which this is equal show the same."""
    where = site.container
    group = site.landing_zone.resource_group_id.lower()
    machines = site.machines_site_id.lower()
    return str(where.vault).lower(), where.fabric.lower(), group, machines, site.experience


async def observe(connection: Connection, site: Site, memory: VaultMemory) -> Snapshot:
    """Read everything in paged lists: four calls for a vault, whatever its number of machines.

    Operations ReplicationProtectedItems_List, ReplicationJobs_List, VirtualMachines_List, and those
    of `Experience.sources`; and single reads of what they leave out and the memory lacks.

    The jobs are read first, so that the other lists show the effect of a job that has ended. In the
    first look of a process no job is followed yet, and the time at the service is known only after
    an answer, so they are read last.

    If the vault or its server is gone, the snapshot says so and contains what is left.

    Raises:
        MigrationError: Azure did not answer or refused, or something else than the vault and its
            server was not found.
    """
    client, where = connection.client, site.container.vault
    about = f"vault {where.vault}"
    try:
        with explained(about, passing=ResourceNotFoundError):
            if memory.jobs.known:
                await memory.jobs.look(client, where, connection.clock.now())
            listed = memory.jobs.jobs
            items, sources, machines = await asyncio.gather(
                list_items(client, where),
                _sources(client, site),
                _virtual_machines(client, site.landing_zone.resource_group_id),
            )
            items = await _completed(connection, site, memory, items)
            # What is learnt of a job after the lists were read must not be shown beside them.
            jobs = {**memory.jobs.jobs, **listed}
    except ResourceNotFoundError as error:
        gone = await _gone(connection, site)
        if gone is None:
            raise explain(error, about) from error
        return await _what_is_left(connection, site, gone, memory)
    now = connection.clock.now()
    odd = memory.jobs.unreadable
    return _snapshot(site.experience, items, sources, machines, jobs, odd, at=now)


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
    items = Items()
    if where is not None:
        with suppress(VaultGoneError):
            async with vault.inside(connection, where, f"vault {where.vault}"):
                items = await in_full(client, await list_items(client, where), {}, {})
    with explained("Azure"):
        machines = await _virtual_machines(client, resource_group_id or "")
    return _snapshot(experience_name, items, ((), ()), machines, at=connection.clock.now())


async def _completed(
    connection: Connection, site: Site, memory: VaultMemory, items: Items
) -> Items:
    """The items with all detail."""
    client, where, now = connection.client, site.container.vault, connection.clock.now()
    if not memory.jobs.known:
        await memory.jobs.look(client, where, now)
    tests = [item.last_test_failover for item in items.items if item.last_test_failover]
    if tests:
        # Whether a target changed after its test is told by the vault's jobs since then.
        await memory.jobs.reach(client, where, now, min(tests))
    provider = EXPERIENCES[site.experience].instance_type
    turn = connection.kept(Turn, "items")
    return await in_full(client, items, memory.jobs.jobs, memory.details, provider, turn)


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


async def _what_is_left(
    connection: Connection, site: Site, gone: Gone, memory: VaultMemory
) -> Snapshot:
    """Observe again, without what is gone."""
    client, where = connection.client, site.container.vault
    items = Items()
    jobs: Mapping[str, Job] = {}
    odd: Sequence[Unreadable] = ()
    with explained(f"vault {where.vault}"):
        if gone is not Gone.VAULT:
            items = await list_items(client, where)
            items = await _completed(connection, site, memory, items)
            jobs, odd = memory.jobs.jobs, memory.jobs.unreadable
        machines = await _virtual_machines(client, site.landing_zone.resource_group_id)
    return _snapshot(site.experience, items, ((), ()), machines, jobs, odd, gone)


def _snapshot(
    experience_name: ExperienceName,
    items: Items,
    sources: Sources,
    machines: _Machines,
    jobs: Mapping[str, Job] = MappingProxyType({}),
    odd_jobs: Sequence[Unreadable] = (),
    gone: Gone | None = None,
    at: datetime | None = None,
) -> Snapshot:
    return Snapshot(
        items=items.items,
        provider=EXPERIENCES[experience_name].instance_type,
        sources=sources[0],
        virtual_machines=machines[0],
        jobs=jobs,
        unreadable=(*items.unreadable, *sources[1], *machines[1], *odd_jobs),
        gone=gone,
        at=at,
    )


async def _sources(client: SiteRecoveryManagementClient, site: Site) -> Sources:
    kind = EXPERIENCES[site.experience]
    if not kind.discovers and not site.machines_site_id:
        return (), ()
    return await kind.sources(client, site)


async def virtual_machine_of(
    client: SiteRecoveryManagementClient, resource_group_id: str, name: str, instance_id: str
) -> VirtualMachine | None:
    """The virtual machine that an instance runs in, without the list of virtual machines.

    It is read by its name (VirtualMachines_Get of Microsoft.Compute). A machine that was migrated
    under another name, or whose read said 404 although it is there, is found by its tag: Resource
    Manager's own index of a group (Resources_ListByResourceGroup) names it, and it is read too. The
    index may still name a machine that was removed, so a second 404 is compared with
    VirtualMachines_List.

    Returns:
        The virtual machine; None if there is none.

    Raises:
        UnreadableError: it is not as the service documents it.
        AzureError: Azure did not answer, or refused.
    """
    path = f"{resource_group_id}/{_MACHINES}/{name}"
    with suppress(ResourceNotFoundError):
        return _virtual_machine(name, await call(client, "GET", url(path, _COMPUTE_API_VERSION)))
    wanted = f"tagName eq '{TAG_INSTANCE}' and tagValue eq '{instance_id}'"
    try:
        tagged = await list_url(
            client, url(f"{resource_group_id}/resources", _RESOURCES_API_VERSION, filter=wanted)
        )
    except ResourceNotFoundError as error:
        if _lacks_group(error):
            return None
        raise
    found_by_tag, _ = each(Kind.VIRTUAL_MACHINE, tagged, virtual_machine)
    paths = [vm.id for vm in found_by_tag if f"/{_MACHINES}/".lower() in vm.id.lower()]
    # That of a test failover may have the tag too.
    for path in sorted(paths, key=lambda path: path.endswith(TEST_VM_SUFFIX)):
        try:
            found = await call(client, "GET", url(path, _COMPUTE_API_VERSION))
        except ResourceNotFoundError:
            found = await entry(client, path, _COMPUTE_API_VERSION)
        if found is not None:
            return _virtual_machine(arm_ids.name(path), found)
    return None


def _virtual_machine(name: str, found: Any) -> VirtualMachine:
    return one(f"virtual machine {name}", found, virtual_machine)


async def _virtual_machines(
    client: SiteRecoveryManagementClient, resource_group_id: str
) -> _Machines:
    """VirtualMachines_List of Microsoft.Compute; none if the group certainly does not exist."""
    if not resource_group_id:
        return (), ()
    path = f"{resource_group_id}/{_MACHINES}"
    try:
        listed = await list_url(client, url(path, _COMPUTE_API_VERSION))
    except ResourceNotFoundError as error:
        if _lacks_group(error):
            return (), ()
        raise
    return each(Kind.VIRTUAL_MACHINE, listed, virtual_machine)


def _lacks_group(error: ResourceNotFoundError) -> bool:
    return error.error is not None and error.error.code == _NO_GROUP
