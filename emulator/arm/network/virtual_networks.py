"""Virtual networks, with their subnets in them.

Source: Microsoft.Network, VirtualNetworks_* operations; recorded traffic.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from itertools import islice

from emulator.arm import async_operations, tracked
from emulator.arm.network import allocation, subnets
from emulator.arm.network.requests import etag, malformed, read, require_name, with_new_tags
from emulator.arm.network.versions import API_VERSIONS
from emulator.kernel import long_running, schema
from emulator.kernel.resources import (
    listing,
    public,
    require,
    require_group,
    require_writable_group,
    resource_id,
)
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

TYPE = "Microsoft.Network/virtualNetworks"
KIND = TYPE.lower()
CHANGE = "virtual network provisioned"
CHANGE_TAKES = timedelta(seconds=4)
_DELETION = "virtual network deleted"
_DELETION_TAKES = timedelta(seconds=10)

_READ_ONLY = ("provisioningState", "resourceGuid", "flowLogs", "defaultPublicNatGateway")
_PROPERTIES = {
    **dict.fromkeys(_READ_ONLY, schema.IGNORED),
    "addressSpace": {
        "addressPrefixes": [str],
        "ipamPoolPrefixAllocations": [schema.ANY],
    },
    "bgpCommunities": schema.ANY,
    "ddosProtectionPlan": subnets.REFERENCE,
    "dhcpOptions": {"dnsServers": [str]},
    "enableDdosProtection": bool,
    "enableVmProtection": bool,
    "encryption": schema.ANY,
    "flowTimeoutInMinutes": int,
    "ipAllocations": [subnets.REFERENCE],
    "privateEndpointVNetPolicies": schema.OneOf("Disabled", "Basic"),
    "subnets": [subnets.SHAPE],
    "virtualNetworkPeerings": [schema.ANY],
}
_BODY = {**tracked.COMMON, "extendedLocation": schema.ANY, "properties": _PROPERTIES}

_NAME_LENGTHS = (2, 64)
_EXPANDED = "subnets/ipConfigurations"
_SOME = 5
"""How many free addresses the answer about one that is in use names [recorded: five]."""
_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_PROVIDER = "providers/Microsoft.Network"
_ALL = f"{_GROUP}/{_PROVIDER}/virtualNetworks"
ONE = f"{_ALL}/{{network}}"

routes = Routes(API_VERSIONS)


def network_id(subscription: str, group: str, network: str) -> str:
    """The id of a virtual network."""
    return resource_id(subscription, group, "Microsoft.Network", "virtualNetworks", network)


@routes.route("PUT", ONE, "VirtualNetworks_CreateOrUpdate")
def put(world: World, request: Request, subscription: str, group: str, network: str) -> Response:
    """Create (201) or replace (200) a network; a body without `subnets` leaves them alone."""
    identifier = network_id(subscription, group, network)
    require_writable_group(world, subscription, group)
    require_name(network, _NAME_LENGTHS)
    body = read(request, _BODY, "VirtualNetwork")
    present, document = tracked.begin_put(world, identifier, TYPE, body)
    given = body.get("properties", {})
    if not given.get("addressSpace", {}).get("addressPrefixes"):
        raise malformed(f"Required property 'addressSpace' of virtual network {network} is unset.")
    before = present["properties"]["subnets"] if present else []
    kept = {subnet["name"].lower(): subnet for subnet in before}
    kept_or_new = before
    if "subnets" in given:
        kept_or_new = [
            subnets.create(world, document["id"], wanted.get("name", ""), wanted, kept)
            for wanted in given["subnets"]
        ]
    document["etag"] = etag(world)
    document["properties"] = {
        "provisioningState": "Succeeded" if present else "Updating",
        "resourceGuid": world.guid("network", identifier.lower()),
        "virtualNetworkPeerings": [],
        "enableDdosProtection": False,
        **{name: value for name, value in given.items() if name != "subnets"},
        "subnets": kept_or_new,
    }
    subnets.check(world, document, before)
    world.store.put(KIND, identifier, document)
    headers = async_operations.begin(world, request, document, takes=CHANGE_TAKES, event=CHANGE)
    del headers["Location"]
    return Response(200 if present else 201, _shown(world, document), headers)


@routes.route("PATCH", ONE, "VirtualNetworks_UpdateTags")
def update_tags(
    world: World, request: Request, subscription: str, group: str, network: str
) -> Response:
    """Replace the tags of a network."""
    document = with_new_tags(world, request, KIND, network_id(subscription, group, network))
    return Response(200, _shown(world, document))


@routes.route("GET", ONE, "VirtualNetworks_Get")
def get(world: World, request: Request, subscription: str, group: str, network: str) -> Response:
    """One network with its subnets and the IP configurations in them.

    These have their ids alone, unless the query asks for all of them by
    `$expand=subnets/ipConfigurations` ("Get-AzVirtualNetwork", example with -ExpandResource).
    """
    document = require(world, KIND, network_id(subscription, group, network))
    expand = request.query.get("$expand")
    if expand not in (None, _EXPANDED):
        raise ArmError(400, "InvalidExpand", f"The value '{expand}' of $expand is not supported.")
    return Response(
        200, _shown(world, document, expanded=expand is not None), {"ETag": document["etag"]}
    )


@routes.route(
    "GET", f"{ONE}/CheckIPAddressAvailability", "VirtualNetworks_CheckIPAddressAvailability"
)
def check_address(
    world: World, request: Request, subscription: str, group: str, network: str
) -> Response:
    """Whether an interface can have an address, and some that are free in its subnet."""
    document = require(world, KIND, network_id(subscription, group, network))
    asked = request.query.get("ipAddress", "")
    try:
        address = IPv4Address(asked)
    except ValueError:
        raise ArmError(
            400, "InvalidIPAddress", f"The value '{asked}' of ipAddress is not an IPv4 address."
        ) from None
    for subnet in document["properties"]["subnets"]:
        for prefix in subnets.prefixes(subnet):
            if address in IPv4Network(prefix):
                kept = allocation.reserved(prefix, address)
                available = not kept and asked not in allocation.holders(world, subnet)
                some = [] if available else list(islice(allocation.free(world, subnet), _SOME))
                return Response(
                    200,
                    {
                        "available": available,
                        "availableIPAddresses": some,
                        "isPlatformReserved": kept,
                    },
                )
    raise ArmError(
        400,
        "PrivateIPAddressNotInAnySubnet",
        f"Private static IP address {asked} does not belong to the range of any subnet in the "
        f"virtual network {document['id']}.",
    )


@routes.route("GET", _ALL, "VirtualNetworks_List")
def list_by_group(world: World, request: Request, subscription: str, group: str) -> Response:
    """The networks of a group."""
    require_group(world, subscription, group)
    found = world.store.list(KIND, network_id(subscription, group, ""))
    return listing(_shown(world, document) for document in found)


@routes.route("GET", f"{_SUBSCRIPTION}/{_PROVIDER}/virtualNetworks", "VirtualNetworks_ListAll")
def list_all(world: World, request: Request, subscription: str) -> Response:
    """The networks of a subscription."""
    found = world.store.list(KIND, f"/subscriptions/{subscription}/")
    return listing(_shown(world, document) for document in found)


@routes.route("DELETE", ONE, "VirtualNetworks_Delete")
def delete(world: World, request: Request, subscription: str, group: str, network: str) -> Response:
    """Begin to delete a network without used subnets: 202, or 204 if there is none."""
    require_group(world, subscription, group)
    document = world.store.get(KIND, network_id(subscription, group, network))
    if document is None:
        return Response(204)
    for subnet in document["properties"]["subnets"]:
        subnets.require_unused(world, subnet)
    document["properties"]["provisioningState"] = "Deleting"
    world.store.put(KIND, document["id"], document)
    headers = async_operations.begin(
        world, request, document, takes=_DELETION_TAKES, event=_DELETION
    )
    return Response(202, None, headers)


async_operations.add_routes(
    routes, "Microsoft.Network", statuses="operations", results="operationResults"
)


def register(world: World) -> None:
    """Register the event handlers that end changes and deletions."""
    long_running.finisher(world, CHANGE, _provisioned)
    long_running.finisher(world, _DELETION, _delete, failed=_keep)


def _provisioned(world: World, payload: Document) -> None:
    document = world.store.get(KIND, payload["id"])
    if document is not None and document["properties"]["provisioningState"] == "Updating":
        document["properties"]["provisioningState"] = "Succeeded"
        world.store.put(KIND, document["id"], document)


def _delete(world: World, payload: Document) -> None:
    document = world.store.get(KIND, payload["id"])
    if document is not None:
        for subnet in document["properties"]["subnets"]:
            subnets.require_unused(world, subnet)
        world.store.delete(KIND, payload["id"])


def _keep(world: World, payload: Document) -> None:
    document = world.store.get(KIND, payload["id"])
    if document is not None:
        document["properties"]["provisioningState"] = "Succeeded"
        world.store.put(KIND, document["id"], document)


def _shown(world: World, document: Document, *, expanded: bool = False) -> Document:
    shown = public(document)
    found = [
        subnets.shown(world, subnet, expanded=expanded)
        for subnet in document["properties"]["subnets"]
    ]
    shown["properties"] = {**document["properties"], "subnets": found}
    return shown
