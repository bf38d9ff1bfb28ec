"""Keeps records about machines only as long as they are the same EC2 instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

_T = TypeVar("_T")


def of_same_instances(
    recorded: Mapping[str, _T], before: Mapping[str, str], now: Mapping[str, str]
) -> dict[str, _T]:
    """Keep the records of machines that are still the same instances.

    Args:
        recorded: the records, by machine.
        before: instance id by machine, at that time.
        now: instance id by machine, now.
    """
    return {
        name: value
        for name, value in recorded.items()
        if name in now and before.get(name) == now[name]
    }
