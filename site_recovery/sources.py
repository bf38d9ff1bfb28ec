"""Machines as a vault knows them before they are protected, in one shape for both experiences."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_HYPHENS = re.compile(r"[^0-9a-f]")


@dataclass(frozen=True)
class Source:
    """A protectable item of a container, or a machine of an appliance's site.

    Attributes:
        id: by which protection is enabled.
        name: as the service shows it.
        addresses: its private IP addresses.
        bios_id: its BIOS id, where the service tells.
        item_id: the protected item that replicates it, where the service tells.
    """

    id: str
    name: str
    addresses: tuple[str, ...]
    bios_id: str = ""
    item_id: str | None = None


def of_ec2(bios_id: str) -> bool:
    """Whether a BIOS id is one of an EC2 instance, in either byte order.

    Source: "Identify EC2 instances" (Amazon EC2 user guide): the id begins with EC2; where its
    first field is little-endian the same bytes stand the other way round (45E12AEC for EC2AE145).
    """
    digits = _digits(bios_id)
    return digits.startswith("ec2") or (len(digits) == 32 and _swapped(digits).startswith("ec2"))


def same_bios(left: str, right: str) -> bool:
    """Whether two BIOS ids are one, in either byte order and notation."""
    one, other = _digits(left), _digits(right)
    return bool(one) and (one == other or (len(one) == 32 and _swapped(one) == other))


def at(address: str, sources: Iterable[Source], bios_id: str = "") -> tuple[Source, ...]:
    """The sources that may be the machine of a private address.

    Args:
        address: the machine's private IP address; none is at an empty one.
        sources: all that are known.
        bios_id: the machine's own BIOS id where it is known, which tells sources apart that
            claim one address.
    """
    found = tuple(source for source in sources if address and address in source.addresses)
    if bios_id:
        exact = tuple(source for source in found if same_bios(source.bios_id, bios_id))
        return exact or tuple(source for source in found if not source.bios_id)
    return found


def _digits(bios_id: str) -> str:
    return _HYPHENS.sub("", bios_id.lower())


def _swapped(digits: str) -> str:
    """A UUID's first three fields with their bytes reversed (RFC 4122 against SMBIOS)."""
    fields = (digits[:8], digits[8:12], digits[12:16])
    turned = ("".join(reversed([f[i : i + 2] for i in range(0, len(f), 2)])) for f in fields)
    return "".join(turned) + digits[16:]
