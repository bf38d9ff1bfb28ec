"""Rules about where the machines go."""

from __future__ import annotations

from collections.abc import Iterator

from settings.draft import Draft
from site_recovery import arm_ids
from site_recovery.config_paths import path
from site_recovery.declared import addresses, azure_regions, sizes
from site_recovery.declared.tags import OURS, OWN_MAX, TAGS_MAX
from site_recovery.declared.target import SharedTarget, TargetSpec
from site_recovery.problems import Problem


def _networks(draft: Draft) -> Iterator[Problem]:
    if draft.target is None:
        return
    networks = (("network", draft.target.network), ("testNetwork", draft.target.test_network))
    for key, network in networks:
        if not addresses.inside(network.subnet.address_prefix, network.address_space):
            yield Problem(
                path("target", key, "subnet", "addressPrefix"),
                f"{network.subnet.address_prefix} is not inside {network.address_space}",
                "Take a part of the network's addressSpace",
            )
    production, test = draft.target.network, draft.target.test_network
    if _same(production.name, test.name):
        yield Problem(
            "target.testNetwork.name",
            f"{test.name!r} is the production network",
            "A test runs apart from production: name another network",
        )
    if addresses.overlap(production.address_space, test.address_space):
        yield Problem(
            "target.testNetwork.addressSpace",
            f"{test.address_space} overlaps with {production.address_space} of target.network",
            "Choose addresses that do not overlap, so that no route can connect the two",
        )


def _resource_groups(draft: Draft) -> Iterator[Problem]:
    target = draft.target
    if target is None or _elsewhere(draft):
        return
    if target.adopts("resourceGroup") and target.adopts("machinesResourceGroup"):
        return
    if _same(target.resource_group, target.machines_resource_group):
        yield Problem(
            "target.machinesResourceGroup",
            f"{target.machines_resource_group!r} is target.resourceGroup, which is deleted with "
            "the stack, migrated machines and all",
            "Name another group, or leave the key out",
        )


_INSIDE = {
    "vault": "resourceGroup",
    "testNetwork": "resourceGroup",
    "cacheStorageAccount": "resourceGroup",
    "network": "machinesResourceGroup",
}
"""The resource group that each part of the Azure side is in."""


def _adopted_parts(draft: Draft) -> Iterator[Problem]:
    target = draft.target
    if target is None:
        return
    inside = {**_INSIDE, "testNetwork": _INSIDE["network"]} if _elsewhere(draft) else _INSIDE
    for part, group in inside.items():
        if target.adopts(part) and target.own_group(part) is None and not target.adopts(group):
            yield Problem(
                "target.adopt",
                f"{part} exists already, so the resource group that it is in does too",
                f"Add {group} to the list",
            )


def _own_groups(draft: Draft) -> Iterator[Problem]:
    target = draft.target
    group = target.network.resource_group if target else None
    if target is None or group is None or target.adopts("resourceGroup"):
        return
    if not _elsewhere(draft) and _same(group, target.resource_group):
        yield Problem(
            "target.network.resourceGroup",
            f"{group!r} is target.resourceGroup, which is deleted with the stack, and the migrated "
            "machines are in this network",
            "Name another group, or leave the key out",
        )


def _security_groups(draft: Draft) -> Iterator[Problem]:
    target = draft.target
    if target is None:
        return
    for part, network in (("network", target.network), ("testNetwork", target.test_network)):
        if network.subnet.network_security_group is not None and target.adopts(part):
            yield Problem(
                path("target", part, "subnet", "networkSecurityGroup"),
                f"the network exists already (target.adopt has {part}) and is not changed",
                "Give the group to the subnet in Azure, and remove the key",
            )


