"""Protected items: all of a vault, one by itself, and what lists leave out of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, MutableMapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from azure.core.exceptions import ResourceNotFoundError

from site_recovery.arm_ids import VaultId
from site_recovery.azure.answers.items import protected_item
from site_recovery.azure.answers.reading import UnreadableError, each, one
from site_recovery.azure.connection import Connection
from site_recovery.azure.rest import call, list_url, url
from site_recovery.azure.vault import inside, is_gone
from site_recovery.errors import VaultGoneError
from site_recovery.jobs import Job
from site_recovery.snapshot import Kind, ProtectedItem, Unreadable

if TYPE_CHECKING:
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

READS_AT_ONCE = 40
"""Single reads under way at a time."""


class Turn(asyncio.Lock):
    """The turn of one vault to read its items one by one, of all vaults of a subscription.

    They share one limit on reads. If the reads of all vaults took turns, the machines of each would
    wait for the items of all; so the first vault goes on while the next one reads.
    """


Details: TypeAlias = MutableMapping[str, tuple[object, ProtectedItem]]
"""Items that were read by themselves, by their ids in lower case; each with the version of the
item when it was read."""


@dataclass(frozen=True)
class Items:
    """Protected items, and those that cannot be read."""

    items: tuple[ProtectedItem, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


async def list_items(client: SiteRecoveryManagementClient, vault: VaultId) -> Items:
    """The items of a vault (ReplicationProtectedItems_List); details may be left out.

    Raises:
        AzureError: Azure did not answer, or refused.
    """
    listed = await list_url(client, url(f"{vault}/replicationProtectedItems"))
    return Items(*each(Kind.ITEM, listed, protected_item))


async def machines_in(connection: Connection, where: VaultId) -> list[str]:
    """The names of the machines that have an item in a vault; none if the vault is gone.

    Operation ReplicationProtectedItems_List.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    try:
        async with inside(connection, where, f"vault {where.vault}"):
            listed = await list_items(connection.client, where)
    except VaultGoneError:
        return []
    names = {item.friendly_name or item.name for item in listed.items}
    return sorted({*names, *(odd.name for odd in listed.unreadable)})


async def read_item(
    client: SiteRecoveryManagementClient, item_id: str, *, patient: bool = False
) -> ProtectedItem:
    """One item (ReplicationProtectedItems_Get).

    Args:
        client: the client of the vault's subscription.
        item_id: the ARM id of the item.
        patient: whether others go first while the limits of Resource Manager make it wait.

    Raises:
        UnreadableError: it is not as the service documents it.
        AzureError: Azure did not answer, refused, or the item is not there.
    """
    found = await call(client, "GET", url(item_id), patient=patient)
    return replace(one("its replicated item", found, protected_item), complete=True)


async def in_full(
    client: SiteRecoveryManagementClient,
    listed: Items,
    jobs: Mapping[str, Job],
    known: Details,
    provider: str = "",
    turn: asyncio.Lock | None = None,
) -> Items:
    """Items from a list with all detail; those that it cut short are read one by one.

    An item is read once, and again after any job on it: nothing else changes the details that
    lists leave out. While the job runs, what was read before serves, because the machine waits. If
    a list leaves out the disks alone, once is enough, because no job changes them. An item that
    was removed since the list was read is left out.

    Args:
        client: the client of the vault's subscription.
        listed: the items.
        jobs: the vault's jobs.
        known: what was read before; what is read now is added, and what is listed no more removed.
        provider: the replication provider whose items are completed; all if empty.
        turn: of this vault, if others share the limit on reads.

    Raises:
        AzureError: Azure did not answer, refused, or the vault itself is not there.
    """
    slots = asyncio.Semaphore(READS_AT_ONCE)
    jobs_of: dict[str, list[tuple[str, str]]] = {}
    for job in jobs.values():
        jobs_of.setdefault(job.target.lower(), []).append((job.name, job.state))

    def version(item: ProtectedItem) -> object:
        about = frozenset(jobs_of.get(item.friendly_name.lower(), ()))
        return item.protection_state, item.scenario_job, about

    def remembered(item: ProtectedItem) -> ProtectedItem | None:
        before = known.get(item.id.lower())
        if before is None:
            return None
        read, runs = before[1], jobs.get(item.scenario_job or "")
        only_disks = item.complete and bool(read.target.disks)
        same = only_disks or before[0] == version(item) or (runs is not None and runs.running)
        return read if same else None

    def is_whole(item: ProtectedItem) -> bool:
        return (item.complete and bool(item.target.disks)) or provider not in ("", item.provider)

    async def one_in_full(item: ProtectedItem) -> ProtectedItem | Unreadable | None:
        if is_whole(item):
            return item
        read = remembered(item)
        if read is None:
            try:
                async with slots:
                    # Of those that are ready some already wait to ask for their next step.
                    read = await read_item(client, item.id, patient=True)
            except UnreadableError as error:
                return Unreadable(Kind.ITEM, item.name, error.what, _marks(item))
            except ResourceNotFoundError as error:
                if is_gone(error):
                    raise
                # Another run or wave removed it after the list was read.
                return None
            known[item.id.lower()] = version(item), read
        if item.complete:
            return replace(item, target=replace(item.target, disks=read.target.disks))
        return replace(item, tags=read.tags, target=read.target, complete=True)

    for gone in known.keys() - {item.id.lower() for item in listed.items}:
        del known[gone]
    lacks = any(not is_whole(item) and remembered(item) is None for item in listed.items)
    async with turn if turn is not None and lacks else nullcontext():
        found = await asyncio.gather(*map(one_in_full, listed.items))
    return Items(
        tuple(item for item in found if isinstance(item, ProtectedItem)),
        (*listed.unreadable, *(odd for odd in found if isinstance(odd, Unreadable))),
    )


def _marks(item: ProtectedItem) -> frozenset[str]:
    texts = (item.id, item.name, item.friendly_name, item.source_id, *item.tags.values())
    return frozenset(text.lower() for text in texts if text)
