"""Whether the list of its parent shows a resource whose own read said 404.

Resource Manager sometimes answers 404 for a resource that is there, for instance while another of
its regions does not know it yet. Who acts on that makes a thing again, or forgets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ResourceNotFoundError

from site_recovery import arm_ids
from site_recovery.azure.rest import list_url, url

if TYPE_CHECKING:
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient


async def entry(
    client: SiteRecoveryManagementClient, resource_id: str, api_version: str
) -> Mapping[str, Any] | None:
    """The entry of a resource in the list of its parent.

    Args:
        client: to send requests with.
        resource_id: the ARM id of the resource.
        api_version: the version of the API of its provider.

    Returns:
        The entry as it was sent; None if the list does not show the resource, or there is no list
        because the parent does not exist either.

    Raises:
        AzureError: Azure did not answer, or refused.
    """
    try:
        listed = await list_url(client, url(resource_id.rpartition("/")[0], api_version))
    except ResourceNotFoundError:
        return None
    name = arm_ids.name(resource_id).lower()
    for each in listed:
        if isinstance(each, dict) and str(each.get("name")).lower() == name:
            return each
    return None
