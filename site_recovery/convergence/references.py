"""What a target names in Azure, and whether the machine fits into it.

It is looked at long before the failover: Site Recovery takes any id, and the failover fails then,
or the machine would serve without its rules.

Sources: "Availability Sets - Create Or Update" (a set that is Aligned takes managed disks),
"Proximity placement groups" (the zone of a group; sizes beside its intent are allowed), "On-demand
Capacity Reservation" (size, zone, subscription; without a matching reservation Azure refuses the
machine, more machines than it reserves are allowed). That set and machine need the same placement
group is a text of Site Recovery (azure-powershell, issue 13836).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from site_recovery import arm_ids
from site_recovery.declared.azure_regions import normalized
from site_recovery.declared.target import TargetSpec

_KEYS = {
    "availability_set": "availability set",
    "proximity_placement_group": "proximity placement group",
    "capacity_reservation_group": "capacity reservation group",
    "disk_encryption_set": "disk encryption set",
    "network_security_group": "network security group",
}
UNTIL_MIGRATED = "network_security_group"
"""What still counts after the failover, until Complete Migration."""


@dataclass(frozen=True)
class Reference:
    """Something that exists in Azure and that a target names.

    Attributes:
        field: the field of `TargetSpec` that holds it, or whose kind it is.
        place: the key of the config below the machine, such as `target.availabilitySet`.
        id: its ARM id.
    """

    field: str
    place: str
    id: str

    @property
    def kind(self) -> str:
        """Its kind in words."""
        return _KEYS[self.field]


@dataclass(frozen=True)
class Reservation:
    """A reservation of a capacity reservation group: a size, and a zone or none."""

    size: str
    zone: str = ""


@dataclass(frozen=True)
class Found:
    """A resource as Azure shows it.

    Attributes:
        location: its region; empty if it does not say.
        zones: of a proximity placement group.
        managed_disks: whether an availability set takes machines with managed disks.
        placement_group: the proximity placement group of an availability set, by its id.
        shared_with: the ids of the subscriptions that a capacity reservation group is shared with.
        reservations: of a capacity reservation group.
    """

    location: str = ""
    zones: frozenset[str] = frozenset()
    managed_disks: bool = True
    placement_group: str = ""
    shared_with: frozenset[str] = frozenset()
    reservations: tuple[Reservation, ...] = ()


def named(target: TargetSpec) -> Iterator[Reference]:
    """What a target names, in the order of its keys."""
    for field in _KEYS:
        identifier = getattr(target, field)
        if identifier:
            alias = TargetSpec.model_fields[field].alias
            yield Reference(field, f"target.{alias}", identifier)
    for disk, spec in (target.disks or {}).items():
        if spec.disk_encryption_set:
            place = f"target.disks.{disk}.diskEncryptionSet"
            yield Reference("disk_encryption_set", place, spec.disk_encryption_set)


def problem(
    reference: Reference, found: Found | None, target: TargetSpec, subscription: str, location: str
) -> str | None:
    """Why a machine cannot have what it names, with the way out; None if it can.

    Args:
        reference: what it names.
        found: the same in Azure; None if it does not exist.
        target: the virtual machine that it becomes.
        subscription: the one of the machines.
        location: the region of the machines; empty if it is not known.
    """
    name = arm_ids.name(reference.id)
    if found is None:
        return (
            f"{reference.place}: there is no {reference.kind} {name} ({reference.id}) in Azure. "
            "Make it first, or correct the id."
        )
    if found.location and location and normalized(found.location) != normalized(location):
        return (
            f"{reference.place}: {name} is in {found.location}, and the machine will be in "
            f"{location}; Azure takes one of its own region only. Name one in {location}."
        )
    why = {
        "availability_set": _of_set,
        "proximity_placement_group": _of_placement_group,
        "capacity_reservation_group": _of_reservation_group,
    }.get(reference.field)
    said = why(reference.id, found, target, subscription) if why is not None else None
    return f"{reference.place}: {said}" if said is not None else None


def _of_set(identifier: str, found: Found, target: TargetSpec, _: str) -> str | None:
    name, wanted = arm_ids.name(identifier), target.proximity_placement_group or ""
    if not found.managed_disks:
        return (
            f"{name} takes machines without managed disks only (its sku is Classic), and the "
            "machine will have managed ones. Make a set whose sku is Aligned."
        )
    if found.placement_group.lower() != wanted.lower():
        its = arm_ids.name(found.placement_group) if found.placement_group else "none"
        given = f"is {arm_ids.name(wanted)}" if wanted else "is not set"
        way_out = (
            f"Set proximityPlacementGroup to {found.placement_group}"
            if found.placement_group
            else "Put the set into the group, or remove proximityPlacementGroup"
        )
        return (
            f"the proximity placement group of {name} is {its}, and proximityPlacementGroup "
            f"{given}; Azure takes a machine into a set with the same one only. {way_out}."
        )
    return None


def _of_placement_group(identifier: str, found: Found, target: TargetSpec, _: str) -> str | None:
    zone = target.availability_zone
    if zone is None or not found.zones or zone in found.zones:
        return None
    where = " and ".join(sorted(found.zones))
    return (
        f"{arm_ids.name(identifier)} is in zone {where}, and availabilityZone is {zone}. Change "
        "one of the two."
    )


def _of_reservation_group(
    identifier: str, found: Found, target: TargetSpec, subscription: str
) -> str | None:
    name = arm_ids.name(identifier)
    own = arm_ids.segment(identifier, "subscriptions").lower()
    if subscription and subscription.lower() not in {own, *map(str.lower, found.shared_with)}:
        return (
            f"{name} is in subscription {own} and not shared with that of the machines, "
            f"{subscription}. Share it, or name one of theirs."
        )
    zone, size = target.availability_zone or "", (target.vm_size or "").lower()
    fitting = [each.size for each in found.reservations if each.zone == zone]
    where = f"zone {zone}" if zone else "no zone"
    if not fitting:
        return (
            f"{name} has no reservation for machines of {where}. Make one, or change "
            "availabilityZone."
        )
    if size and size not in map(str.lower, fitting):
        return (
            f"{name} reserves no {target.vm_size} for machines of {where}, only "
            f"{', '.join(sorted(fitting))}. Make a reservation, or set vmSize to one of these."
        )
    return None
