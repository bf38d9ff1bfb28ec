"""Reading virtual networks: what is in their subnets, and which addresses are free."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from site_recovery import arm_ids
from site_recovery.azure.answers import networks
from site_recovery.azure.answers.reading import one
from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explain, explained
from site_recovery.azure.item_reads import READS_AT_ONCE
from site_recovery.azure.listed import entry
from site_recovery.azure.rest import call, url
from site_recovery.subnets import Network

if TYPE_CHECKING:
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

_API_VERSION = "2024-05-01"
_WITH_ADDRESSES = "subnets/ipConfigurations"


async def read(connection: Connection, wanted: Mapping[str, Collection[str]]) -> dict[str, Network]:
    """The networks with these ids that exist, by id.

    Operations VirtualNetworks_Get and VirtualNetworks_CheckIPAddressAvailability of
    Microsoft.Network. The second one knows users that are no IP configuration of a subnet.

    Args:
        connection: to any subscription.
        wanted: the ids, each with the addresses to ask about.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    found = await asyncio.gather(
        *(_network(connection.client, each, addresses) for each, addresses in wanted.items())
    )
    return {asked: network for asked, network in zip(wanted, found, strict=True) if network}


async def _network(
    client: SiteRecoveryManagementClient, network_id: str, addresses: Collection[str]
) -> Network | None:
    about = f"virtual network {arm_ids.name(network_id)}"
    try:
        with explained(about, passing=ResourceNotFoundError):
            answer = await call(
                client, "GET", url(network_id, _API_VERSION, expand=_WITH_ADDRESSES)
            )
    except ResourceNotFoundError as error:
        with explained(about):
            listed = await entry(client, network_id, _API_VERSION)
        if listed is not None:
            # A single 404 for a network that is there would end the way of a machine.
            raise explain(error, about) from error
        return None
    with explained(about):
        network = one(about, answer, networks.network)
        slots = asyncio.Semaphore(READS_AT_ONCE)

        async def refused(address: str) -> bool:
            path = f"{network_id}/CheckIPAddressAvailability"
            async with slots:
                try:
                    said = await call(client, "GET", url(path, _API_VERSION, ipAddress=address))
                except HttpResponseError as error:
                    if error.status_code != _BAD_REQUEST:
                        raise
                    # It is in no subnet, which the prefixes of the subnets tell better.
                    return False
            return not one(about, said, networks.available)

        asked = sorted(addresses)
        answers = await asyncio.gather(*map(refused, asked))
    return replace(
        network,
        unavailable=frozenset(a for a, taken in zip(asked, answers, strict=True) if taken),
    )


_BAD_REQUEST = 400
