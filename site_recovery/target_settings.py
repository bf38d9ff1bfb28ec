"""What a failover will make of a machine, as far as it can be changed while it replicates.

The portal calls it Compute and Network of a replicated item; ReplicationProtectedItems_Update
changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

DYNAMIC = ""
"""The address of an interface that Azure gives one to."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class TargetSettings:
    """The settings of one item, as they are wanted or as they are.

    None is what nothing is said of, or what the service does not show: it differs from nothing.
    Resources are ARM ids, subnets names; `private_ip` may be `DYNAMIC`, and `availability_zone`
    is empty for none.
    """

    vm_name: str | None = None
    vm_size: str | None = None
    availability_zone: str | None = None
    license_type: str | None = None
    tags: Mapping[str, str] | None = None
    resource_group_id: str | None = None
    network_id: str | None = None
    subnet: str | None = None
    private_ip: str | None = None
    test_network_id: str | None = None
    test_subnet: str | None = None

    def differences(self, present: TargetSettings) -> tuple[str, ...]:
        """What of these is otherwise in `present`, in words."""
        return tuple(
            words
            for name, words in _WORDS.items()
            if _differ(getattr(self, name), getattr(present, name))
        )

    def over(self, present: TargetSettings) -> TargetSettings:
        """These, and what is present where these say nothing."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(present, **said(values))


_WORDS = {
    "vm_name": "name",
    "vm_size": "size",
    "availability_zone": "availability zone",
    "license_type": "licence",
    "tags": "tags",
    "resource_group_id": "resource group",
    "network_id": "network",
    "subnet": "subnet",
    "private_ip": "private address",
    "test_network_id": "test network",
    "test_subnet": "test subnet",
}


def said(values: Mapping[str, _T | None]) -> dict[str, _T]:
    """Values without those that there are not."""
    return {name: value for name, value in values.items() if value is not None}


def _differ(wanted: Any, present: Any) -> bool:
    if wanted is None or present is None:
        return False
    if isinstance(wanted, str):
        # Azure tells none of these apart by case.
        return wanted.lower() != str(present).lower()
    return dict(wanted) != dict(present)
