"""Virtual machines and managed disks. They can be read and deleted; Site Recovery creates them.

Source: Microsoft.Compute, VirtualMachines_* and Disks_* operations.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import async_operations
from emulator.kernel import long_running
from emulator.kernel.resources import (
    find,
    list_of_views,
    listing,
    public,
    require,
    require_group,
    resource_id,
)
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

API_VERSIONS = (
    "2021-07-01",
    "2022-03-01",
    "2022-08-01",
    "2022-11-01",
    "2023-03-01",
    "2023-07-01",
    "2023-09-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-04-01",
    "2025-11-01",
    "2026-03-01",
    "2026-04-01",
)
DISK_API_VERSIONS = (
    "2021-12-01",
    "2022-03-02",
    "2022-07-02",
    "2023-01-02",
    "2023-04-02",
    "2023-10-02",
    "2024-03-02",
    "2025-01-02",
    "2026-03-02",
)
MACHINES = "microsoft.compute/virtualmachines"
DISKS = "microsoft.compute/disks"
INTERFACES = "microsoft.network/networkinterfaces"
_AGENT_VERSION = "2.7.41491.1208"
_DELETION = "virtual machine deleted"
_DISK_DELETION = "disk deleted"
_DELETION_TAKES = timedelta(seconds=40)
_DISK_DELETION_TAKES = timedelta(seconds=5)

_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_PROVIDER = "providers/Microsoft.Compute"
_MACHINE = f"{_GROUP}/{_PROVIDER}/virtualMachines/{{machine}}"
_DISK = f"{_GROUP}/{_PROVIDER}/disks/{{disk}}"

routes = Routes(API_VERSIONS)
_disk_routes = Routes(DISK_API_VERSIONS)


def machine_id(subscription: str, group: str, machine: str) -> str:
    """The id of a virtual machine."""
    return resource_id(subscription, group, "Microsoft.Compute", "virtualMachines", machine)


def disk_id(subscription: str, group: str, disk: str) -> str:
    """The id of a managed disk."""
    return resource_id(subscription, group, "Microsoft.Compute", "disks", disk)


@routes.route("GET", _MACHINE, "VirtualMachines_Get")
def get(world: World, request: Request, subscription: str, group: str, machine: str) -> Response:
    """One machine; with `$expand=instanceView`, its power state too."""
    document = require(world, MACHINES, machine_id(subscription, group, machine))
    shown = _shown(document)
    if "instanceview" in request.query.get("$expand", "").lower():
        view = _view(world, document)
        shown["properties"] = {**shown["properties"], "instanceView": view}
    return Response(200, shown)


@routes.route("GET", f"{_MACHINE}/instanceView", "VirtualMachines_InstanceView")
def instance_view(
    world: World, request: Request, subscription: str, group: str, machine: str
) -> Response:
    """The agent, the disks, and the states of provisioning and power of a machine."""
    document = require(world, MACHINES, machine_id(subscription, group, machine))
    return Response(200, _view(world, document))


@routes.route("GET", f"{_GROUP}/{_PROVIDER}/virtualMachines", "VirtualMachines_List")
def list_by_group(world: World, request: Request, subscription: str, group: str) -> Response:
    """The machines of a group."""
    require_group(world, subscription, group)
    return _list(world, machine_id(subscription, group, ""))


@routes.route("GET", f"{_SUBSCRIPTION}/{_PROVIDER}/virtualMachines", "VirtualMachines_ListAll")
def list_all(world: World, request: Request, subscription: str) -> Response:
    """The machines of a subscription."""
    return _list(world, f"/subscriptions/{subscription}/")


@routes.route("DELETE", _MACHINE, "VirtualMachines_Delete")
def delete(world: World, request: Request, subscription: str, group: str, machine: str) -> Response:
    """Begin to delete a machine: 202, or 204 if there is none.

    Its disks and interfaces are deleted with it only if their `deleteOption` says so.
    """
    require_group(world, subscription, group)
    document = world.store.get(MACHINES, machine_id(subscription, group, machine))
    if document is None:
        return Response(204)
    document["properties"]["provisioningState"] = "Deleting"
    world.store.put(MACHINES, document["id"], document)
    headers = async_operations.begin(
        world, request, document, takes=_DELETION_TAKES, event=_DELETION
    )
    return Response(202, None, headers)


@_disk_routes.route("GET", _DISK, "Disks_Get")
def get_disk(world: World, request: Request, subscription: str, group: str, disk: str) -> Response:
    """One disk."""
    return Response(200, public(require(world, DISKS, disk_id(subscription, group, disk))))


@_disk_routes.route("GET", f"{_GROUP}/{_PROVIDER}/disks", "Disks_ListByResourceGroup")
def list_disks(world: World, request: Request, subscription: str, group: str) -> Response:
    """The disks of a group."""
    require_group(world, subscription, group)
    return listing(world.store.list(DISKS, disk_id(subscription, group, "")))


@_disk_routes.route("GET", f"{_SUBSCRIPTION}/{_PROVIDER}/disks", "Disks_List")
def list_all_disks(world: World, request: Request, subscription: str) -> Response:
    """The disks of a subscription."""
    return listing(world.store.list(DISKS, f"/subscriptions/{subscription}/"))


@_disk_routes.route("DELETE", _DISK, "Disks_Delete")
def delete_disk(
    world: World, request: Request, subscription: str, group: str, disk: str
) -> Response:
    """Begin to delete a disk that no machine uses: 202, or 204 if there is none."""
    require_group(world, subscription, group)
    document = world.store.get(DISKS, disk_id(subscription, group, disk))
    if document is None:
        return Response(204)
    if document.get("managedBy"):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Disk {document['name']} is attached to VM {document['managedBy']}.",
        )
    headers = async_operations.begin(
        world, request, document, takes=_DISK_DELETION_TAKES, event=_DISK_DELETION
    )
    return Response(202, None, headers)


# Operations of machines and of disks are polled at the same URLs.
_polls = Routes((*API_VERSIONS, *DISK_API_VERSIONS))
async_operations.add_routes(
    _polls, "Microsoft.Compute", statuses="operations", results="operationResults"
)
routes.include(_disk_routes)
routes.include(_polls)


def register(world: World) -> None:
    """Register the event handlers that end the deletion of machines and disks."""
    long_running.finisher(world, _DELETION, _delete)
    long_running.finisher(world, _DISK_DELETION, _delete_disk)


def _delete(world: World, payload: Document) -> None:
    document = find(world, payload["id"])
    if document is None:
        return
    world.store.delete(MACHINES, document["id"])
    properties = document["properties"]
    storage = properties.get("storageProfile", {})
    disks = [storage[name] for name in ("osDisk",) if name in storage]
    for disk in [*disks, *storage.get("dataDisks", [])]:
        goes = str(disk.get("deleteOption", "Detach")).lower() == "delete"
        _release(world, DISKS, disk.get("managedDisk", {}).get("id"), goes)
    for interface in properties.get("networkProfile", {}).get("networkInterfaces", []):
        options = interface.get("properties", {})
        goes = str(options.get("deleteOption", "Detach")).lower() == "delete"
        _release(world, INTERFACES, interface.get("id"), goes)


def _release(world: World, kind: str, identifier: str | None, goes: bool) -> None:
    document = world.store.get(kind, identifier) if identifier else None
    if document is None:
        return
    if goes:
        world.store.delete(kind, document["id"])
        return
    document.pop("managedBy", None)
    document["properties"].pop("virtualMachine", None)
    if kind == DISKS:
        document["properties"]["diskState"] = "Unattached"
    world.store.put(kind, document["id"], document)


def _delete_disk(world: World, payload: Document) -> None:
    world.store.delete(DISKS, payload["id"])


def _list(world: World, prefix: str) -> Response:
    def kept(key: str) -> bytes:
        def show() -> Document:
            document = world.store.peek(MACHINES, key)
            assert document is not None
            return _shown(document)

        return world.views.json((MACHINES, key), show)

    return Response(200, list_of_views(map(kept, world.store.keys(MACHINES, prefix))))


def _shown(document: Document) -> Document:
    """A machine with the default of its disks' `deleteOption`."""
    shown = public(document)
    storage = document["properties"].get("storageProfile")
    if storage is None:
        return shown
    held = {**storage}
    if "osDisk" in storage:
        held["osDisk"] = {"deleteOption": "Detach", **storage["osDisk"]}
    held["dataDisks"] = [
        {"deleteOption": "Detach", **disk} for disk in storage.get("dataDisks", [])
    ]
    shown["properties"] = {**document["properties"], "storageProfile": held}
    return shown


