"""The Azure resources that a failover creates: a virtual machine, its disks and its interfaces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.arm import machine_sizes
from emulator.arm.compute import instance_view as views
from emulator.arm.compute import power
from emulator.arm.network.allocation import allocate
from emulator.arm.reserved_names import reserved
from emulator.estate import services
from emulator.guests import machine
from emulator.kernel import resources
from emulator.kernel.resources import PRIVATE, ResourceId, normalized_location
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World
from emulator.recovery_services.jobs.outcomes import JobError, Note
from emulator.recovery_services.replication import (
    compute_refusals,
    governed,
    placement_refusals,
)
from emulator.recovery_services.replication.recovery_points import Point
from emulator.recovery_services.wire.paths import VAULT_KIND, vault_of

VM_TYPE = "Microsoft.Compute/virtualMachines"
DISK_TYPE = "Microsoft.Compute/disks"
NIC_TYPE = "Microsoft.Network/networkInterfaces"

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_NO_NETWORK: Document = {"properties": {}}

_PLACED = {"availabilitySetId": "availabilitySet", "proximityGroupId": "proximityPlacementGroup"}

NAME_CHANGED, NAME_TAKEN = "28175", "28061"


@dataclass(frozen=True)
class Place:
    """Where an interface of a new virtual machine goes.

    Attributes:
        address: its static address; None takes the lowest free one of the subnet.
    """

    subnet: str
    address: str | None = None


@dataclass(frozen=True)
class Placement:
    """The network and the name of a new virtual machine, and its interfaces, the primary one first.

    All of them are in one network, and those that its size does not take are left out ("Set up
    disaster recovery to Azure for on-premises physical servers", azure-docs).
    """

    network_id: str
    name: str
    interfaces: tuple[Place, ...]


def name_problem(name: str) -> str | None:
    """The reason why Azure rejects a virtual machine's name; None if the name is valid."""
    if not _NAME.fullmatch(name):
        return (
            f"The virtual machine name '{name}' is not valid: 1 to 63 letters, digits and "
            "hyphens, beginning and ending with a letter or a digit."
        )
    if reserved(name):
        return f"The virtual machine name '{name}' is reserved by Azure."
    return None


def taken(world: World, group_id: str, name: str) -> bool:
    """Whether a virtual machine of that name is in the resource group."""
    return resources.find(world, f"{group_id}/providers/{VM_TYPE}/{name}") is not None


def create(
    world: World, item: Document, placement: Placement, point: Point, *, production: bool
) -> tuple[Document, Note | None]:
    """Create the virtual machine of an item with the data of a recovery point.

    A name that was taken in the meantime is changed. A note reports it, as in the service (28175).

    Raises:
        JobError: something that it needs is not there, the size does not hold the machine, or it
            may not be made.
    """
    target, source = item[PRIVATE]["target"], item[PRIVATE]["machine"]
    group = resources.find(world, target["resourceGroupId"])
    if group is None:
        raise _missing("resource group", target["resourceGroupId"])
    network = resources.find(world, placement.network_id)
    if network is None:
        raise _missing("virtual network", placement.network_id)
    own, joined = (ResourceId.parse(each["id"]).subscription for each in (group, network))
    if own.lower() != joined.lower():
        raise _elsewhere(placement, "subscription")
    # A machine is made in the region of its vault.
    vault = world.store.peek(VAULT_KIND, vault_of(item["id"]))
    location = network["location"] if vault is None else vault["location"]
    if normalized_location(network["location"]) != normalized_location(location):
        raise _elsewhere(placement, "region")
    subnets = [_subnet(world, network, place.subnet) for place in placement.interfaces]
    storage = target["logStorageAccountId"]
    if storage and resources.find(world, storage) is None:
        raise _missing("storage account", storage)
    size = machine_sizes.named(target["vmSize"])
    if size is None or len(source["disks"]) - 1 > size.data_disks:
        raise JobError(
            "28074",
            f"The size '{target['vmSize']}' is not available for the virtual machine "
            f"'{placement.name}' with {len(source['disks']) - 1} data disks.",
            "The size is not offered in the region or takes fewer data disks.",
            "Choose another size in the properties of the replicated item.",
            task=0,
        )
    refused = compute_refusals.refusal(size, target, source, location, placement.name)
    if refused is not None:
        raise refused
    placement_refusals.raise_if_unfit(world, target, source["disks"], size, location)
    name, note = placement.name, None
    if taken(world, target["resourceGroupId"], name):
        name = f"{name}-{world.guid('conflict', item['id'], world.now.isoformat())}"
        note = Note(
            NAME_CHANGED,
            f"The VM name '{placement.name}' was modified to '{name}' to avoid name conflicts.",
        )
    machine_id = f"{target['resourceGroupId']}/providers/{VM_TYPE}/{name}"
    # A test machine carries no tags: nothing may take it for the migrated one [inferred].
    tags = dict(target["vmTags"] or {}) if production else {}
    governed.require_writable(
        world,
        {"id": machine_id, "name": name, "type": VM_TYPE, "location": location, "tags": tags}
        | {"properties": {"hardwareProfile": {"vmSize": size.name}}},
    )
    interfaces = _interfaces(
        world,
        item,
        [
            (subnet, place.address)
            for place, subnet in zip(placement.interfaces, subnets, strict=True)
        ][: size.interfaces],
        machine_id,
        location,
    )
    disks = [_disk(world, item, machine_id, location, disk) for disk in source["disks"]]
    document: Document = {
        "name": name,
        "id": machine_id,
        "type": VM_TYPE,
        "location": location,
        "tags": tags,
        "properties": {
            "vmId": world.guid("vm", machine_id, world.now.isoformat()),
            "hardwareProfile": {"vmSize": size.name},
            "storageProfile": {
                "osDisk": {**_attached(disks[0]), "osType": source["osType"]},
                "dataDisks": [
                    {**_attached(disk), "lun": lun} for lun, disk in enumerate(disks[1:])
                ],
            },
            "networkProfile": {
                "networkInterfaces": [
                    {"id": one["id"], "properties": {"primary": one["properties"]["primary"]}}
                    for one in interfaces
                ]
            },
            "provisioningState": "Succeeded",
            "timeCreated": world.now.isoformat(),
        },
        PRIVATE: {
            "instance": source["instance"],
            "machine": source["name"],
            "item": item["id"],
            "production": production,
            "recoveryPoint": point.name,
            "recoveryPointTime": point.time.isoformat(),
            "record": point.record,
            "disks": [disk["id"] for disk in disks],
            "interfaces": [one["id"] for one in interfaces],
            "services": _services(world, source),
            views.GENERATION: machine_sizes.generation_of(source["firmware"]),
            power.POWER: power.switched_on(world, machine_id, [source["name"], name]),
        },
    }
    if target["zone"]:
        document["zones"] = [target["zone"]]
    for key, name in _PLACED.items():
        if target.get(key):
            document["properties"][name] = {"id": target[key]}
    if target.get("capacityGroupId"):
        reserved_in = {"capacityReservationGroup": {"id": target["capacityGroupId"]}}
        document["properties"]["capacityReservation"] = reserved_in
    if target["licenseType"] == "WindowsServer":
        document["properties"]["licenseType"] = "Windows_Server"
    if target.get("linuxLicenseType") == "LinuxServer":
        # Which of Compute's two values the service sets is [inferred] from the system.
        sles = str(source["os"]).startswith("sles")
        document["properties"]["licenseType"] = "SLES_BYOS" if sles else "RHEL_BYOS"
    resources.put(world, document)
    return document, note


def _services(world: World, source: Document) -> list[list[object]]:
    """The services of a machine's source, as long as EC2 lists that."""
    instance = machine.instance_of(world, source["instance"])
    if instance is None:
        return []
    found = services.installed(instance.platform, instance.tags)
    return [[service.name, service.port] for service in found]


def subnet_for_test(world: World, network_id: str, subnet: str) -> str:
    """The test network's subnet with the given name; its first subnet if there is none."""
    network = resources.find(world, network_id)
    name = subnet.rstrip("/").rsplit("/", 1)[-1]
    inside = [known["name"] for known in (network or _NO_NETWORK)["properties"].get("subnets", [])]
    return name if name.lower() in [known.lower() for known in inside] else next(iter(inside), name)


def apply(world: World, machine_id: str, point: Point) -> None:
    """Replace the data of a virtual machine by that of another recovery point.

    Raises:
        JobError: the virtual machine no longer exists, or may not be changed.
    """
    document = resources.find(world, machine_id)
    if document is None:
        raise _missing("virtual machine", machine_id)
    governed.require_writable(world, document)
    document[PRIVATE] |= {
        "recoveryPoint": point.name,
        "recoveryPointTime": point.time.isoformat(),
        "record": point.record,
    }
    resources.put(world, document)


def delete(world: World, machine_id: str | None) -> None:
    """Delete a test virtual machine, its disks and its interfaces, as far as they exist.

    Raises:
        JobError: one of them may not be deleted.
    """
    document = resources.find(world, machine_id) if machine_id else None
    if document is None:
        return
    private = document.get(PRIVATE, {})
    parts = [*private.get("disks", ()), *private.get("interfaces", ())]
    found = [document, *filter(None, (resources.find(world, part) for part in parts))]
    governed.require_deletable(world, found)
    for resource in found:
        world.store.delete(ResourceId.parse(resource["id"]).kind, resource["id"])


def _subnet(world: World, network: Document, subnet: str) -> Document:
    name = subnet.rstrip("/").rsplit("/", 1)[-1]
    inside = network["properties"].get("subnets") or []
    names = [known["name"].lower() for known in inside]
    own = resources.find(world, f"{network['id']}/subnets/{name}")
    if own is not None:
        return own
    if not name and inside:
        return dict(inside[0])
    if name.lower() in names:
        return dict(inside[names.index(name.lower())])
    raise _missing("subnet", f"{network['id']}/subnets/{name}")


def _elsewhere(placement: Placement, what: str) -> JobError:
    """The error of a machine whose network is in another subscription or region than itself.

    Source: "Create, change, or delete a network interface": it can be assigned to a virtual network
    in its own subscription and location. The code is [inferred].
    """
    return JobError(
        "28031",
        f"The virtual network '{placement.network_id}' is not in the {what} of the virtual "
        f"machine '{placement.name}'.",
        f"A network interface is in the {what} of its virtual network.",
        f"Choose a network of the {what} in the properties of the replicated item.",
        task=0,
    )


def _missing(what: str, identifier: str) -> JobError:
    return JobError(
        "28031",
        f"The {what} '{identifier}' was not found.",
        f"The {what} was deleted or renamed after it was chosen.",
        f"Create the {what}, or choose another in the properties of the replicated item.",
        task=0,
    )


def _disk(world: World, item: Document, machine_id: str, location: str, disk: Document) -> Document:
    target = item[PRIVATE]["target"]
    tag = world.guid("disk", item["id"], disk["id"], world.now.isoformat())
    kind = disk.get("type") or target["diskType"]
    document: Document = {
        "name": f"{_letters(disk['name'])}-{target['vmName']}-{tag}",
        "type": DISK_TYPE,
        "managedBy": machine_id,
        "location": location,
        "tags": dict(target["diskTags"] or {}),
        "sku": {"name": kind, "tier": kind.split("_")[0]},
        "properties": {
            "creationData": {"createOption": "Restore"},
            "diskSizeGB": disk["sizeGib"],
            "diskState": "Attached",
            "provisioningState": "Succeeded",
            "timeCreated": world.now.isoformat(),
        },
    }
    key = disk.get("encryptionSet") or target.get("diskEncryptionSetId")
    if key:
        document["properties"]["encryption"] = {
            "type": "EncryptionAtRestWithCustomerKey",
            "diskEncryptionSetId": key,
        }
    document["id"] = f"{target['resourceGroupId']}/providers/{DISK_TYPE}/{document['name']}"
    resources.put(world, document)
    return document


def _letters(device: str) -> str:
    r"""`\\\\.\\PHYSICALDRIVE0` or `/dev/sda1` as it may stand in a resource's name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", device).strip("-")


def _attached(disk: Document) -> Document:
    return {
        "name": disk["name"],
        "createOption": "Attach",
        "caching": "None",
        "managedDisk": {"storageAccountType": disk["sku"]["name"], "id": disk["id"]},
        "diskSizeGB": disk["properties"]["diskSizeGB"],
    }


def _interfaces(
    world: World,
    item: Document,
    places: Sequence[tuple[Document, str | None]],
    machine_id: str,
    location: str,
) -> list[Document]:
    """Make the interfaces of a virtual machine, each from its subnet and its static address.

    Raises:
        JobError: one cannot have its address. None of them is left then.
    """
    made: list[Document] = []
    try:
        for place in places:
            made.append(_interface(world, item, place, machine_id, location, len(made)))
    except JobError:
        for one in made:
            world.store.delete(ResourceId.parse(one["id"]).kind, one["id"])
        raise
    return made


def _interface(
    world: World,
    item: Document,
    place: tuple[Document, str | None],
    machine_id: str,
    location: str,
    number: int,
) -> Document:
    subnet, static = place
    target = item[PRIVATE]["target"]
    tag = world.guid("nic", item["id"], world.now.isoformat(), number)
    name = f"nic-{machine_id.rsplit('/', 1)[-1]}-{number:02}-{tag}"
    identifier = f"{target['resourceGroupId']}/providers/{NIC_TYPE}/{name}"
    configuration = f"{identifier}/ipConfigurations/ipconfig1"
    document = {
        "name": name,
        "id": identifier,
        "type": NIC_TYPE,
        "location": location,
        "tags": dict(target["nicTags"] or {}),
        "properties": {
            "provisioningState": "Succeeded",
            "ipConfigurations": [
                {
                    "name": "ipconfig1",
                    "id": configuration,
                    "properties": {
                        "provisioningState": "Succeeded",
                        "privateIPAddress": _address(world, subnet, static, configuration),
                        "privateIPAllocationMethod": "Static" if static else "Dynamic",
                        "subnet": {"id": subnet["id"]},
                        "primary": True,
                        "privateIPAddressVersion": "IPv4",
                    },
                }
            ],
            "primary": number == 0,
            "virtualMachine": {"id": machine_id},
        },
    }
    resources.put(world, document)
    return document


def _address(world: World, subnet: Document, static: str | None, user: str) -> str:
    try:
        return allocate(world, subnet, static, user)
    except ArmError as refused:
        raise JobError(
            # [inferred]: no recording has a failover that failed for its address.
            "28032" if static is None else "28033",
            f"{refused.message} ({refused.code})",
            "The subnet has no free address, or not the one that the item names.",
            "Choose another address or subnet in the properties of the replicated item.",
            task=0,
        ) from refused
