"""What Compute refuses of a virtual machine for what it is placed in, or what encrypts its disks.

Sources: "Availability sets overview" and "Availability Sets - Create Or Update" (a set that is
Aligned takes managed disks), "Proximity placement groups" (the zone of a group), "On-demand Capacity
Reservation" (a group without a matching reservation; no sets, no placement groups). That set and
machine need the same placement group is Site Recovery's own text (azure-powershell, issue 13836).
The code is [inferred] as in `compute_refusals`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from emulator.arm.compute import placements
from emulator.arm.compute.changes import member
from emulator.arm.machine_sizes import Size
from emulator.kernel import resources
from emulator.kernel.resources import ResourceId, normalized_location
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.replication.compute_refusals import error

_KEYS = ("availabilitySetId", "proximityGroupId", "capacityGroupId", "diskEncryptionSetId")


def raise_if_unfit(
    world: World, target: Document, disks: Iterable[Document], size: Size, location: str
) -> None:
    """Fail a failover whose virtual machine does not fit into what its target names.

    Args:
        world: the world.
        target: the target of the replicated item.
        disks: the disks of the replicated item.
        size: the size of the virtual machine.
        location: its region.

    Raises:
        JobError: the first reason.
    """
    found: dict[str, Document] = {}
    named = [(key, target.get(key)) for key in _KEYS]
    named += [("diskEncryptionSetId", disk.get("encryptionSet")) for disk in disks]
    for key, identifier in named:
        if not identifier:
            continue
        resource = resources.find(world, identifier)
        if resource is None:
            raise error(
                f"The resource '{identifier}' was not found.", "It was deleted or never made."
            )
        if normalized_location(resource["location"]) != normalized_location(location):
            raise error(
                f"The resource '{identifier}' is in location '{resource['location']}', and the "
                f"virtual machine in '{location}'.",
                "A machine and what it refers to are in one region.",
            )
        found[key] = resource
    reasons = (
        *_of_set(target, found),
        *_of_group(target, found),
        *_reserved(world, target, found, size),
    )
    for message, cause in reasons[:1]:
        raise error(message, cause)


def _of_set(target: Document, found: dict[str, Document]) -> Iterator[tuple[str, str]]:
    chosen = found.get("availabilitySetId")
    if chosen is None:
        return
    if str(member(chosen, "sku.name")).lower() != "aligned":
        yield (
            "Addition of a VM with managed disks to non-managed Availability Set or addition of a "
            "VM with blob based disks to managed Availability Set is not supported.",
            "The set is not Aligned.",
        )
    its = member(chosen, "properties.proximityPlacementGroup.id") or ""
    if its.lower() != (target.get("proximityGroupId") or "").lower():
        yield (
            "The proximity placement group chosen for the availability set and for the virtual "
            "machine to be spun up inside it during failover needs to be the same.",
            f"The set is in {its or 'none'}.",
        )


def _of_group(target: Document, found: dict[str, Document]) -> Iterator[tuple[str, str]]:
    zones = found.get("proximityGroupId", {}).get("zones") or []
    if target["zone"] and zones and target["zone"] not in zones:
        yield (
            f"The zone '{target['zone']}' of the virtual machine is not that of its proximity "
            f"placement group, '{zones[0]}'.",
            "A placement group with a zone takes machines of that zone.",
        )


def _reserved(
    world: World, target: Document, found: dict[str, Document], size: Size
) -> Iterator[tuple[str, str]]:
    group = found.get("capacityGroupId")
    if group is None:
        return
    subscription = ResourceId.parse(target["resourceGroupId"]).subscription.lower()
    shared = member(group, "properties.sharingProfile.subscriptionIds") or []
    takers = {ResourceId.parse(group["id"]).subscription.lower()}
    takers |= {str(one["id"]).rpartition("/")[2].lower() for one in shared}
    if subscription not in takers:
        yield (
            f"The capacity reservation group '{group['id']}' is not shared with subscription "
            f"'{subscription}'.",
            "A group is for its own subscription, and for those that it is shared with.",
        )
    if target.get("availabilitySetId") or target.get("proximityGroupId"):
        yield (
            "A virtual machine with a capacity reservation group takes no availability set and no "
            "proximity placement group.",
            "They exclude each other.",
        )
    zones = [target["zone"]] if target["zone"] else []
    matching = [
        (one["sku"]["name"], one.get("zones", []))
        for one in placements.reservations(world, group["id"])
    ]
    if (size.name, zones) not in matching:
        yield (
            f"The capacity reservation group '{group['id']}' has no reservation of size "
            f"'{size.name}' in zone '{target['zone'] or ''}'.",
            "No reservation of the group matches size and zone of the machine.",
        )
