"""Machines that a vault knows and that can be protected, in one shape for both experiences."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_HYPHENS = re.compile(r"[^0-9a-f]")


@dataclass(frozen=True)
class Source:
    """A protectable item of a container, or a machine of an appliance's site.

    Attributes:
        id: its ARM id, which enabling protection refers to.
        name: the name under which the service shows it.
        addresses: its private IP addresses.
        bios_id: its BIOS id; empty if the service does not show it.
        item_id: the protected item that replicates it; None if the service does not show it.
    """

    id: str
    name: str
    addresses: tuple[str, ...]
    bios_id: str = ""
    item_id: str | None = None


@dataclass(frozen=True)
class SourceDisk:
    """A disk of a machine that can be protected.

    Attributes:
        id: by which a request names it.
        size_gib: its size; None if the service does not show it.
    """

    id: str
    size_gib: int | None = None


def of_ec2(bios_id: str) -> bool:
    """Whether a BIOS id belongs to an EC2 instance, in either byte order.

    Source: "Identify EC2 instances" (Amazon EC2 user guide). The id begins with EC2. If its first
    field is little-endian, the same bytes are in reverse order (45E12AEC for EC2AE145).
    """
    digits = _digits(bios_id)
    return digits.startswith("ec2") or (len(digits) == 32 and _swapped(digits).startswith("ec2"))


def same_bios(left: str, right: str) -> bool:
    """Whether two BIOS ids are the same, in either byte order and notation."""
    one, other = _digits(left), _digits(right)
    return bool(one) and (one == other or (len(one) == 32 and _swapped(one) == other))


def at(address: str, sources: Iterable[Source], bios_id: str = "") -> tuple[Source, ...]:
    """The sources that may be the machine with a private address.

    Args:
        address: the machine's private IP address. An empty one matches no source.
        sources: all known sources.
        bios_id: the machine's own BIOS id; empty if unknown. It distinguishes sources that have
            the same address.
    """
    found = tuple(source for source in sources if address and address in source.addresses)
    if bios_id:
        exact = tuple(source for source in found if same_bios(source.bios_id, bios_id))
        return exact or tuple(source for source in found if not source.bios_id)
    return found


def _digits(bios_id: str) -> str:
    return _HYPHENS.sub("", bios_id.lower())


def _swapped(digits: str) -> str:
    """A UUID with the bytes of its first three fields reversed (RFC 4122 versus SMBIOS)."""
    fields = (digits[:8], digits[8:12], digits[12:16])
    turned = ("".join(reversed([f[i : i + 2] for i in range(0, len(f), 2)])) for f in fields)
    return "".join(turned) + digits[16:]
