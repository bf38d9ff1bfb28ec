"""Virtual networks and their subnets.

Source: Microsoft.Network, VirtualNetworks_* and Subnets_* operations; recorded traffic.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import async_operations, tracked
from emulator.arm.addresses import check_subnets
from emulator.arm.interfaces import INTERFACES
from emulator.arm.network_requests import etag, malformed, read, require_name
from emulator.arm.network_versions import API_VERSIONS
from emulator.kernel import long_running, schema
from emulator.kernel.resources import (
    listing,
    public,
    require,
    require_group,
    require_parent,
    require_reference,
    require_writable_group,
    resource_id,
)
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

TYPE = "Microsoft.Network/virtualNetworks"
KIND = TYPE.lower()
SUBNET_TYPE = f"{TYPE}/subnets"
_CHANGE = "virtual network provisioned"
_CHANGE_TAKES = timedelta(seconds=4)
_DELETION = "virtual network deleted"
_SUBNET_DELETION = "subnet deleted"
_DELETION_TAKES = timedelta(seconds=10)

_REFERENCE = {"id": str}
_POLICY = schema.OneOf("Enabled", "Disabled", "NetworkSecurityGroupEnabled", "RouteTableEnabled")
_SUBNET_READ_ONLY = (
    *("provisioningState", "ipConfigurations", "ipConfigurationProfiles", "privateEndpoints"),
    *("purpose", "resourceNavigationLinks", "serviceAssociationLinks"),
)
_SUBNET_PROPERTIES = {
    **dict.fromkeys(_SUBNET_READ_ONLY, schema.IGNORED),
    "addressPrefix": str,
    "addressPrefixes": [str],
    "applicationGatewayIPConfigurations": [schema.ANY],
    "defaultOutboundAccess": bool,
    "delegations": [schema.ANY],
    "ipAllocations": [_REFERENCE],
    "ipamPoolPrefixAllocations": [schema.ANY],
    "natGateway": _REFERENCE,
    "networkSecurityGroup": _REFERENCE,
    "privateEndpointNetworkPolicies": _POLICY,
    "privateLinkServiceNetworkPolicies": _POLICY,
    "routeTable": _REFERENCE,
    "serviceEndpointPolicies": [_REFERENCE],
    "serviceEndpoints": [schema.ANY],
    "sharingScope": str,
}
_SUBNET = {
    "id": schema.IGNORED,
    "name": str,
    "type": schema.IGNORED,
    "etag": schema.IGNORED,
    "properties": _SUBNET_PROPERTIES,
}
_READ_ONLY = ("provisioningState", "resourceGuid", "flowLogs", "defaultPublicNatGateway")
_PROPERTIES = {
    **dict.fromkeys(_READ_ONLY, schema.IGNORED),
    "addressSpace": {
        "addressPrefixes": [str],
        "ipamPoolPrefixAllocations": [schema.ANY],
    },
    "bgpCommunities": schema.ANY,
    "ddosProtectionPlan": _REFERENCE,
    "dhcpOptions": {"dnsServers": [str]},
    "enableDdosProtection": bool,
    "enableVmProtection": bool,
    "encryption": schema.ANY,
    "flowTimeoutInMinutes": int,
    "ipAllocations": [_REFERENCE],
    "privateEndpointVNetPolicies": schema.OneOf("Disabled", "Basic"),
    "subnets": [_SUBNET],
    "virtualNetworkPeerings": [schema.ANY],
}
_BODY = {**tracked.COMMON, "extendedLocation": schema.ANY, "properties": _PROPERTIES}
_REFERENCES = ("natGateway", "networkSecurityGroup", "routeTable")

_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_PROVIDER = "providers/Microsoft.Network"
_ALL = f"{_GROUP}/{_PROVIDER}/virtualNetworks"
_ONE = f"{_ALL}/{{network}}"
_SUBNETS = f"{_ONE}/subnets"
_ONE_SUBNET = f"{_SUBNETS}/{{subnet}}"

routes = Routes(API_VERSIONS)


def network_id(subscription: str, group: str, network: str) -> str:
    """The id of a virtual network."""
    return resource_id(subscription, group, "Microsoft.Network", "virtualNetworks", network)


@routes.route("PUT", _ONE, "VirtualNetworks_CreateOrUpdate")
def put(world: World, request: Request, subscription: str, group: str, network: str) -> Response:
    """Create (201) or replace (200) a network; a body without `subnets` leaves them alone."""
    identifier = network_id(subscription, group, network)
    require_writable_group(world, subscription, group)
    require_name(network)
    body = read(request, _BODY, "VirtualNetwork")
    present, document = tracked.begin_put(world, identifier, TYPE, body)
    given = body.get("properties", {})
    if not given.get("addressSpace", {}).get("addressPrefixes"):
        raise malformed(f"Required property 'addressSpace' of virtual network {network} is unset.")
    before = present["properties"]["subnets"] if present else []
    kept = {subnet["name"].lower(): subnet for subnet in before}
    subnets = before
    if "subnets" in given:
        subnets = [
            _new_subnet(world, document["id"], wanted.get("name", ""), wanted, kept)
            for wanted in given["subnets"]
        ]
    document["etag"] = etag(world)
    document["properties"] = {
        "provisioningState": "Succeeded" if present else "Updating",
        "resourceGuid": world.guid("network", identifier.lower()),
        "virtualNetworkPeerings": [],
        "enableDdosProtection": False,
        **{name: value for name, value in given.items() if name != "subnets"},
        "subnets": subnets,
    }
    _check(world, document, before)
    world.store.put(KIND, identifier, document)
    headers = async_operations.begin(world, request, document, takes=_CHANGE_TAKES, event=_CHANGE)
    del headers["Location"]
    return Response(200 if present else 201, _shown(world, document), headers)


@routes.route("PATCH", _ONE, "VirtualNetworks_UpdateTags")
def update_tags(
    world: World, request: Request, subscription: str, group: str, network: str
) -> Response:
    """Replace the tags of a network."""
    document = require(world, KIND, network_id(subscription, group, network))
    body = read(request, {"tags": schema.MapOf(str)}, "TagsObject")
    document["tags"] = body.get("tags", {})
    world.store.put(KIND, document["id"], document)
    return Response(200, _shown(world, document))


@routes.route("GET", _ONE, "VirtualNetworks_Get")
def get(world: World, request: Request, subscription: str, group: str, network: str) -> Response:
    """One network with its subnets, and the interfaces in them."""
    document = require(world, KIND, network_id(subscription, group, network))
    return Response(200, _shown(world, document), {"ETag": document["etag"]})


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


@routes.route("DELETE", _ONE, "VirtualNetworks_Delete")
def delete(world: World, request: Request, subscription: str, group: str, network: str) -> Response:
    """Begin to delete a network in which nothing lies: 202, or 204 when there is none."""
    require_group(world, subscription, group)
    document = world.store.get(KIND, network_id(subscription, group, network))
    if document is None:
        return Response(204)
    for subnet in document["properties"]["subnets"]:
        _require_unused(world, subnet)
    document["properties"]["provisioningState"] = "Deleting"
    world.store.put(KIND, document["id"], document)
    headers = async_operations.begin(
        world, request, document, takes=_DELETION_TAKES, event=_DELETION
    )
    return Response(202, None, headers)


@routes.route("PUT", _ONE_SUBNET, "Subnets_CreateOrUpdate")
def put_subnet(
    world: World, request: Request, subscription: str, group: str, network: str, subnet: str
) -> Response:
    """Create (201) or replace (200) one subnet."""
    identifier = network_id(subscription, group, network)
    document = require_parent(world, KIND, identifier, f"{identifier}/subnets/{subnet}")
    require_name(subnet)
    body = read(request, _SUBNET, "Subnet")
    before = document["properties"]["subnets"]
    kept = {present["name"].lower(): present for present in before}
    changed = _new_subnet(world, document["id"], subnet, body, kept)
    kept[subnet.lower()] = changed
    document["properties"]["subnets"] = list(kept.values())
    document["etag"] = etag(world)
    _check(world, document, before)
    world.store.put(KIND, document["id"], document)
    headers = async_operations.begin(world, request, document, takes=_CHANGE_TAKES, event=_CHANGE)
    del headers["Location"]
    status = 201 if len(kept) > len(before) else 200
    return Response(status, _shown_subnet(world, changed), headers)


@routes.route("GET", _ONE_SUBNET, "Subnets_Get")
def get_subnet(
    world: World, request: Request, subscription: str, group: str, network: str, subnet: str
) -> Response:
    """One subnet."""
    document = require(world, KIND, network_id(subscription, group, network))
    return Response(200, _shown_subnet(world, _require_subnet(document, subnet)))


@routes.route("GET", _SUBNETS, "Subnets_List")
def list_subnets(
    world: World, request: Request, subscription: str, group: str, network: str
) -> Response:
    """The subnets of a network."""
    document = require(world, KIND, network_id(subscription, group, network))
    return listing(_shown_subnet(world, subnet) for subnet in document["properties"]["subnets"])


@routes.route("DELETE", _ONE_SUBNET, "Subnets_Delete")
def delete_subnet(
    world: World, request: Request, subscription: str, group: str, network: str, subnet: str
) -> Response:
    """Begin to delete a subnet in which nothing lies: 202, or 204 when there is none."""
    require_group(world, subscription, group)
    document = world.store.get(KIND, network_id(subscription, group, network))
    found = None if document is None else _subnet(document, subnet)
    if document is None or found is None:
        return Response(204)
    _require_unused(world, found)
    located = {**document, "id": found["id"]}
    headers = async_operations.begin(
        world, request, located, takes=_DELETION_TAKES, event=_SUBNET_DELETION
    )
    return Response(202, None, headers)


async_operations.add_routes(
    routes, "Microsoft.Network", statuses="operations", results="operationResults"
)


def register(world: World) -> None:
    """What ends changes and deletions."""
    long_running.finisher(world, _CHANGE, _provisioned)
    long_running.finisher(world, _DELETION, _delete, failed=_keep)
    long_running.finisher(world, _SUBNET_DELETION, _delete_subnet)


def _provisioned(world: World, payload: Document) -> None:
    document = world.store.get(KIND, payload["id"])
    if document is not None and document["properties"]["provisioningState"] == "Updating":
        document["properties"]["provisioningState"] = "Succeeded"
        world.store.put(KIND, document["id"], document)


def _delete(world: World, payload: Document) -> None:
    document = world.store.get(KIND, payload["id"])
    if document is not None:
        for subnet in document["properties"]["subnets"]:
            _require_unused(world, subnet)
        world.store.delete(KIND, payload["id"])


def _keep(world: World, payload: Document) -> None:
    document = world.store.get(KIND, payload["id"])
    if document is not None:
        document["properties"]["provisioningState"] = "Succeeded"
        world.store.put(KIND, document["id"], document)


def _delete_subnet(world: World, payload: Document) -> None:
    network, _, name = str(payload["id"]).rpartition("/subnets/")
    document = world.store.get(KIND, network)
    found = None if document is None else _subnet(document, name)
    if document is not None and found is not None:
        _require_unused(world, found)
        document["properties"]["subnets"].remove(found)
        world.store.put(KIND, document["id"], document)


def _check(world: World, document: Document, before: list[Document]) -> None:
    """Refuse a change that leaves the network invalid, or takes room that is in use."""
    properties = document["properties"]
    after = {subnet["name"].lower(): subnet for subnet in properties["subnets"]}
    if len(after) < len(properties["subnets"]):
        raise malformed("Two subnets have the same name.")
    check_subnets(
        document["id"],
        properties["addressSpace"]["addressPrefixes"],
        [(subnet["name"], _prefixes(subnet)) for subnet in properties["subnets"]],
    )
    for subnet in before:
        now = after.get(subnet["name"].lower())
        if now is None:
            _require_unused(world, subnet)
        elif _prefixes(now) != _prefixes(subnet) and _configurations(world, subnet["id"]):
            raise ArmError(
                400,
                "InUsePrefixCannotBeDeleted",
                f"IpPrefix {_prefixes(subnet)[0]} on Subnet {subnet['name']} has active "
                "allocations and cannot be deleted.",
            )


def _new_subnet(
    world: World, network: str, name: str, wanted: Document, kept: dict[str, Document]
) -> Document:
    if not name:
        raise malformed("Required property 'name' of a subnet is unset.")
    require_name(name)
    present = kept.get(name.lower())
    identifier = present["id"] if present else f"{network}/subnets/{name}"
    properties = wanted.get("properties", {})
    if not (properties.get("addressPrefix") or properties.get("addressPrefixes")):
        raise malformed(f"Required property 'addressPrefix' of subnet {name} is unset.")
    for member in _REFERENCES:
        if "id" in properties.get(member, {}):
            require_reference(world, properties[member]["id"], identifier)
    return {
        "id": identifier,
        "name": present["name"] if present else name,
        "type": SUBNET_TYPE,
        "etag": etag(world),
        "properties": {
            "provisioningState": "Succeeded",
            "delegations": [],
            "privateEndpointNetworkPolicies": "Disabled",
            "privateLinkServiceNetworkPolicies": "Enabled",
            **properties,
        },
    }


def _shown(world: World, document: Document) -> Document:
    shown = public(document)
    subnets = [_shown_subnet(world, subnet) for subnet in document["properties"]["subnets"]]
    shown["properties"] = {**document["properties"], "subnets": subnets}
    return shown


def _shown_subnet(world: World, subnet: Document) -> Document:
    used = [{"id": configuration["id"]} for configuration in _configurations(world, subnet["id"])]
    properties = subnet["properties"]
    if used:
        properties = {**properties, "ipConfigurations": used}
    return {**subnet, "properties": properties}


def _configurations(world: World, subnet: str) -> list[Document]:
    """The IP configurations of all interfaces in a subnet."""
    return [
        configuration
        for interface in world.store.list(INTERFACES)
        for configuration in interface["properties"].get("ipConfigurations", [])
        if configuration["properties"].get("subnet", {}).get("id", "").lower() == subnet.lower()
    ]


def _require_unused(world: World, subnet: Document) -> None:
    used = _configurations(world, subnet["id"])
    if used:
        raise ArmError(
            400,
            "InUseSubnetCannotBeDeleted",
            f"Subnet {subnet['name']} is in use by {used[0]['id']} and cannot be deleted. In order "
            "to delete the subnet, delete all the resources within the subnet. See "
            "aka.ms/deletesubnet.",
        )


def _require_subnet(document: Document, name: str) -> Document:
    found = _subnet(document, name)
    if found is None:
        raise ArmError(404, "NotFound", f"Resource {document['id']}/subnets/{name} not found.")
    return found


def _subnet(document: Document, name: str) -> Document | None:
    for subnet in document["properties"]["subnets"]:
        if subnet["name"].lower() == name.lower():
            found: Document = subnet
            return found
    return None


def _prefixes(subnet: Document) -> list[str]:
    properties = subnet["properties"]
    several = properties.get("addressPrefixes")
    return list(several) if several else [properties["addressPrefix"]]
