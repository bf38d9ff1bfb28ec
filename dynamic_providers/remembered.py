"""What was recorded of a machine holds only while the machine is the same EC2 instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

_T = TypeVar("_T")


def of_same_instances(
    recorded: Mapping[str, _T], before: Mapping[str, str], now: Mapping[str, str]
) -> dict[str, _T]:
    """Keep what was recorded of the machines that are the same instances as then.

    Args:
        recorded: what was recorded, by machine.
        before: instance id by machine, at that time.
        now: instance id by machine, now.
    """
    return {
        name: value
        for name, value in recorded.items()
        if name in now and before.get(name) == now[name]
    }
