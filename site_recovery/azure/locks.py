"""Reading management locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from site_recovery.azure.rest import list_url, url
from site_recovery.locks import Lock

if TYPE_CHECKING:
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

_API_VERSION = "2020-05-01"


async def holding(client: SiteRecoveryManagementClient, scope: str) -> list[Lock]:
    """The locks at a scope and above it (ManagementLocks_ListByScope).

    Args:
        client: the client of any subscription.
        scope: the id of a resource, a group or a subscription.

    Raises:
        AzureError: Azure did not answer, or refused.
    """
    path = f"{scope.strip()}/providers/Microsoft.Authorization/locks"
    found = await list_url(client, url(path, _API_VERSION, filter="atScope()"))
    return [_lock(each) for each in found if isinstance(each, dict) and each.get("name")]


def _lock(listed: dict[str, Any]) -> Lock:
    identifier = str(listed.get("id"))
    level = str((listed.get("properties") or {}).get("level"))
    return Lock(identifier, str(listed["name"]), level, identifier.rsplit("/providers/", 1)[0])
