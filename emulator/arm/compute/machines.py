"""Virtual machines: reading and deleting them. Site Recovery creates them.

Source: Microsoft.Compute, VirtualMachines_* operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from emulator.arm import async_operations
from emulator.arm.compute import instance_view as views
from emulator.arm.compute.kinds import (
    API_VERSIONS,
    DISKS,
    GROUP,
    MACHINE,
    MACHINES,
    PROVIDER,
    SUBSCRIPTION,
    machine_id,
)
from emulator.kernel import long_running
from emulator.kernel.resources import find, list_of_views, public, require, require_group
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World

INTERFACES = "microsoft.network/networkinterfaces"
_DELETION = "virtual machine deleted"
_TAKES = timedelta(seconds=40)

routes = Routes(API_VERSIONS)


@routes.route("GET", MACHINE, "VirtualMachines_Get")
def get(world: World, request: Request, subscription: str, group: str, machine: str) -> Response:
    """One machine; with `$expand=instanceView`, its power state too."""
    document = require(world, MACHINES, machine_id(subscription, group, machine))
    made = shown(document)
    if "instanceview" in request.query.get("$expand", "").lower():
        view = views.view(world, document)
        made["properties"] = {**made["properties"], "instanceView": view}
    return Response(200, made)


@routes.route("GET", f"{MACHINE}/instanceView", "VirtualMachines_InstanceView")
def instance_view(
    world: World, request: Request, subscription: str, group: str, machine: str
) -> Response:
    """The agent, the disks, and the states of provisioning and power of a machine."""
    document = require(world, MACHINES, machine_id(subscription, group, machine))
    return Response(200, views.view(world, document))


@routes.route("GET", f"{GROUP}/{PROVIDER}/virtualMachines", "VirtualMachines_List")
def list_by_group(world: World, request: Request, subscription: str, group: str) -> Response:
    """The machines of a group."""
    require_group(world, subscription, group)
    return _list(world, machine_id(subscription, group, ""))


@routes.route("GET", f"{SUBSCRIPTION}/{PROVIDER}/virtualMachines", "VirtualMachines_ListAll")
def list_all(world: World, request: Request, subscription: str) -> Response:
    """The machines of a subscription."""
    return _list(world, f"/subscriptions/{subscription}/")


@routes.route("DELETE", MACHINE, "VirtualMachines_Delete")
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
    headers = async_operations.begin(world, request, document, takes=_TAKES, event=_DELETION)
    return Response(202, None, headers)


def register(world: World) -> None:
    """Register the event handler that ends the deletion of machines."""
    long_running.finisher(world, _DELETION, _delete)


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


def _list(world: World, prefix: str) -> Response:
    def kept(key: str) -> Sequence[bytes]:
        def show() -> Document:
            document = world.store.peek(MACHINES, key)
            assert document is not None
            return shown(document)

        return world.views.pieces((MACHINES, key), show)

    return Response(200, list_of_views(map(kept, world.store.keys(MACHINES, prefix))))


def shown(document: Document) -> Document:
    """A machine with the default of its disks' `deleteOption`."""
    made = public(document)
    storage = document["properties"].get("storageProfile")
    if storage is None:
        return made
    held = {**storage}
    if "osDisk" in storage:
        held["osDisk"] = {"deleteOption": "Detach", **storage["osDisk"]}
    held["dataDisks"] = [
        {"deleteOption": "Detach", **disk} for disk in storage.get("dataDisks", [])
    ]
    made["properties"] = {**document["properties"], "storageProfile": held}
    return made
