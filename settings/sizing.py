"""How large a configuration server must be for a fleet.

Source: "Configuration server requirements for disaster recovery of physical servers to Azure"
(Microsoft Learn; sizing by protected machines), and Amazon EC2's instance type pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MACHINES_MAX = 200
"""Machines that one configuration server serves."""


@dataclass(frozen=True)
class Size:
    """A row of the sizing table. The page's GB are taken as GiB, which is on the safe side."""

    machines_max: int
    vcpus: int
    memory_gib: int
    cache_gib: int


_TABLE = (Size(99, 8, 16, 300), Size(150, 12, 18, 600), Size(MACHINES_MAX, 16, 32, 1000))

_INSTANCE_TYPES = {
    "c4.2xlarge": (8, 15),
    "c4.4xlarge": (16, 30),
    "c4.8xlarge": (36, 60),
    "c5.large": (2, 4),
    "c5.xlarge": (4, 8),
    "c5.2xlarge": (8, 16),
    "c5.4xlarge": (16, 32),
    "c5.9xlarge": (36, 72),
    "m4.large": (2, 8),
    "m4.xlarge": (4, 16),
    "m4.2xlarge": (8, 32),
    "m4.4xlarge": (16, 64),
    "m5.large": (2, 8),
    "m5.xlarge": (4, 16),
    "m5.2xlarge": (8, 32),
    "m5.4xlarge": (16, 64),
    "m6i.xlarge": (4, 16),
    "m6i.2xlarge": (8, 32),
    "m6i.4xlarge": (16, 64),
    "r5.xlarge": (4, 32),
    "r5.2xlarge": (8, 64),
    "r5.4xlarge": (16, 128),
    "t2.large": (2, 8),
    "t2.xlarge": (4, 16),
    "t2.2xlarge": (8, 32),
    "t3.large": (2, 8),
    "t3.xlarge": (4, 16),
    "t3.2xlarge": (8, 32),
}
"""vCPUs and memory in GiB of the types that people use; any other type is not judged here."""

_GRAVITON = re.compile(r"(?:a1|[a-z]+\d+g[a-z]*)\.")


def needed(machines: int) -> Size:
    """The smallest row that serves so many machines; the last row for more than any serves."""
    return next((row for row in _TABLE if machines <= row.machines_max), _TABLE[-1])


def capacity(instance_type: str) -> tuple[int, int] | None:
    """The vCPUs and the memory in GiB of an instance type; None for one that is not known here."""
    return _INSTANCE_TYPES.get(instance_type)


def is_arm(instance_type: str) -> bool:
    """Whether it is a Graviton type, on which Windows does not run."""
    return _GRAVITON.match(instance_type) is not None


def types_for(size: Size) -> list[str]:
    """The known types that are large enough, the smallest first."""
    return [
        name
        for name, (vcpus, memory) in sorted(_INSTANCE_TYPES.items(), key=lambda item: item[1])
        if vcpus >= size.vcpus and memory >= size.memory_gib
    ]
