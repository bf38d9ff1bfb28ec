"""Virtual networks of Azure: the addresses of their subnets, and what holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from site_recovery.declared.addresses import usable

_KEPT_AT_START, _KEPT_AT_END = 4, 1
"""Addresses that Azure keeps of each prefix ("Azure Virtual Network frequently asked questions")."""


@dataclass(frozen=True)
class Holder:
    """An IP configuration in a subnet.

    Attributes:
        resource_id: what it belongs to, such as a network interface.
        address: its address; None if Azure does not show it.
    """

    resource_id: str
    address: str | None


@dataclass(frozen=True)
class Subnet:
    """A subnet with what is in it."""

    name: str
    prefixes: tuple[str, ...]
    holders: tuple[Holder, ...] = ()

    def takes(self, address: str) -> bool:
        """Whether an address is in the subnet and none of those that Azure keeps."""
        return any(usable(address, prefix) for prefix in self._ranges)

    def holder(self, address: str, released: Collection[str] = ()) -> str | None:
        """The id of the resource that holds an address, or None.

        Args:
            address: the address.
            released: ids of resources, in lower case, that will be gone.
        """
        for each in self.holders:
            if each.address == address and each.resource_id.lower() not in released:
                return each.resource_id
        return None

    def room(self, released: Collection[str] = ()) -> int:
        """How many addresses are free. `released` is as for `holder`."""
        networks = map(IPv4Network, self._ranges)
        all_of_them = sum(each.num_addresses - _KEPT_AT_START - _KEPT_AT_END for each in networks)
        held = [each for each in self.holders if each.resource_id.lower() not in released]
        return max(0, all_of_them - len(held))

    def free(self, released: Collection[str] = ()) -> Iterator[str]:
        """The free addresses in the order in which Azure gives them, as far as holders show theirs.

        "Private IP addresses" (Microsoft Learn): Azure gives the next available one of the range.
        """
        held = {each.address for each in self.holders if each.resource_id.lower() not in released}
        for prefix in self._ranges:
            block = IPv4Network(prefix)
            first, last = int(block[0]) + _KEPT_AT_START, int(block[-1]) - _KEPT_AT_END
            for number in range(first, last + 1):
                if (address := str(IPv4Address(number))) not in held:
                    yield address

    @property
    def _ranges(self) -> list[str]:
        """Its IPv4 prefixes. A subnet may have one of IPv6 beside them."""
        return [prefix for prefix in self.prefixes if ":" not in prefix]


@dataclass(frozen=True)
class Network:
    """A virtual network.

    Attributes:
        resource_id: its ARM id.
        subnets: its subnets, in the order of the service.
        unavailable: addresses, of those asked about, that Azure says it would not give.
    """

    resource_id: str
    subnets: tuple[Subnet, ...] = ()
    unavailable: frozenset[str] = field(default_factory=frozenset)

    def subnet(self, name: str | None) -> Subnet | None:
        """The subnet of a name, or None. Azure ignores the case of names."""
        wanted = (name or "").lower()
        return next((each for each in self.subnets if each.name.lower() == wanted), None)