def _subscriptions(draft: Draft) -> Iterator[Problem]:
    """What a machine or its network is part of has to be in the machines' subscription.

    Sources: "Virtual network and subnet" of "Network security groups", "Availability sets
    overview", "Proximity placement groups", "Server-side encryption of Azure Disk Storage".
    """
    if draft.target is None or draft.subscription_id is None:
        return
    wanted = draft.target.machines_subscription_id or draft.subscription_id
    named = [
        (
            path("target", part, "subnet", "networkSecurityGroup"),
            network.subnet.network_security_group,
        )
        for part, network in (
            ("network", draft.target.network),
            ("testNetwork", draft.target.test_network),
        )
    ]
    for place, written in _written(draft):
        named += [
            (f"{place}.availabilitySet", written.availability_set),
            (f"{place}.proximityPlacementGroup", written.proximity_placement_group),
            (f"{place}.diskEncryptionSet", written.disk_encryption_set),
            (f"{place}.networkSecurityGroup", written.network_security_group),
        ]
    for name, machine in draft.machines.items():
        disks = machine.settings.target.disks if machine.settings is not None else None
        named += [
            (
                path("machines", name, "target", "disks", key, "diskEncryptionSet"),
                disk.disk_encryption_set,
            )
            for key, disk in (disks or {}).items()
        ]
    for place, identifier in named:
        if identifier and not _same(arm_ids.segment(identifier, "subscriptions"), wanted):
            yield Problem(
                place,
                f"it is in subscription {arm_ids.segment(identifier, 'subscriptions')}, and the "
                f"machines are in {wanted}",
                "Name one of that subscription, or set target.machinesSubscriptionId",
            )


def _target_subnets(draft: Draft) -> Iterator[Problem]:
    target = draft.target
    if target is None or target.adopts("network"):
        return
    known = target.network.subnet.name
    for place, written in _written(draft):
        subnet = written.subnet
        if subnet is not None and not _same(subnet, known):
            yield Problem(
                f"{place}.subnet",
                f"target.network has no subnet {subnet!r}",
                f"It is made with {known!r} alone; to use others, adopt a network that has them",
            )


def _groups_of_sets(draft: Draft) -> Iterator[Problem]:
    """A set takes machines of its own resource group ("Virtual Machines - Create Or Update")."""
    if draft.target is None:
        return
    wanted = draft.target.machines_resource_group
    for place, written in _written(draft):
        if written.availability_set is None:
            continue
        group = arm_ids.segment(written.availability_set, "resourceGroups")
        if not _same(group, wanted):
            yield Problem(
                f"{place}.availabilitySet",
                f"it is in resource group {group}, and the machines will be in {wanted}: Azure puts "
                "a machine into a set of its own group only",
                "Name a set of that group, or set target.machinesResourceGroup",
            )


def _sets(draft: Draft) -> Iterator[Problem]:
    for name, target in targets(draft):
        if target.availability_zone is not None and target.availability_set is not None:
            yield Problem(
                _place_of(draft, name, "availability_set"),
                f"{path('machines', name)} would be in availability zone "
                f"{target.availability_zone} too, and Azure puts a machine into a set or a zone",
                "Remove one of the two",
            )


def _reservations(draft: Draft) -> Iterator[Problem]:
    """What a machine with reserved capacity cannot be in ("On-demand Capacity Reservation")."""
    for name, target in targets(draft):
        if target.capacity_reservation_group is None:
            continue
        for field, what in (
            ("availability_set", "an availability set"),
            ("proximity_placement_group", "a proximity placement group"),
        ):
            if getattr(target, field) is not None:
                yield Problem(
                    _place_of(draft, name, "capacity_reservation_group"),
                    f"{path('machines', name)} would be in {what} too, which Azure does not take "
                    "together with reserved capacity",
                    "Remove one of the two",
                )


def _zones(draft: Draft) -> Iterator[Problem]:
    if draft.location is None or draft.location in azure_regions.WITH_ZONES:
        return
    for place, target in _written(draft):
        if target.availability_zone is not None:
            yield Problem(
                f"{place}.availabilityZone",
                f"{draft.location} has no availability zones",
                "Remove the key, or choose a region that has some",
            )


