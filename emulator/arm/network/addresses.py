"""Address spaces: which prefixes Azure accepts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from emulator.kernel.wire import ArmError

# Azure reserves the first four addresses of a subnet and the last one.
RESERVED_AT_START = 4
_SHORTEST_PREFIX, _LONGEST_PREFIX = 2, 29
_KEPT = (
    "224.0.0.0/4",
    "255.255.255.255/32",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "168.63.129.16/32",
)


def parse_prefix(prefix: str, of: str) -> ipaddress.IPv4Network:
    """Parse a prefix in CIDR notation, with host bits of zero.

    Raises:
        ArmError: 400 `InvalidAddressPrefixFormat` or `InvalidCIDRNotation`.
    """
    try:
        loose = ipaddress.IPv4Network(prefix, strict=False)
        if "/" not in prefix:
            raise ValueError(prefix)
    except ValueError as error:
        raise ArmError(
            400,
            "InvalidAddressPrefixFormat",
            f"Address prefix {prefix} of resource {of} is not formatted correctly. It should "
            "follow CIDR notation, for example 10.0.0.0/24.",
        ) from error
    if str(loose) != prefix:
        raise ArmError(
            400,
            "InvalidCIDRNotation",
            f"The address prefix {prefix} in resource {of} has an invalid CIDR notation. For the "
            f"given prefix length, the address prefix should be {loose}.",
        )
    return loose


def _room(prefix: str, network: str) -> ipaddress.IPv4Network:
    """Parse a prefix of a virtual network, and refuse those that none may have.

    Source: "Azure Virtual Network frequently asked questions"; the code is [inferred].

    Raises:
        ArmError: 400.
    """
    space = parse_prefix(prefix, network)
    kept = any(space.overlaps(ipaddress.IPv4Network(taken)) for taken in _KEPT)
    if kept or not _SHORTEST_PREFIX <= space.prefixlen <= _LONGEST_PREFIX:
        raise ArmError(
            400,
            "AddressPrefixNotAllowed",
            f"The address prefix {prefix} of resource {network} is not allowed.",
        )
    return space


def check_subnets(
    network: str, spaces: Iterable[str], subnets: Iterable[tuple[str, Iterable[str]]]
) -> None:
    """Refuse subnets that are outside the network's space or overlap.

    Args:
        network: the virtual network's id.
        spaces: its address prefixes.
        subnets: the name and prefixes of each subnet.

    Raises:
        ArmError: 400 `AddressPrefixNotAllowed`, `NetcfgInvalidSubnet` or `NetcfgSubnetRangesOverlap`.
    """
    room = [_room(space, network) for space in spaces]
    name = network.rpartition("/")[2]
    taken: list[ipaddress.IPv4Network] = []
    for subnet, prefixes in subnets:
        for prefix in prefixes:
            block = parse_prefix(prefix, f"{network}/subnets/{subnet}")
            inside = any(block.subnet_of(space) for space in room)
            if not inside or block.prefixlen > _LONGEST_PREFIX:
                raise ArmError(
                    400,
                    "NetcfgInvalidSubnet",
                    f"Subnet '{subnet}' is not valid in virtual network '{name}'.",
                )
            if any(block.overlaps(other) for other in taken):
                raise ArmError(
                    400,
                    "NetcfgSubnetRangesOverlap",
                    f"Subnet '{subnet}' is not valid because its IP address range overlaps with "
                    f"that of an existing subnet in virtual network '{name}'.",
                )
            taken.append(block)
