"""Network security groups. They are stored and shown, but filter nothing.

Source: Microsoft.Network, NetworkSecurityGroups_* operations.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import async_operations, tracked
from emulator.arm.network import security_rules
from emulator.arm.network.requests import etag, read, require_name, with_new_tags
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

TYPE = security_rules.GROUP_TYPE
KIND = TYPE.lower()
_NETWORKS = "microsoft.network/virtualnetworks"
_INTERFACES = "microsoft.network/networkinterfaces"
CHANGE = "network security group provisioned"
CHANGE_TAKES = timedelta(seconds=3)
_DELETION = "network security group deleted"
_DELETION_TAKES = timedelta(seconds=5)

_PROPERTIES = {
    "provisioningState": schema.IGNORED,
    "resourceGuid": schema.IGNORED,
    "defaultSecurityRules": schema.IGNORED,
    "flowLogs": schema.IGNORED,
    "networkInterfaces": schema.IGNORED,
    "subnets": schema.IGNORED,
    "flushConnection": bool,
    "securityRules": [security_rules.SHAPE],
}
_BODY = {**tracked.COMMON, "properties": _PROPERTIES}

_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_PROVIDER = "providers/Microsoft.Network"
_ALL = f"{_GROUP}/{_PROVIDER}/networkSecurityGroups"
ONE = f"{_ALL}/{{name}}"

routes = Routes(API_VERSIONS)


def security_group_id(subscription: str, group: str, name: str) -> str:
    """The id of a network security group."""
    return resource_id(subscription, group, "Microsoft.Network", "networkSecurityGroups", name)


@routes.route("PUT", ONE, "NetworkSecurityGroups_CreateOrUpdate")
def put(world: World, request: Request, subscription: str, group: str, name: str) -> Response:
    """Create (201) or replace (200) a group with its rules."""
    identifier = security_group_id(subscription, group, name)
    require_writable_group(world, subscription, group)
    require_name(name)
    body = read(request, _BODY, "NetworkSecurityGroup")
    present, document = tracked.begin_put(world, identifier, TYPE, body)
    given = body.get("properties", {})
    rules = [security_rules.create(document["id"], rule) for rule in given.get("securityRules", [])]
    security_rules.check(rules)
    document["etag"] = etag(world)
    document["properties"] = {
        "provisioningState": "Succeeded" if present else "Updating",
        "resourceGuid": world.guid("network security group", identifier.lower()),
        **given,
        "securityRules": rules,
        "defaultSecurityRules": security_rules.defaults(document["id"]),
    }
    world.store.put(KIND, identifier, document)
    headers = async_operations.begin(world, request, document, takes=CHANGE_TAKES, event=CHANGE)
    del headers["Location"]
    return Response(200 if present else 201, _shown(world, document), headers)


@routes.route("GET", ONE, "NetworkSecurityGroups_Get")
def get(world: World, request: Request, subscription: str, group: str, name: str) -> Response:
    """One group with its rules and the subnets that use it."""
    document = require(world, KIND, security_group_id(subscription, group, name))
    return Response(200, _shown(world, document))


@routes.route("GET", _ALL, "NetworkSecurityGroups_List")
def list_by_group(world: World, request: Request, subscription: str, group: str) -> Response:
    """The network security groups of a resource group."""
    require_group(world, subscription, group)
    found = world.store.list(KIND, security_group_id(subscription, group, ""))
    return listing(_shown(world, document) for document in found)


@routes.route(
    "GET", f"{_SUBSCRIPTION}/{_PROVIDER}/networkSecurityGroups", "NetworkSecurityGroups_ListAll"
)
def list_all(world: World, request: Request, subscription: str) -> Response:
    """The network security groups of a subscription."""
    found = world.store.list(KIND, f"/subscriptions/{subscription}/")
    return listing(_shown(world, document) for document in found)


@routes.route("PATCH", ONE, "NetworkSecurityGroups_UpdateTags")
def update_tags(
    world: World, request: Request, subscription: str, group: str, name: str
) -> Response:
    """Replace the tags of a group."""
    document = with_new_tags(world, request, KIND, security_group_id(subscription, group, name))
    return Response(200, _shown(world, document))


@routes.route("DELETE", ONE, "NetworkSecurityGroups_Delete")
def delete(world: World, request: Request, subscription: str, group: str, name: str) -> Response:
    """Begin to delete a group that nothing uses: 202, or 204 if there is none."""
    require_group(world, subscription, group)
    document = world.store.get(KIND, security_group_id(subscription, group, name))
    if document is None:
        return Response(204)
    _require_unused(world, document)
    headers = async_operations.begin(
        world, request, document, takes=_DELETION_TAKES, event=_DELETION
    )
    return Response(202, None, headers)


def register(world: World) -> None:
    """Register the event handlers that end changes and deletions."""
    long_running.finisher(world, CHANGE, _provisioned)
    long_running.finisher(world, _DELETION, _delete)


def _provisioned(world: World, payload: Document) -> None:
    document = world.store.get(KIND, payload["id"])
    if document is not None:
        document["properties"]["provisioningState"] = "Succeeded"
        world.store.put(KIND, document["id"], document)


def _delete(world: World, payload: Document) -> None:
    document = world.store.get(KIND, payload["id"])
    if document is not None:
        _require_unused(world, document)
        world.store.delete(KIND, document["id"])


def _shown(world: World, document: Document) -> Document:
    shown = public(document)
    users = {
        "subnets": _users(world, document["id"]),
        "networkInterfaces": _interfaces(world, document["id"]),
    }
    for name, ids in users.items():
        if ids:
            shown["properties"] = {**shown["properties"], name: [{"id": one} for one in ids]}
    return shown


def _users(world: World, identifier: str) -> list[str]:
    return [
        subnet["id"]
        for network in world.store.list(_NETWORKS)
        for subnet in network["properties"]["subnets"]
        if subnet["properties"].get("networkSecurityGroup", {}).get("id", "").lower()
        == identifier.lower()
    ]


def _interfaces(world: World, identifier: str) -> list[str]:
    return [
        interface["id"]
        for interface in world.store.list(_INTERFACES)
        if interface["properties"].get("networkSecurityGroup", {}).get("id", "").lower()
        == identifier.lower()
    ]


def _require_unused(world: World, document: Document) -> None:
    users = [*_users(world, document["id"]), *_interfaces(world, document["id"])]
    if users:
        raise ArmError(
            400,
            "InUseNetworkSecurityGroupCannotBeDeleted",
            f"Network security group {document['id']} cannot be deleted because it is in use by "
            f"the following resources: {', '.join(users)}. In order to delete the Network "
            "security group, remove the association with the resource(s).",
        )
