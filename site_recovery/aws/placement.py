"""Where an instance runs, and whose subnet that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from site_recovery.batches import batches

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_PAGE = 100
"""How many ids are in one filter; EC2 accepts 200."""
_HIBERNATED = "UserInitiatedHibernate"
"""In the code of `StateReason` of an instance that was stopped by hibernation: "Hibernate your Amazon EC2
instance"."""


@dataclass(frozen=True)
class Placement:
    """Where an instance is.

    Attributes:
        tenancy: `default`, `dedicated` (hardware of one account) or `host` (a dedicated host).
        hibernated: whether it is stopped with its memory kept on its disk.
        shared_by: the account that owns its subnet, if it is another one than its own; else None.
    """

    tenancy: str = "default"
    hibernated: bool = False
    shared_by: str | None = None

    @property
    def dedicated(self) -> bool:
        """Whether it has hardware that it shares with no other account."""
        return self.tenancy in ("dedicated", "host")


def owners(ec2: EC2Client, instances: Iterable[Any]) -> dict[str, str]:
    """The accounts that own the subnets of instances, by subnet (DescribeSubnets)."""
    wanted = sorted({each["SubnetId"] for each in instances if each.get("SubnetId")})
    found: dict[str, str] = {}
    paginator = ec2.get_paginator("describe_subnets")
    for page_ids in batches(wanted, _PAGE):
        # With a filter the call does not fail for a subnet that was deleted meanwhile.
        for page in paginator.paginate(Filters=[{"Name": "subnet-id", "Values": page_ids}]):
            found.update({one["SubnetId"]: one.get("OwnerId", "") for one in page["Subnets"]})
    return found


def of(instance: Any, owner_by_subnet: Mapping[str, str]) -> Placement:
    """The placement of an instance as EC2 describes it.

    Args:
        instance: an entry of DescribeInstances.
        owner_by_subnet: see `owners`.
    """
    own = {each["OwnerId"] for each in instance.get("NetworkInterfaces", []) if "OwnerId" in each}
    owner = owner_by_subnet.get(instance.get("SubnetId") or "")
    reason = instance.get("StateReason") or {}
    return Placement(
        tenancy=(instance.get("Placement") or {}).get("Tenancy") or "default",
        hibernated=_HIBERNATED in reason.get("Code", ""),
        shared_by=owner if owner and own and owner not in own else None,
    )
