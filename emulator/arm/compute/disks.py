"""Managed disks: reading and deleting them.

Source: Microsoft.Compute, Disks_* operations.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import async_operations
from emulator.arm.compute.kinds import (
    DISK,
    DISK_API_VERSIONS,
    DISKS,
    GROUP,
    PROVIDER,
    SUBSCRIPTION,
    disk_id,
)
from emulator.kernel import long_running
from emulator.kernel.resources import listing, public, require, require_group
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_DELETION = "disk deleted"
_TAKES = timedelta(seconds=5)

routes = Routes(DISK_API_VERSIONS)


@routes.route("GET", DISK, "Disks_Get")
def get_disk(world: World, request: Request, subscription: str, group: str, disk: str) -> Response:
    """One disk."""
    return Response(200, public(require(world, DISKS, disk_id(subscription, group, disk))))


@routes.route("GET", f"{GROUP}/{PROVIDER}/disks", "Disks_ListByResourceGroup")
def list_disks(world: World, request: Request, subscription: str, group: str) -> Response:
    """The disks of a group."""
    require_group(world, subscription, group)
    return listing(world.store.list(DISKS, disk_id(subscription, group, "")))


@routes.route("GET", f"{SUBSCRIPTION}/{PROVIDER}/disks", "Disks_List")
def list_all_disks(world: World, request: Request, subscription: str) -> Response:
    """The disks of a subscription."""
    return listing(world.store.list(DISKS, f"/subscriptions/{subscription}/"))


@routes.route("DELETE", DISK, "Disks_Delete")
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
    headers = async_operations.begin(world, request, document, takes=_TAKES, event=_DELETION)
    return Response(202, None, headers)


def register(world: World) -> None:
    """Register the event handler that ends the deletion of disks."""
    long_running.finisher(world, _DELETION, _delete)


def _delete(world: World, payload: Document) -> None:
    world.store.delete(DISKS, payload["id"])
