"""The disks of a machine that the config gives a type or a key of their own.

Before a machine replicates, Site Recovery tells its disks apart by ids that EC2 does not know. What
both know of a disk is its size, so all disks of one size have to get the same settings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from site_recovery.declared.model import Model, defaults_to, rule
from site_recovery.declared.names import DiskEncryptionSetId

DiskType = Literal["Standard_LRS", "StandardSSD_LRS", "Premium_LRS"]

_NVME = re.compile(r"(?:/dev/)?nvme\d+n\d+(?:p\d+)?")
_DISK = re.compile(
    r"vol-(?:[0-9a-f]{8}|[0-9a-f]{17})|/dev/[a-z]+\d{0,2}|xvd[a-z]{1,2}|ephemeral\d{1,2}"
)

DiskKey = Annotated[
    str,
    rule(
        lambda value: _NVME.fullmatch(value) is None,
        "{value} is a name inside the machine, which EC2 does not know",
        "Write the id of its volume, which is the serial number of the disk there (lsblk -o "
        "NAME,SERIAL), as vol-…; or its device name in EC2, such as /dev/sdf",
    ),
    rule(
        lambda value: _DISK.fullmatch(value) is not None,
        "{value} names no disk",
        "Write the id of its volume (vol-…) or its device name in EC2, such as /dev/sdf",
    ),
    Field(title="`vol-…` or device name in EC2"),
]


class DiskSpec(Model):
    """What becomes of one disk."""

    type: DiskType | None = Field(
        default=None,
        description="Type of its managed disk.",
        json_schema_extra=defaults_to("`diskType` of the target"),
    )
    disk_encryption_set: DiskEncryptionSetId | None = Field(
        default=None,
        description="An existing disk encryption set in the region, whose key encrypts it.",
        json_schema_extra=defaults_to("`diskEncryptionSet` of the target"),
    )


class DiskOrder(Model):
    """The settings of the disks of one size. None takes those of the target."""

    size_gib: int
    type: DiskType | None = None
    disk_encryption_set: str | None = None

    def agrees(self, other: DiskOrder) -> bool:
        """Whether another one says the same, or is for another size."""
        return self.size_gib != other.size_gib or self == other


def orders(sizes: Sequence[int], specs: Sequence[DiskSpec | None]) -> list[DiskOrder]:
    """The settings of disks.

    Args:
        sizes: in GiB.
        specs: what is declared of each; None if nothing is.
    """
    return [
        DiskOrder.model_validate({"sizeGib": size, **(spec.model_dump() if spec else {})})
        for size, spec in zip(sizes, specs, strict=True)
    ]
