"""The target settings of a protected item that can change while the machine replicates.

The portal shows them as "Compute and Network" of a replicated item. Operation
ReplicationProtectedItems_Update changes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from site_recovery import target_interfaces
from site_recovery.declared.target import TargetSpec
from site_recovery.target_disks import DiskSettings
from site_recovery.target_interfaces import InterfaceSettings

DYNAMIC = ""
"""The `private_ip` of an interface whose address Azure chooses."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class TargetSettings:
    """The target settings that an item shows, or should show.

    This is the counterpart of `TargetSpec` and not the same type. A spec is what the config
    declares, and is validated. An item also shows values from the landing zone and values that
    only the service knows, and its values may be anything that someone set in the vault. Both types
    use the same field names.

    None means that no value is wanted, or that the service does not show it. It is equal to
    everything. Resources are ARM ids, subnets are names. `private_ip` and `test_private_ip` are `DYNAMIC`
    if Azure chooses the address, and the fields of availability and placement are
    empty if there is none. Tags other than the wanted ones
    are not ours and are kept.

    Attributes:
        generation: of the virtual machine, `V1` or `V2`; only observed, never wanted.
        others: the further interfaces: of an item all of them, of what is wanted those that the
            config names.
        disks: its disks, which no update changes; see `target_disks`.
    """

    vm_name: str | None = None
    vm_size: str | None = None
    availability_zone: str | None = None
    availability_set: str | None = None
    proximity_placement_group: str | None = None
    capacity_reservation_group: str | None = None
    license_type: str | None = None
    linux_license_type: str | None = None
    sql_server_license_type: str | None = None
    tags: Mapping[str, str] | None = None
    resource_group_id: str | None = None
    network_id: str | None = None
    subnet: str | None = None
    private_ip: str | None = None
    test_network_id: str | None = None
    test_subnet: str | None = None
    test_private_ip: str | None = None
    generation: str | None = None
    others: tuple[InterfaceSettings, ...] = ()
    disks: tuple[DiskSettings, ...] = ()

    @property
    def interfaces(self) -> int:
        """How many network interfaces a failover makes."""
        return 1 + sum(each.is_made for each in self.others)

    @property
    def after_enabling(self) -> tuple[str, ...]:
        """What an item does not have yet when its protection was just enabled, in words."""
        others = tuple(target_interfaces.fresh(each) for each in self.others)
        return self.differences(
            TargetSettings(private_ip=DYNAMIC, test_private_ip=DYNAMIC, others=others)
        )

    @classmethod
    def wanted(cls, spec: TargetSpec, **resolved: Any) -> TargetSettings:
        """The settings that an item should show for a spec.

        Args:
            spec: its fields are copied by name.
            resolved: values that replace those of the spec, or that a spec does not have.
        """
        own = {name: value for name, value in spec if name not in _NOT_SHOWN}
        # A field of the spec without a counterpart here raises TypeError, so none gets lost.
        return cls(**{**own, **resolved})

    def differences(self, present: TargetSettings) -> tuple[str, ...]:
        """Which of these values differ in `present`, in words.

        Interfaces that `present` does not have are not among them: no update makes one.
        """
        own = [
            words
            for name, words in _WORDS.items()
            if _differ(getattr(self, name), getattr(present, name))
        ]
        for each in self.others:
            shown = target_interfaces.match(each, present.others)
            own += each.differences(shown) if shown is not None else []
        return tuple(own)

    def over(self, present: TargetSettings) -> TargetSettings:
        """These values, with those of `present` in place of None."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.tags is not None:
            values["tags"] = {**(present.tags or {}), **self.tags}
        values["others"] = target_interfaces.merged(self.others, present.others)
        values["disks"] = present.disks
        return replace(present, **without_none(values))

    def every_interface(self, present: TargetSettings) -> list[InterfaceSettings]:
        """All interfaces of an item as they should be, the first one first."""
        asked, moved = self.over(present), self.subnet_of_all(present)
        first = InterfaceSettings(
            "",
            subnet=asked.subnet,
            private_ip=asked.private_ip,
            test_subnet=asked.test_subnet,
            test_private_ip=asked.test_private_ip,
        )
        if moved is None:
            return [first, *asked.others]
        named = (target_interfaces.match(each, self.others) for each in asked.others)
        return [
            first,
            *(
                replace(each, subnet=(own and own.subnet) or moved)
                for each, own in zip(asked.others, named, strict=True)
            ),
        ]

    def subnet_of_all(self, present: TargetSettings) -> str | None:
        """The subnet for all interfaces if the machine moves to another network, else None."""
        moves = _differ(self.network_id, present.network_id)
        return self.over(present).subnet if moves else None


_NOT_SHOWN = (
    "disk_type",
    "disk_encryption_set",
    "tags_from_source",
    "interfaces",
    "disks",
    "network_security_group",
)
"""Fields of a spec that have another form here, or that are none of an item."""

_WORDS = {
    "vm_name": "name",
    "vm_size": "size",
    "availability_zone": "availability zone",
    "availability_set": "availability set",
    "proximity_placement_group": "proximity placement group",
    "capacity_reservation_group": "capacity reservation group",
    "license_type": "licence",
    "linux_license_type": "licence of Linux",
    "sql_server_license_type": "licence of SQL Server",
    "tags": "tags",
    "resource_group_id": "resource group",
    "network_id": "network",
    "subnet": "subnet",
    "private_ip": "private address",
    "test_network_id": "test network",
    "test_subnet": "test subnet",
    "test_private_ip": "address in the test",
}


NO_LICENCE = ("NotSpecified", "NoLicenseType")
"""Two values with the same meaning: no licence benefit is used."""
_NO_LICENCE = tuple(map(str.lower, NO_LICENCE))


def without_none(values: Mapping[str, _T | None]) -> dict[str, _T]:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def _differ(wanted: Any, present: Any) -> bool:
    if wanted is None or present is None:
        return False
    if isinstance(wanted, str):
        # Azure ignores the case of all of these.
        one, other = wanted.lower(), str(present).lower()
        return one != other and not (one in _NO_LICENCE and other in _NO_LICENCE)
    return any(present.get(name) != value for name, value in wanted.items())
