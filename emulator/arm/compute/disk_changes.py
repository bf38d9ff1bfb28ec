"""Making an empty disk, and changing a disk: its tags, its kind, its size.

Source: Microsoft.Compute, Disks_CreateOrUpdate and Disks_Update.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import async_operations, tags, tracked
from emulator.arm.compute import power
from emulator.arm.compute.changes import read, require_unchanged
from emulator.arm.compute.kinds import DISK, DISK_API_VERSIONS, DISKS, MACHINES, disk_id
from emulator.kernel import long_running, schema
from emulator.kernel.resources import public, require, require_writable_group
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_TYPE = "Microsoft.Compute/disks"
_CHANGE = "disk changed"
_TAKES = timedelta(seconds=3)
_GIB = 1024**3
_KINDS = schema.OneOf(
    *("Standard_LRS", "StandardSSD_LRS", "Premium_LRS", "PremiumV2_LRS", "UltraSSD_LRS"),
    *("StandardSSD_ZRS", "Premium_ZRS"),
)
_BODY = {
    **tracked.COMMON,
    **dict.fromkeys(("managedBy", "managedByExtended"), schema.IGNORED),
    "sku": {"name": _KINDS, "tier": schema.IGNORED},
    "zones": [str],
    "properties": {
        **dict.fromkeys(
            ("diskSizeBytes", "diskState", "provisioningState", "timeCreated", "uniqueId"),
            schema.IGNORED,
        ),
        "creationData": {
            "createOption": schema.OneOf(
                "Attach", "Copy", "CopyStart", "Empty", "FromImage", "Import", "Restore", "Upload"
            ),
            "sourceResourceId": str,
        },
        "diskSizeGB": int,
        "hyperVGeneration": schema.OneOf("V1", "V2"),
        "networkAccessPolicy": schema.OneOf("AllowAll", "AllowPrivate", "DenyAll"),
        "osType": schema.OneOf("Linux", "Windows"),
        "publicNetworkAccess": schema.OneOf("Enabled", "Disabled"),
    },
}
_FIXED = (
    "creationData.createOption",
    "creationData.sourceResourceId",
    "osType",
    "hyperVGeneration",
)

routes = Routes(DISK_API_VERSIONS)


@routes.route("PUT", DISK, "Disks_CreateOrUpdate")
def put(world: World, request: Request, subscription: str, group: str, disk: str) -> Response:
    """Create an empty disk, or change one; what the body leaves out stays."""
    body = read(request, _BODY)
    identifier = disk_id(subscription, group, disk)
    present, document = tracked.begin_put(world, identifier, _TYPE, body)
    asked = body.get("properties", {})
    if present is None:
        document |= _new(world, disk, body, asked)
        return _begin(world, request, document)
    document = {**present, **document, "properties": present["properties"]}
    if "tags" not in body:
        document.pop("tags", None)
    return _begin(world, request, _changed(world, present, document, body, asked))


@routes.route("PATCH", DISK, "Disks_Update")
def update(world: World, request: Request, subscription: str, group: str, disk: str) -> Response:
    """Change a disk; what the body leaves out stays. Tags are replaced as a whole."""
    present = require(world, DISKS, disk_id(subscription, group, disk))
    require_writable_group(world, subscription, group)
    body = read(request, _BODY)
    tags.require(body)
    document = {**present, **({"tags": body["tags"]} if "tags" in body else {})}
    asked = body.get("properties", {})
    return _begin(world, request, _changed(world, present, document, body, asked))


def register(world: World) -> None:
    """Register the event handler that ends a change."""
    long_running.finisher(world, _CHANGE, _finished)


def _new(world: World, disk: str, body: Document, asked: Document) -> Document:
    option = asked.get("creationData", {}).get("createOption")
    if option is None:
        raise ArmError(
            400,
            "InvalidParameter",
            "Required parameter 'disk.properties.creationData.createOption' is missing (null).",
            target="disk.properties.creationData.createOption",
        )
    if option.lower() != "empty":
        raise ArmError(
            501,
            "NotImplemented",
            f"The emulator makes empty disks only, and '{disk}' is to be made by {option}.",
        )
    if not asked.get("diskSizeGB"):
        raise ArmError(
            400,
            "InvalidParameter",
            "Required parameter 'disk.properties.diskSizeGB' is missing (null).",
            target="disk.properties.diskSizeGB",
        )
    kind = body.get("sku", {}).get("name", "Standard_LRS")
    made = {
        "sku": {"name": kind, "tier": kind.split("_")[0]},
        "properties": {
            **asked,
            "diskState": "Unattached",
            "provisioningState": "Updating",
            "timeCreated": world.now.isoformat(),
        },
    }
    return {**made, **({"zones": body["zones"]} if "zones" in body else {})}


def _changed(
    world: World, present: Document, document: Document, body: Document, asked: Document
) -> Document:
    was = present["properties"]
    require_unchanged(present, body, ("zones",))
    require_unchanged(was, asked, _FIXED)
    size = asked.get("diskSizeGB", was["diskSizeGB"])
    if size < was["diskSizeGB"]:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Disk reduction is not supported. Current size is {was['diskSizeGB'] * _GIB} bytes, "
            f"requested size is {size * _GIB} bytes.",
        )
    kind = body.get("sku", {}).get("name", present["sku"]["name"])
    if kind.lower() != present["sku"]["name"].lower() and _in_use(world, present):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Cannot change the storage account type of disk '{present['name']}' while it is "
            f"attached to running VM '{present['managedBy']}'.",
        )
    properties = {**was, **asked, "provisioningState": "Updating"}
    sku = {"name": kind, "tier": kind.split("_")[0]}
    return {**document, "sku": sku, "properties": properties}


def _in_use(world: World, disk: Document) -> bool:
    machine = world.store.get(MACHINES, disk.get("managedBy") or "")
    return machine is not None and power.code(world, machine) != "PowerState/deallocated"


def _begin(world: World, request: Request, document: Document) -> Response:
    """Azure answers 202 to every PUT and PATCH of a disk (Disks_CreateOrUpdate)."""
    world.store.put(DISKS, document["id"], document)
    headers = async_operations.begin(world, request, document, takes=_TAKES, event=_CHANGE)
    return Response(202, public(document), headers)


def _finished(world: World, payload: Document) -> None:
    document = world.store.get(DISKS, payload["id"])
    if document is not None:
        document["properties"]["provisioningState"] = "Succeeded"
        world.store.put(DISKS, document["id"], document)
