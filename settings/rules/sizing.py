"""The size of server that a fleet needs.

Sources: "Configuration server requirements for disaster recovery of physical servers to Azure"
(sizing by protected machines and daily churn) and "Support matrix for Azure Site Recovery
replication appliance" (both Microsoft Learn); Amazon EC2's instance type pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from site_recovery.fleet import ExperienceName

MACHINES_MAX = 200
"""The most machines that one server can serve."""

CHURN_GIB_PER_DAY_MAX = 2000
"""The most data changed per day that one process server can replicate."""


@dataclass(frozen=True)
class Size:
    """A row of a sizing table. GB on the pages are read as GiB, which is on the safe side.

    Attributes:
        churn_gib_max: the most data changed per day, of all machines together.
        cache_gib: the smallest allowed cache volume.
        default_cache_gib: the cache volume unless the config sets one.
        default_type: the EC2 instance type unless the config sets one.
    """

    machines_max: int
    churn_gib_max: int
    vcpus: int
    memory_gib: int
    cache_gib: int
    default_cache_gib: int
    default_type: str


_TABLES: dict[ExperienceName, tuple[Size, ...]] = {
    "classic": (
        Size(99, 500, 8, 16, 300, 600, "c5.2xlarge"),
        Size(150, 1000, 12, 18, 600, 600, "c5.4xlarge"),
        Size(MACHINES_MAX, CHURN_GIB_PER_DAY_MAX, 16, 32, 1000, 1000, "c5.4xlarge"),
    ),
    "modernized": (
        Size(150, CHURN_GIB_PER_DAY_MAX, 8, 16, 620, 620, "c5.2xlarge"),
        Size(MACHINES_MAX, CHURN_GIB_PER_DAY_MAX, 16, 32, 1024, 1024, "c5.4xlarge"),
    ),
}

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
"""vCPUs and memory in GiB of common instance types. Other types are not checked here."""

_GRAVITON = re.compile(r"(?:a1|[a-z]+\d+g[a-z]*)\.")


def needed(experience: ExperienceName, machines: int, churn_gib_per_day: int = 0) -> Size:
    """The smallest row that is large enough; the last row if none is."""
    table = _TABLES[experience]
    return next(
        (
            row
            for row in table
            if machines <= row.machines_max and churn_gib_per_day <= row.churn_gib_max
        ),
        table[-1],
    )


def capacity(instance_type: str) -> tuple[int, int] | None:
    """The vCPUs and the memory in GiB of an instance type; None for a type not listed here."""
    return _INSTANCE_TYPES.get(instance_type)


def is_arm(instance_type: str) -> bool:
    """Whether it is a Graviton type. Windows does not run on those."""
    return _GRAVITON.match(instance_type) is not None


def types_for(size: Size) -> list[str]:
    """The listed types that are large enough, smallest first."""
    return [
        name
        for name, (vcpus, memory) in sorted(_INSTANCE_TYPES.items(), key=lambda item: item[1])
        if vcpus >= size.vcpus and memory >= size.memory_gib
    ]


def too_small(
    instance_type: str,
    size: Size,
    server: str,
    fleet: str,
    described: tuple[int, float] | None = None,
) -> tuple[str, str] | None:
    """What is wrong with an instance type for a server, and the way out; None if nothing is.

    Args:
        instance_type: the EC2 instance type.
        size: the size that the server needs.
        server: what the server is called, such as "configuration server".
        fleet: what it serves, such as "120 machines".
        described: vCPUs and GiB as EC2 describes the type, for types that are not listed here.
    """
    way_out = f"Use one such as {', '.join(types_for(size)[:4])}"
    known = capacity(instance_type) or described
    if is_arm(instance_type):
        return f"{instance_type} is an Arm type, and the server is a Windows one", way_out
    if known and (known[0] < size.vcpus or known[1] < size.memory_gib):
        return (
            f"{instance_type} has {known[0]} vCPUs and {known[1]:g} GiB; a {server} for {fleet} "
            f"needs {size.vcpus} vCPUs and {size.memory_gib} GiB",
            way_out,
        )
    return None
