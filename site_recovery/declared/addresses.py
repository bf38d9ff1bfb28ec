"""IPv4 addresses and networks in the config. They stay text, because Azure and AWS use text."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated

from pydantic import AfterValidator, Field

from site_recovery.declared.model import Model, broken, defaults_to
from site_recovery.declared.wording import said

LARGEST_PREFIX = 2
SMALLEST_PREFIX = 29
"""Azure keeps five addresses of every subnet, so /29 is the smallest subnet that it accepts."""


_KEPT_BY_AZURE = {
    "224.0.0.0/4": "multicast",
    "255.255.255.255/32": "broadcast",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "168.63.129.16/32": "internal DNS",
}
"""Ranges that no virtual network may have ("Azure Virtual Network frequently asked questions")."""


def _network(value: str) -> str:
    try:
        network = IPv4Network(value)
    except ValueError as error:
        raise broken(
            f"{said(value)} is not an IPv4 network ({error})", "Write it like 10.20.0.0/16"
        ) from None
    if str(network) != value or not LARGEST_PREFIX <= network.prefixlen <= SMALLEST_PREFIX:
        raise broken(
            f"{said(value)} is not a network that Azure accepts",
            f"Write it like 10.20.0.0/16, between /{LARGEST_PREFIX} and /{SMALLEST_PREFIX}",
        )
    for kept, what in _KEPT_BY_AZURE.items():
        if network.overlaps(IPv4Network(kept)):
            raise broken(
                f"{said(value)} has addresses of {kept} in it, which Azure keeps ({what})",
                "Take another range, such as 10.20.0.0/16",
            )
    return value


def _address(value: str) -> str:
    try:
        address = IPv4Address(value)
    except ValueError:
        raise broken(f"{said(value)} is not an IPv4 address", "Write it like 10.10.2.10") from None
    kept = _KEPT_BY_AZURE | {"0.0.0.0/8": "no host", "240.0.0.0/4": "reserved"}
    for network, what in kept.items():
        if address in IPv4Network(network):
            raise broken(
                f"{said(value)} is an address that no machine can have ({what})",
                "Take one of its subnet",
            )
    return value


DYNAMIC_ADDRESS = "dynamic"
"""Instead of an address: Azure chooses it, even if somebody has set one."""


def _address_or_dynamic(value: str) -> str:
    return value if value == DYNAMIC_ADDRESS else _address(value)


NetworkPrefix = Annotated[
    str,
    AfterValidator(_network),
    Field(title=f"IPv4 network, `/{LARGEST_PREFIX}` to `/{SMALLEST_PREFIX}`"),
]
Address = Annotated[str, AfterValidator(_address), Field(title="IPv4 address")]
AzureAddress = Annotated[
    str,
    AfterValidator(_address_or_dynamic),
    Field(title=f"IPv4 address, or `{DYNAMIC_ADDRESS}`"),
]


class InterfaceAddresses(Model):
    """The addresses that the config gives one network interface in Azure."""

    private_ip: AzureAddress | None = Field(
        default=None,
        description="Static address of the network interface, in its subnet, and not one of the "
        "five that Azure keeps. It is set after replication is enabled and before the machine "
        "counts as `protected`. To take it back, write `dynamic`.",
        json_schema_extra=defaults_to("chosen by Azure"),
    )
    test_private_ip: AzureAddress | None = Field(
        default=None,
        description="The same for its test failovers, in its subnet of the test network.",
        json_schema_extra=defaults_to("chosen by Azure"),
    )

    @property
    def static_ip(self) -> str | None:
        """The address that it names; empty if Azure shall choose; None if the config does not say."""
        return _given(self.private_ip)

    @property
    def static_test_ip(self) -> str | None:
        """The same for test failovers."""
        return _given(self.test_private_ip)


def _given(value: str | None) -> str | None:
    return "" if value == DYNAMIC_ADDRESS else value


def overlap(left: str, right: str) -> bool:
    """Whether two valid networks overlap."""
    return IPv4Network(left).overlaps(IPv4Network(right))


def inside(inner: str, outer: str) -> bool:
    """Whether a valid network is a subnet of another."""
    return IPv4Network(inner).subnet_of(IPv4Network(outer))


def usable(address: str, network: str) -> bool:
    """Whether a machine can have an address in a subnet.

    Both clouds keep the first four addresses and the last one of each subnet.

    Sources: "Azure Virtual Network frequently asked questions" (Microsoft Learn), "Subnet CIDR
    blocks" (Amazon VPC).
    """
    subnet = IPv4Network(network)
    position = int(IPv4Address(address)) - int(subnet.network_address)
    return 4 <= position < subnet.num_addresses - 1
