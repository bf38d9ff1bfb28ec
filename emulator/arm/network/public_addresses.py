"""Making and changing public addresses. They are stored and shown, and carry no traffic.

Source: Microsoft.Network, PublicIPAddresses_CreateOrUpdate and _UpdateTags.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import async_operations, tracked
from emulator.arm.network.interfaces import ADDRESSES, ONE_ADDRESS, shown_address
from emulator.arm.network.requests import read, require_name, with_new_tags
from emulator.arm.network.versions import API_VERSIONS
from emulator.kernel import long_running, schema
from emulator.kernel.resources import resource_id
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_TYPE = "Microsoft.Network/publicIPAddresses"
_CHANGE = "public address provisioned"
_CHANGE_TAKES = timedelta(seconds=3)
_BODY = {
    **tracked.COMMON,
    "sku": {"name": schema.OneOf("Basic", "Standard"), "tier": schema.OneOf("Regional", "Global")},
    "zones": [str],
    "properties": {
        **dict.fromkeys(
            ("ipAddress", "ipConfiguration", "provisioningState", "resourceGuid"), schema.IGNORED
        ),
        "dnsSettings": {"domainNameLabel": str, "fqdn": schema.IGNORED},
        "idleTimeoutInMinutes": int,
        "ipTags": [{"ipTagType": str, "tag": str}],
        "publicIPAddressVersion": schema.OneOf("IPv4"),
        "publicIPAllocationMethod": schema.OneOf("Dynamic", "Static"),
    },
}

routes = Routes(API_VERSIONS)


@routes.route("PUT", ONE_ADDRESS, "PublicIPAddresses_CreateOrUpdate")
def put(world: World, request: Request, subscription: str, group: str, name: str) -> Response:
    """Create (201) or replace (200) an address."""
    identifier = _identify(subscription, group, name)
    require_name(name)
    body = read(request, _BODY, "PublicIPAddress")
    present, document = tracked.begin_put(world, identifier, _TYPE, body)
    sku = {"name": "Basic", "tier": "Regional", **body.get("sku", {})}
    asked = body.get("properties", {})
    static = asked.get("publicIPAllocationMethod", "Dynamic") == "Static"
    if sku["name"] == "Standard" and not static:
        raise ArmError(
            400,
            "StandardSkuPublicIPAddressesMustBeStatic",
            f"Standard sku publicIp {identifier} must have AllocationMethod set to Static.",
        )
    document["sku"] = sku
    if "zones" in body:
        document["zones"] = body["zones"]
    document["properties"] = {
        "provisioningState": "Succeeded",
        "publicIPAddressVersion": "IPv4",
        "publicIPAllocationMethod": "Dynamic",
        "idleTimeoutInMinutes": 4,
        "ipTags": [],
        **asked,
    }
    if static:
        document["properties"]["ipAddress"] = _address(world, document["id"])
    world.store.put(ADDRESSES, document["id"], document)
    headers = async_operations.begin(world, request, document, takes=_CHANGE_TAKES, event=_CHANGE)
    del headers["Location"]
    return Response(200 if present else 201, shown_address(world, document), headers)


@routes.route("PATCH", ONE_ADDRESS, "PublicIPAddresses_UpdateTags")
def update_tags(
    world: World, request: Request, subscription: str, group: str, name: str
) -> Response:
    """Replace the tags of an address."""
    document = with_new_tags(world, request, ADDRESSES, _identify(subscription, group, name))
    return Response(200, shown_address(world, document))


def register(world: World) -> None:
    """Register the event handler that ends a change."""
    long_running.finisher(world, _CHANGE, _provisioned)


def _provisioned(world: World, payload: Document) -> None:
    """The address is there from the beginning; only the operation takes time."""


def _identify(subscription: str, group: str, name: str) -> str:
    return resource_id(subscription, group, "Microsoft.Network", "publicIPAddresses", name)


def _address(world: World, identifier: str) -> str:
    """An address of a network for documentation (RFC 5737), always the same for the same resource."""
    number = world.random("public address", identifier.lower()).randint(1, 254)
    return f"198.51.100.{number}"
