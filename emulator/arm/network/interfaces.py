"""Network interfaces and public addresses: to read and delete.

Source: Microsoft.Network, NetworkInterfaces_* and PublicIPAddresses_* operations.
"""

from __future__ import annotations

from collections.abc import Callable
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

ONE_INTERFACE = f"{_GROUP}/{_PROVIDER}/networkInterfaces/{{name}}"
ONE_ADDRESS = f"{_GROUP}/{_PROVIDER}/publicIPAddresses/{{name}}"

routes = Routes(API_VERSIONS)


def _add(plural: str, tag: str, kind: str, shown: Callable[[World, Document], Document]) -> None:
    """Add get, list and delete of one resource type."""
    one = f"{_GROUP}/{_PROVIDER}/{plural}/{{name}}"

    @routes.route("GET", one, f"{tag}_Get")
    def get(world: World, request: Request, subscription: str, group: str, name: str) -> Response:
        document = require(world, kind, identify(subscription, group, name))
        return Response(200, shown(world, document))

    @routes.route("GET", f"{_GROUP}/{_PROVIDER}/{plural}", f"{tag}_List")
    def list_by_group(world: World, request: Request, subscription: str, group: str) -> Response:
        require_group(world, subscription, group)
        found = world.store.list(kind, identify(subscription, group, ""))
        return listing(shown(world, document) for document in found)

    @routes.route("GET", f"{_SUBSCRIPTION}/{_PROVIDER}/{plural}", f"{tag}_ListAll")
    def list_all(world: World, request: Request, subscription: str) -> Response:
        found = world.store.list(kind, f"/subscriptions/{subscription}/")
        return listing(shown(world, document) for document in found)

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


def shown_interface(world: World, document: Document) -> Document:
    """An interface with what Azure adds to every one, always the same for the same interface."""
    identifier = str(document["id"]).lower()
    # Interfaces in Azure have addresses with Microsoft's prefix 00-0D-3A.
    number = world.random("mac address", identifier).getrandbits(24)
    octets = [0x00, 0x0D, 0x3A, *number.to_bytes(3, "big")]
    tag = _etag(world, identifier)
    properties = document["properties"]
    added = {
        "enableAcceleratedNetworking": False,
        "enableIPForwarding": False,
        "hostedWorkloads": [],
        "macAddress": "-".join(f"{octet:02X}" for octet in octets),
        "nicType": "Standard",
        "provisioningState": "Succeeded",
        "resourceGuid": world.guid("resource", identifier),
        "tapConfigurations": [],
    }
    configurations = [
        {"type": f"{document['type']}/ipConfigurations", **one, "etag": tag}
        for one in properties.get("ipConfigurations", [])
    ]
    names = {"dnsServers": [], "appliedDnsServers": [], **properties.get("dnsSettings", {})}
    shown = {**added, **properties, "dnsSettings": names, "ipConfigurations": configurations}
    return {**public(document), "etag": tag, "properties": shown}


def shown_address(world: World, document: Document) -> Document:
    """A public address with the configuration of an interface that has it, if one has."""
    identifier = str(document["id"]).lower()
    properties = {"resourceGuid": world.guid("resource", identifier), **document["properties"]}
    user = _user(world, identifier)
    if user is not None:
        properties["ipConfiguration"] = {"id": user}
    return {**public(document), "etag": _etag(world, identifier), "properties": properties}


def _user(world: World, address: str) -> str | None:
    """The id of the configuration of an interface that has a public address."""
    for interface in world.store.list(INTERFACES):
        for one in interface["properties"].get("ipConfigurations", []):
            if one["properties"].get("publicIPAddress", {}).get("id", "").lower() == address:
                return str(one["id"])
    return None


def _etag(world: World, identifier: str) -> str:
    return f'W/"{world.guid("etag", identifier)}"'


_add("networkInterfaces", "NetworkInterfaces", INTERFACES, shown_interface)
_add("publicIPAddresses", "PublicIPAddresses", ADDRESSES, shown_address)


def register(world: World) -> None:
    """Register the event handler that ends a deletion."""
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
    user = _user(world, str(document["id"]).lower())
    if user is not None:
        raise ArmError(
            400,
            "PublicIPAddressCannotBeDeleted",
            f"Public IP address {document['id']} can not be deleted since it is still allocated "
            f"to resource {user}. In order to delete the public IP, disassociate/detach the "
            "Public IP address from the resource. To learn how to do this, see "
            "aka.ms/deletepublicip.",
        )
