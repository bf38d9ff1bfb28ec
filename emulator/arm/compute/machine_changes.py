"""Changing a virtual machine: its tags, its size, what is attached to it. Site Recovery creates it.

Source: Microsoft.Compute, VirtualMachines_CreateOrUpdate and VirtualMachines_Update.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from emulator.arm import async_operations, machine_sizes, tags, tracked
from emulator.arm.compute import instance_view, power
from emulator.arm.compute.changes import read, require_unchanged
from emulator.arm.compute.kinds import API_VERSIONS, DISKS, MACHINE, MACHINES, machine_id
from emulator.arm.compute.machines import shown
from emulator.arm.merging import merged
from emulator.kernel import long_running, schema
from emulator.kernel.resources import PRIVATE, find, require, require_writable_group
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_TYPE = "Microsoft.Compute/virtualMachines"
_CHANGE = "virtual machine changed"
_TAKES = timedelta(seconds=15)
_DELETE_OPTION = schema.OneOf("Detach", "Delete")
_HELD_DISK = {
    "name": str,
    "caching": schema.OneOf("None", "ReadOnly", "ReadWrite"),
    "createOption": schema.OneOf("Attach", "Copy", "Empty", "FromImage", "Restore"),
    "deleteOption": _DELETE_OPTION,
    "diskSizeGB": int,
    "managedDisk": {"id": str, "storageAccountType": str},
    "writeAcceleratorEnabled": bool,
}
_BODY = {
    **tracked.COMMON,
    **dict.fromkeys(("managedBy", "resources"), schema.IGNORED),
    "zones": [str],
    "properties": {
        **dict.fromkeys(
            ("instanceView", "provisioningState", "timeCreated", "vmId"), schema.IGNORED
        ),
        "diagnosticsProfile": {"bootDiagnostics": {"enabled": bool, "storageUri": str}},
        "hardwareProfile": {"vmSize": str},
        "licenseType": str,
        "networkProfile": {
            "networkInterfaces": [
                {"id": str, "properties": {"primary": bool, "deleteOption": _DELETE_OPTION}}
            ]
        },
        "storageProfile": {
            "dataDisks": [{**_HELD_DISK, "lun": int, "toBeDetached": bool}],
            "diskControllerType": schema.OneOf("NVMe", "SCSI"),
            "osDisk": {**_HELD_DISK, "osType": schema.OneOf("Linux", "Windows")},
        },
    },
}
_FIXED = (
    "storageProfile.osDisk.createOption",
    "storageProfile.osDisk.name",
    "storageProfile.osDisk.osType",
    "storageProfile.osDisk.managedDisk.id",
)

routes = Routes(API_VERSIONS)


@routes.route("PUT", MACHINE, "VirtualMachines_CreateOrUpdate")
def put(world: World, request: Request, subscription: str, group: str, machine: str) -> Response:
    """Change a machine; what the body leaves out goes back to its default, or stays."""
    body = read(request, _BODY)
    identifier = machine_id(subscription, group, machine)
    present, document = tracked.begin_put(world, identifier, _TYPE, body)
    if present is None:
        raise ArmError(
            501,
            "NotImplemented",
            f"The emulator cannot create the virtual machine '{machine}': only a failover does. "
            "It changes one that exists.",
        )
    document["properties"] = body.get("properties", {})
    if "zones" in body:
        document["zones"] = body["zones"]
    return _change(world, request, present, document)


@routes.route("PATCH", MACHINE, "VirtualMachines_Update")
def update(world: World, request: Request, subscription: str, group: str, machine: str) -> Response:
    """Change a machine; what the body leaves out stays. Tags are replaced as a whole."""
    present = require(world, MACHINES, machine_id(subscription, group, machine))
    require_writable_group(world, subscription, group)
    body = read(request, _BODY)
    tags.require(body)
    document = {**present, "properties": merged(present["properties"], body.get("properties", {}))}
    document |= {name: body[name] for name in ("tags", "zones") if name in body}
    return _change(world, request, present, document)


def register(world: World) -> None:
    """Register the event handler that ends a change."""
    long_running.finisher(world, _CHANGE, _changed)


def _change(world: World, request: Request, present: Document, wanted: Document) -> Response:
    """Begin a change from one document to another one.

    Raises:
        ArmError: for a change that Azure refuses.
    """
    was, asked = present["properties"], wanted["properties"]
    require_unchanged(present, wanted, ("zones",))
    require_unchanged(was, asked, _FIXED)
    _require_interfaces(was, asked)
    properties = {**was}
    for name in ("diagnosticsProfile", "licenseType"):
        properties.pop(name, None)
        if name in asked:
            properties[name] = asked[name]
    if "networkProfile" in asked:
        properties["networkProfile"] = asked["networkProfile"]
    size = _size(was, asked)
    _require_boots(present, size)
    disks = _disks(world, present["id"], was, asked, size)
    os_disk = merged(
        was["storageProfile"]["osDisk"], asked.get("storageProfile", {}).get("osDisk", {})
    )
    properties |= {
        "hardwareProfile": {"vmSize": size.name},
        "storageProfile": {**was["storageProfile"], "osDisk": os_disk, "dataDisks": disks},
        "provisioningState": "Updating",
    }
    document = {**present, "properties": properties}
    document.pop("tags", None)
    if "tags" in wanted:
        document["tags"] = wanted["tags"]
    if size.name != was["hardwareProfile"]["vmSize"] and _runs(world, present):
        # Azure moves a machine that runs to a host of the new size: it boots again.
        again = power.switched_on(world, document["id"], [document["name"]])
        document[PRIVATE] = {**document.get(PRIVATE, {}), power.POWER: again}
    world.store.put(MACHINES, document["id"], document)
    headers = async_operations.begin(world, request, document, takes=_TAKES, event=_CHANGE)
    return Response(200, shown(document), headers)


def _changed(world: World, payload: Document) -> None:
    document = world.store.get(MACHINES, payload["id"])
    if document is not None and document["properties"]["provisioningState"] == "Updating":
        document["properties"]["provisioningState"] = "Succeeded"
        world.store.put(MACHINES, document["id"], document)


def _runs(world: World, document: Document) -> bool:
    return power.code(world, document) in ("PowerState/running", "PowerState/starting")


def _size(was: Document, asked: Document) -> machine_sizes.Size:
    name = asked.get("hardwareProfile", {}).get("vmSize") or was["hardwareProfile"]["vmSize"]
    size = machine_sizes.named(name)
    if size is None:
        raise ArmError(
            400,
            "InvalidParameter",
            f"The value {name} provided for the VM size is not valid. The valid sizes in the "
            f"current region are: {', '.join(known.name for known in machine_sizes.SIZES)}.",
            target="vmSize",
        )
    return size


def _require_boots(present: Document, size: machine_sizes.Size) -> None:
    """Refuse a size that does not boot the machine ("Support for generation 2 VMs on Azure")."""
    generation = instance_view.generation(present)
    if generation not in size.generations:
        raise ArmError(
            400,
            "BadRequest",
            f"The selected VM size '{size.name}' cannot boot Hypervisor Generation "
            f"'{generation.removeprefix('V')}'.",
            target="vmSize",
        )


def _require_interfaces(was: Document, asked: Document) -> None:
    """Refuse other interfaces: that needs a machine which is deallocated, and is not emulated."""
    given = asked.get("networkProfile", {}).get("networkInterfaces")
    if given is None:
        return
    before = [one["id"].lower() for one in was["networkProfile"]["networkInterfaces"]]
    if sorted(before) != sorted(str(one.get("id", "")).lower() for one in given):
        name = "networkProfile.networkInterfaces"
        raise ArmError(
            409,
            "PropertyChangeNotAllowed",
            f"Changing property '{name}' is not allowed.",
            target=name,
        )


def _disks(
    world: World, machine: str, was: Document, asked: Document, size: machine_sizes.Size
) -> list[Document]:
    """Attach and detach data disks; the data disks afterwards."""
    before = {_disk_id(disk).lower(): disk for disk in was["storageProfile"].get("dataDisks", [])}
    given = asked.get("storageProfile", {}).get("dataDisks")
    wanted = list(before.values()) if given is None else given
    if len(wanted) > size.data_disks:
        raise ArmError(
            409,
            "OperationNotAllowed",
            "The maximum number of data disks allowed to be attached to a VM of this size is "
            f"{size.data_disks}.",
            target="dataDisks",
        )
    luns = [disk.get("lun") for disk in wanted]
    if None in luns or len(set(luns)) < len(luns):
        raise ArmError(
            400,
            "InvalidParameter",
            "Each data disk needs a lun of its own.",
            target="dataDisks.lun",
        )
    held = []
    for disk in wanted:
        known = before.pop(_disk_id(disk).lower(), None)
        held.append(merged(known, disk) if known is not None else _attached(world, machine, disk))
    for disk in before.values():
        _detach(world, disk)
    return held


def _attached(world: World, machine: str, disk: Document) -> Document:
    identifier = _disk_id(disk)
    found = find(world, identifier) if identifier else None
    if found is None or found["type"].lower() != DISKS:
        raise ArmError(404, "NotFound", f"Disk {identifier or disk.get('name')} is not found.")
    if found.get("managedBy"):
        raise ArmError(
            409,
            "ConflictingUserInput",
            f"Disk '{found['id']}' cannot be attached as the disk is already owned by VM "
            f"'{found['managedBy']}'.",
        )
    found["managedBy"] = machine
    found["properties"]["diskState"] = "Attached"
    world.store.put(DISKS, found["id"], found)
    about: dict[str, Any] = {
        "name": found["name"],
        "caching": "None",
        "managedDisk": {"id": found["id"], "storageAccountType": found["sku"]["name"]},
        "diskSizeGB": found["properties"]["diskSizeGB"],
    }
    return merged(about, disk)


def _detach(world: World, disk: Document) -> None:
    found = find(world, _disk_id(disk))
    if found is not None:
        found.pop("managedBy", None)
        found["properties"]["diskState"] = "Unattached"
        world.store.put(DISKS, found["id"], found)


def _disk_id(disk: Document) -> str:
    return str(disk.get("managedDisk", {}).get("id") or "")
