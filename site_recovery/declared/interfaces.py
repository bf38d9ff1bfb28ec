"""The further network interfaces of a machine: what the config declares, and what EC2 says of them.

A machine's first interface is part of its target itself, because every machine has it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from site_recovery.declared.addresses import InterfaceAddresses
from site_recovery.declared.model import Model, defaults_to, rule
from site_recovery.declared.names import SubnetName

_INDEX = re.compile(r"\d{1,2}")
_ID = re.compile(r"eni-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}")

InterfaceKey = Annotated[
    str,
    rule(
        lambda value: any(known.fullmatch(value) for known in (_INDEX, _ID, _MAC)),
        "{value} names no network interface",
        'Write its device index in EC2, such as "1", its id (eni-…) or its MAC address',
    ),
    Field(title="device index, `eni-…` or MAC address"),
]


class InterfaceSpec(InterfaceAddresses):
    """What becomes of one further interface."""

    subnet: SubnetName | None = Field(
        default=None,
        description="Its subnet of the production network.",
        json_schema_extra=defaults_to("that of the first interface"),
    )
    test_subnet: SubnetName | None = Field(
        default=None,
        description="Its subnet of the test network. A subnet other than "
        "`target.testNetwork.subnet.name` needs an adopted network.",
        json_schema_extra=defaults_to("that of the first interface"),
    )
    leave_out: bool = Field(
        default=False,
        description="`true`: the virtual machine does not get it. An interface that the config "
        "does not name is taken along, unless somebody left it out in the vault.",
    )


class SourceInterface(Model):
    """An interface of an instance, as EC2 shows it.

    Attributes:
        index: its device index; 0 is the first interface.
        mac: its MAC address, by which Site Recovery knows it.
        address: its private address; empty if it has none of IPv4.
    """

    index: int
    id: str
    mac: str = ""
    address: str = ""

    def is_named(self, key: str) -> bool:
        """Whether a key of the config means it."""
        if _INDEX.fullmatch(key):
            return int(key) == self.index
        return key == self.id or same_mac(key, self.mac)


def named(key: str, interfaces: Sequence[SourceInterface]) -> SourceInterface | None:
    """The interface that a key of the config means, or None."""
    return next((each for each in interfaces if each.is_named(key)), None)


def same_mac(one: str, other: str) -> bool:
    """Whether two MAC addresses are the same, however they are written."""
    plain = [re.sub(r"[^0-9a-f]", "", each.lower()) for each in (one, other)]
    return bool(plain[0]) and plain[0] == plain[1]
