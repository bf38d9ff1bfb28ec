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
    is empty for none. Tags that are there beside the wanted ones are somebody else's, and stay.

    Attributes:
        generation: of the virtual machine, `V1` or `V2`; the service's to say, not to be wanted.
        interfaces: how many it has, likewise.
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
    generation: str | None = None
    interfaces: int | None = None

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
        if self.tags is not None:
            values["tags"] = {**(present.tags or {}), **self.tags}
        return replace(present, **said(values))

    def subnet_of_all(self, present: TargetSettings) -> str | None:
        """The subnet that every interface goes to, where the machine moves to another network."""
        moves = _differ(self.network_id, present.network_id)
        return self.over(present).subnet if moves else None


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


NO_LICENCE = ("NotSpecified", "NoLicenseType")
"""Two words for one thing: no benefit is used."""
_NO_LICENCE = tuple(map(str.lower, NO_LICENCE))


def tags_of(details: Mapping[str, Any]) -> dict[str, str] | None:
    """The tags in an item's `providerSpecificDetails`; None where the service shows none at all.

    InMageRcm has a list of them, and a tag there need not have a value.
    """
    found = details.get("targetVmTags")
    if found is None:
        return None
    if isinstance(found, Mapping):
        return {name: value or "" for name, value in found.items()}
    return {tag["tagName"]: tag.get("tagValue") or "" for tag in found if tag.get("tagName")}


def said(values: Mapping[str, _T | None]) -> dict[str, _T]:
    """Values without those that there are not."""
    return {name: value for name, value in values.items() if value is not None}


def _differ(wanted: Any, present: Any) -> bool:
    if wanted is None or present is None:
        return False
    if isinstance(wanted, str):
        # Azure tells none of these apart by case.
        one, other = wanted.lower(), str(present).lower()
        return one != other and not (one in _NO_LICENCE and other in _NO_LICENCE)
    return any(present.get(name) != value for name, value in wanted.items())