def _view(world: World, document: Document) -> Document:
    """The instance view: the agent, the disks, and the states of provisioning and power."""
    properties = document["properties"]
    state = str(properties.get("provisioningState", "Succeeded"))
    ready = state == "Succeeded"
    time = properties.get("timeCreated", world.now.isoformat())
    provisioned = {
        "code": f"ProvisioningState/{state.lower()}",
        "level": "Info",
        "displayStatus": "Provisioning succeeded" if ready else state,
        "time": time,
    }
    storage = properties.get("storageProfile", {})
    disks = [storage[name] for name in ("osDisk",) if name in storage]
    view: Document = {
        "computerName": properties.get("osProfile", {}).get("computerName"),
        "hyperVGeneration": "V1",
        "vmAgent": {
            "vmAgentVersion": _AGENT_VERSION,
            "statuses": [
                {
                    "code": "ProvisioningState/succeeded",
                    "level": "Info",
                    "displayStatus": "Ready",
                    "message": "GuestAgent is running and processing the extensions.",
                    "time": world.now.isoformat(),
                }
            ],
            "extensionHandlers": [],
        },
        "disks": [
            {"name": _disk_name(disk), "statuses": [provisioned]}
            for disk in [*disks, *storage.get("dataDisks", [])]
        ],
        "extensions": [],
        "statuses": [
            provisioned,
            {
                "code": "PowerState/running" if ready else "PowerState/stopped",
                "level": "Info",
                "displayStatus": "VM running" if ready else "VM stopped",
            },
        ],
    }
    if not ready:  # Nothing runs in it that could report.
        del view["vmAgent"]
    return view


def _disk_name(disk: Document) -> str:
    return str(disk.get("name") or disk.get("managedDisk", {}).get("id", "").rpartition("/")[2])
