"""What the name of an Azure virtual machine size says.

Source: "Azure virtual machine sizes naming conventions" (Microsoft Learn).
"""

from __future__ import annotations

import re

_NAME = re.compile(r"(?:standard|basic)_(?P<family>[a-z]+)\d+(?:-\d+)?(?P<features>[a-z]*)")
_PREMIUM_FAMILIES = ("ds", "gs")
"""Families of the first versions, whose `s` stands before the number."""


def _parts(size: str) -> tuple[str, str] | None:
    match = _NAME.match(size.lower())
    return (match["family"], match["features"]) if match else None


def is_arm(size: str) -> bool:
    """Whether the size has Arm processors: the feature `p`."""
    parts = _parts(size)
    return parts is not None and "p" in parts[1]


def takes_premium(size: str) -> bool:
    """Whether the size takes premium disks: the feature `s`. True if the name does not say it."""
    parts = _parts(size)
    return parts is None or "s" in parts[1] or parts[0] in _PREMIUM_FAMILIES
