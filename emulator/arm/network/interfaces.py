"""Network interfaces and public addresses: read and deleted; Site Recovery creates them.

Source: Microsoft.Network, NetworkInterfaces_* and PublicIPAddresses_* operations.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import async_operations
from emulator.arm.network.versions import API_VERSIONS
from emulator.kernel import long_running
from emulator.kernel.resources import listing, public, require, require_group, resource_id
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

INTERFACES = "microsoft.network/networkinterfaces"
ADDRESSES = "microsoft.network/publicipaddresses"
_DELETION = "network resource deleted"
_DELETION_TAKES = timedelta(seconds=5)

_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_PROVIDER = "providers/Microsoft.Network"

routes = Routes(API_VERSIONS)


def _add(plural: str, tag: str, kind: str) -> None:
    """Get, list and delete for one type of resource."""
    one = f"{_GROUP}/{_PROVIDER}/{plural}/{{name}}"

    @routes.route("GET", one, f"{tag}_Get")
    def get(world: World, request: Request, subscription: str, group: str, name: str) -> Response:
        return Response(200, public(require(world, kind, identify(subscription, group, name))))

    @routes.route("GET", f"{_GROUP}/{_PROVIDER}/{plural}", f"{tag}_List")
    def list_by_group(world: World, request: Request, subscription: str, group: str) -> Response:
        require_group(world, subscription, group)
        return listing(world.store.list(kind, identify(subscription, group, "")))

    @routes.route("GET", f"{_SUBSCRIPTION}/{_PROVIDER}/{plural}", f"{tag}_ListAll")
    def list_all(world: World, request: Request, subscription: str) -> Response:
        return listing(world.store.list(kind, f"/subscriptions/{subscription}/"))

    @routes.route("DELETE", one, f"{tag}_Delete")
    def delete(
        world: World, request: Request, subscription: str, group: str, name: str
    ) -> Response:
        require_group(world, subscription, group)
        document = world.store.get(kind, identify(subscription, group, name))
        if document is None:
            return Response(204)
        _require_unused(world, document)
        headers = async_operations.begin(
            world, request, document, takes=_DELETION_TAKES, event=_DELETION
        )
        return Response(202, None, headers)

    def identify(subscription: str, group: str, name: str) -> str:
        return resource_id(subscription, group, "Microsoft.Network", plural, name)


_add("networkInterfaces", "NetworkInterfaces", INTERFACES)
_add("publicIPAddresses", "PublicIPAddresses", ADDRESSES)


def register(world: World) -> None:
    """What ends a deletion."""
    long_running.finisher(world, _DELETION, _delete)


def _delete(world: World, payload: Document) -> None:
    world.store.delete(str(payload["type"]).lower(), payload["id"])


def _require_unused(world: World, document: Document) -> None:
    properties = document["properties"]
    machine = properties.get("virtualMachine", {}).get("id")
    if machine:
        raise ArmError(
            400,
            "NicInUse",
            f"Network Interface {document['id']} is used by existing resource {machine}. In order "
            "to delete the network interface, it must be dissociated from the resource. To learn "
            "more, see aka.ms/deletenic.",
        )
    user = properties.get("ipConfiguration", {}).get("id")
    if user:
        raise ArmError(
            400,
            "PublicIPAddressCannotBeDeleted",
            f"Public IP address {document['id']} can not be deleted since it is still allocated "
            f"to resource {user}. In order to delete the public IP, disassociate/detach the "
            "Public IP address from the resource. To learn how to do this, see "
            "aka.ms/deletepublicip.",
        )