_PREMIUM = "Premium_LRS"


def _sizes(draft: Draft) -> Iterator[Problem]:
    for place, target in _written(draft):
        if target.vm_size is not None and sizes.is_arm(target.vm_size):
            yield Problem(
                f"{place}.vmSize",
                f"{target.vm_size} has Arm processors, and the machines are x86",
                "Use a size without a p behind its number, such as Standard_D2s_v5",
            )
    machines = dict(targets(draft))
    for name, target in machines.items():
        if target.vm_size is None or _PREMIUM not in target.disk_types:
            continue
        if not sizes.takes_premium(target.vm_size):
            key = "diskType" if target.disk_type == _PREMIUM else "the type of a disk"
            yield Problem(
                _place_of(draft, name, "vm_size"),
                f"{target.vm_size} takes no premium disks, and {key} is {_PREMIUM}",
                "Use a size with an s behind its number, such as Standard_D2s_v5, or another "
                "type of disk",
            )


def _modernized_only(draft: Draft) -> Iterator[Problem]:
    if draft.experience != "classic":
        return
    for place, target in _written(draft):
        if target.capacity_reservation_group is not None:
            yield Problem(
                f"{place}.capacityReservationGroup",
                "Site Recovery takes it for the modernized experience only, and experience is "
                "classic",
                "Remove it; a machine can join the group later, once it is deallocated",
            )
        if target.linux_license_type is not None:
            yield Problem(
                f"{place}.linuxLicenseType",
                "Site Recovery takes it for the modernized experience only, and experience is "
                "classic",
                "Remove it, and set the licence on the virtual machine after the failover",
            )


def _target_tags(draft: Draft) -> Iterator[Problem]:
    for name, target in targets(draft):
        if len(target.tags) > OWN_MAX:
            yield Problem(
                path("machines", name, "target", "tags"),
                f"with its wave's and {len(OURS)} of the program it has "
                f"{len(target.tags) + len(OURS)} tags, and Azure takes {TAGS_MAX}",
                "Remove some, here or from the wave",
            )


def _written(draft: Draft) -> Iterator[tuple[str, SharedTarget]]:
    """Every `target` of a wave or a machine as it is written, with its place."""
    for name, wave in draft.waves.items():
        if wave.target is not None:
            yield path("waves", name, "target"), wave.target
    for name, machine in draft.machines.items():
        if machine.settings is not None:
            yield path("machines", name, "target"), machine.settings.target


def _place_of(draft: Draft, machine: str, field: str) -> str:
    """Where a value of a machine's target is written: with the machine, or with its wave."""
    alias = TargetSpec.model_fields[field].alias or field
    declared, name = draft.machines[machine].settings, draft.wave_name_of(machine)
    if name is None or (declared and getattr(declared.target, field) is not None):
        return path("machines", machine, "target", alias)
    return path("waves", name, "target", alias)


def targets(draft: Draft) -> Iterator[tuple[str, TargetSpec]]:
    """The target of each machine with that of its wave, as far as both can be read."""
    for name, machine in draft.machines.items():
        if machine.settings is not None:
            wave = draft.wave_of(name)
            yield name, machine.settings.target.over((wave and wave.target) or SharedTarget())


def _elsewhere(draft: Draft) -> bool:
    """Whether the machines are in another subscription than the vault."""
    return draft.target is not None and draft.target.machines_elsewhere(draft.subscription_id)


def _same(left: str, right: str) -> bool:
    """Whether Azure treats two names as the same: it ignores case."""
    return left.lower() == right.lower()


RULES = (
    _networks,
    _resource_groups,
    _adopted_parts,
    _own_groups,
    _security_groups,
    _subscriptions,
    _target_subnets,
    _zones,
    _groups_of_sets,
    _sets,
    _reservations,
    _sizes,
    _modernized_only,
    _target_tags,
)
