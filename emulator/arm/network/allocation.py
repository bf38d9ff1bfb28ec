"""Which addresses of a subnet are in use, and the next one that an interface gets.

Sources: "Private IP addresses" (Microsoft Learn): Azure gives the next available address, and keeps
the first four and the last one of a prefix. Public reports name the codes and texts of refusals.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from emulator.arm.network.addresses import RESERVED_AT_START
from emulator.arm.network.subnets import configurations, prefixes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World


def free(world: World, subnet: Document) -> Iterator[str]:
    """The addresses of a subnet that an interface can have, the lowest first."""
    used = holders(world, subnet)
    for prefix in prefixes(subnet):
        block = ipaddress.IPv4Network(prefix)
        for place in range(RESERVED_AT_START, block.num_addresses - 1):
            if (address := str(block[place])) not in used:
                yield address


def holders(world: World, subnet: Document) -> dict[str, str]:
    """The ids of the IP configurations in a subnet, by their addresses."""
    return {
        address: configuration["id"]
        for configuration in configurations(world, subnet["id"])
        if (address := configuration["properties"].get("privateIPAddress"))
    }


def allocate(world: World, subnet: Document, asked: str | None, user: str) -> str:
    """The address of a new IP configuration.

    Args:
        world: the world.
        subnet: where it is.
        asked: the address that it asks for; None for the lowest free one.
        user: the id of the configuration.

    Raises:
        ArmError: 400 `SubnetIsFull`, `PrivateIPAddressNotInSubnet`,
            `PrivateIPAddressInReservedRange` or `PrivateIPAddressIsAllocated`.
    """
    ranges = prefixes(subnet)
    if asked is None:
        lowest = next(free(world, subnet), None)
        if lowest is not None:
            return lowest
        raise ArmError(
            400,
            "SubnetIsFull",
            f"Subnet {subnet['name']} with address prefix {', '.join(ranges)} does not have enough "
            "capacity for 1 IP addresses.",
        )
    address = ipaddress.IPv4Address(asked)
    around = [each for each in ranges if address in ipaddress.IPv4Network(each)]
    if not around:
        raise ArmError(
            400,
            "PrivateIPAddressNotInSubnet",
            f"Private static IP address {asked} does not belong to the range of subnet prefix "
            f"{', '.join(ranges)}.",
        )
    if reserved(around[0], address):
        raise ArmError(
            400,
            "PrivateIPAddressInReservedRange",
            f"Private static IP address {asked} falls within reserved IP range of subnet prefix "
            f"{around[0]}.",
        )
    holder = holders(world, subnet).get(asked)
    if holder is not None and holder.lower() != user.lower():
        raise ArmError(
            400,
            "PrivateIPAddressIsAllocated",
            f"IP configuration {user} is using the private IP address {asked} which is already "
            f"allocated to resource {holder}.",
        )
    return asked


def reserved(prefix: str, address: ipaddress.IPv4Address) -> bool:
    """Whether Azure keeps an address of a prefix for itself."""
    block = ipaddress.IPv4Network(prefix)
    return not RESERVED_AT_START <= int(address) - int(block[0]) < block.num_addresses - 1
