"""Single reads of protected items: lists can leave out interfaces and tags."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

from site_recovery import arm_ids
from site_recovery.arm_ids import ContainerId
from site_recovery.azure.items import protected_item
from site_recovery.azure.vault import is_gone
from site_recovery.snapshot import ProtectedItem

READS_AT_ONCE = 10
"""Single reads under way at a time."""


async def read_item(client: SiteRecoveryManagementClient, item_id: str) -> Mapping[str, Any]:
    """The wire object of one item (ReplicationProtectedItems_Get).

    Raises:
        AzureError: Azure did not answer, refused, or the item is not there.
    """
    where = ContainerId.parse(item_id)
    found = await client.replication_protected_items.get(
        where.vault.resource_group,
        where.vault.vault,
        where.fabric,
        where.container,
        arm_ids.name(item_id),
    )
    return found.as_dict()


async def read_listed(
    client: SiteRecoveryManagementClient, item: ProtectedItem
) -> ProtectedItem | None:
    """An item from a list, read by itself; None if it was removed since.

    Raises:
        AzureError: Azure did not answer, refused, or the vault itself is not there.
    """
    try:
        return protected_item(await read_item(client, item.id))
    except ResourceNotFoundError as error:
        if is_gone(error):
            raise
        return None


async def in_full(
    client: SiteRecoveryManagementClient, items: Iterable[ProtectedItem]
) -> list[ProtectedItem]:
    """Items from a list; those that it cut short are read one by one.

    An item that was removed since is left out.

    Raises:
        AzureError: Azure did not answer, or refused.
    """
    slots = asyncio.Semaphore(READS_AT_ONCE)

    async def one(item: ProtectedItem) -> ProtectedItem | None:
        if item.complete:
            return item
        async with slots:
            return await read_listed(client, item)

    return [item for item in await asyncio.gather(*map(one, items)) if item is not None]
