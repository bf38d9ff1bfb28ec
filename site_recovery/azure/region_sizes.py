"""Reading the sizes of virtual machines that a subscription can have in a region."""

from __future__ import annotations

from site_recovery.azure.answers import region_sizes
from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explained
from site_recovery.azure.rest import list_url, url
from site_recovery.convergence.region_sizes import RegionSize

_API_VERSION = "2021-07-01"


async def read(connection: Connection, subscription: str, location: str) -> dict[str, RegionSize]:
    """The sizes of a region by their names in lower case. Operation ResourceSkus_List.

    Args:
        connection: to the subscription.
        subscription: its id.
        location: the region.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    with explained(f"the sizes of virtual machines in {location}"):
        path = f"/subscriptions/{subscription}/providers/Microsoft.Compute/skus"
        listed = await list_url(
            connection.client, url(path, _API_VERSION, filter=f"location eq '{location}'")
        )
    sizes = filter(None, map(region_sizes.region_size, listed))
    return {each.size.name.lower(): each for each in sizes}
