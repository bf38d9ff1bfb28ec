"""IPv4 addresses and networks in the config. They stay text: Azure and AWS take text."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated

from pydantic import AfterValidator, Field

from site_recovery.declared.model import broken

SMALLEST_PREFIX = 29
"""Azure keeps five addresses of every subnet, so /29 is the smallest that it takes."""


def _network(value: str) -> str:
    try:
        network = IPv4Network(value)
    except ValueError as error:
        raise broken(
            f"{value!r} is no IPv4 network ({error})", "Write it like 10.20.0.0/16"
        ) from None
    if "/" not in value or not 8 <= network.prefixlen <= SMALLEST_PREFIX:
        raise broken(
            f"{value!r} is no network that Azure takes",
            f"Write it like 10.20.0.0/16, between /8 and /{SMALLEST_PREFIX}",
        )
    return value


def _address(value: str) -> str:
    try:
        IPv4Address(value)
    except ValueError:
        raise broken(f"{value!r} is no IPv4 address", "Write it like 10.10.2.10") from None
    return value


NetworkPrefix = Annotated[
    str, AfterValidator(_network), Field(title=f"IPv4 network, `/8` to `/{SMALLEST_PREFIX}`")
]
Address = Annotated[str, AfterValidator(_address), Field(title="IPv4 address")]


def overlap(left: str, right: str) -> bool:
    """Whether two valid networks share addresses."""
    return IPv4Network(left).overlaps(IPv4Network(right))


def inside(inner: str, outer: str) -> bool:
    """Whether a valid network lies wholly in another."""
    return IPv4Network(inner).subnet_of(IPv4Network(outer))


def usable(address: str, network: str) -> bool:
    """Whether a machine can have an address in a subnet: both clouds keep the first four and the
    last of each.

    Sources: "Azure Virtual Network frequently asked questions" (Microsoft Learn), "Subnet CIDR
    blocks" (Amazon VPC).
    """
    subnet = IPv4Network(network)
    position = int(IPv4Address(address)) - int(subnet.network_address)
    return 4 <= position < subnet.num_addresses - 1
