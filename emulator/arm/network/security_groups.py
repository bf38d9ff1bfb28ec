"""Network security groups: kept and shown; what they would filter is not emulated.

Source: Microsoft.Network, NetworkSecurityGroups_* operations.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import async_operations, tracked
from emulator.arm.network.requests import etag, malformed, read, require_name
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

TYPE = "Microsoft.Network/networkSecurityGroups"
KIND = TYPE.lower()
_NETWORKS = "microsoft.network/virtualnetworks"
_CHANGE = "network security group provisioned"
_CHANGE_TAKES = timedelta(seconds=3)
_DELETION = "network security group deleted"
_DELETION_TAKES = timedelta(seconds=5)

_RULE_PROPERTIES = {
    "provisioningState": schema.IGNORED,
    "access": schema.OneOf("Allow", "Deny"),
    "direction": schema.OneOf("Inbound", "Outbound"),
    "protocol": schema.OneOf("Tcp", "Udp", "Icmp", "Esp", "Ah", "*"),
    "priority": int,
    "description": str,
    "sourceAddressPrefix": str,
    "sourceAddressPrefixes": [str],
    "sourceApplicationSecurityGroups": [schema.ANY],
    "sourcePortRange": str,
    "sourcePortRanges": [str],
    "destinationAddressPrefix": str,
    "destinationAddressPrefixes": [str],
    "destinationApplicationSecurityGroups": [schema.ANY],
    "destinationPortRange": str,
    "destinationPortRanges": [str],
}
_RULE = {
    "id": schema.IGNORED,
    "name": str,
    "type": schema.IGNORED,
    "etag": schema.IGNORED,
    "properties": _RULE_PROPERTIES,
}
_PROPERTIES = {
    "provisioningState": schema.IGNORED,
    "resourceGuid": schema.IGNORED,
    "defaultSecurityRules": schema.IGNORED,
    "flowLogs": schema.IGNORED,
    "networkInterfaces": schema.IGNORED,
    "subnets": schema.IGNORED,
    "flushConnection": bool,
    "securityRules": [_RULE],
}
_BODY = {**tracked.COMMON, "properties": _PROPERTIES}
_LOWEST, _HIGHEST = 100, 4096
_DEFAULTS = (
    ("AllowVnetInBound", "Allow", "Inbound", 65000, "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", "Allow", "Inbound", 65001, "AzureLoadBalancer", "*"),
    ("DenyAllInBound", "Deny", "Inbound", 65500, "*", "*"),
    ("AllowVnetOutBound", "Allow", "Outbound", 65000, "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", "Allow", "Outbound", 65001, "*", "Internet"),
    ("DenyAllOutBound", "Deny", "Outbound", 65500, "*", "*"),
)

_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_PROVIDER = "providers/Microsoft.Network"
_ALL = f"{_GROUP}/{_PROVIDER}/networkSecurityGroups"
_ONE = f"{_ALL}/{{name}}"

routes = Routes(API_VERSIONS)


def security_group_id(subscription: str, group: str, name: str) -> str:
    """The id of a network security group."""
    return resource_id(subscription, group, "Microsoft.Network", "networkSecurityGroups", name)


@routes.route("PUT", _ONE, "NetworkSecurityGroups_CreateOrUpdate")
def put(world: World, request: Request, subscription: str, group: str, name: str) -> Response:
    """Create (201) or replace (200) a group with its rules."""
    identifier = security_group_id(subscription, group, name)
    require_writable_group(world, subscription, group)
    require_name(name)
    body = read(request, _BODY, "NetworkSecurityGroup")
    present, document = tracked.begin_put(world, identifier, TYPE, body)
    given = body.get("properties", {})
    rules = [_rule(document["id"], rule) for rule in given.get("securityRules", [])]
    _check(rules)
    document["etag"] = etag(world)
    document["properties"] = {
        "provisioningState": "Succeeded" if present else "Updating",
        "resourceGuid": world.guid("network security group", identifier.lower()),
        **given,
        "securityRules": rules,
        "defaultSecurityRules": [_default(document["id"], *default) for default in _DEFAULTS],
    }
    world.store.put(KIND, identifier, document)
    headers = async_operations.begin(world, request, document, takes=_CHANGE_TAKES, event=_CHANGE)
    del headers["Location"]
    return Response(200 if present else 201, _shown(world, document), headers)


@routes.route("GET", _ONE, "NetworkSecurityGroups_Get")
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


@routes.route("DELETE", _ONE, "NetworkSecurityGroups_Delete")
def delete(world: World, request: Request, subscription: str, group: str, name: str) -> Response:
    """Begin to delete a group that nothing uses: 202, or 204 when there is none."""
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
    """What ends changes and deletions."""
    long_running.finisher(world, _CHANGE, _provisioned)
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


def _rule(group: str, given: Document) -> Document:
    name = given.get("name", "")
    require_name(name)
    properties = given.get("properties", {})
    missing = {"access", "direction", "protocol", "priority"} - properties.keys()
    if missing:
        raise malformed(f"Required properties of security rule {name} are unset: {missing}.")
    return {
        "id": f"{group}/securityRules/{name}",
        "name": name,
        "type": f"{TYPE}/securityRules",
        "properties": {"provisioningState": "Succeeded", **properties},
    }


def _check(rules: list[Document]) -> None:
    """Priorities lie in range and are each one rule's alone in a direction.

    Raises:
        ArmError: 400 `SecurityRuleInvalidPriority` or `SecurityRuleConflict`.
    """
    seen: dict[tuple[str, int], str] = {}
    for rule in rules:
        name, priority = rule["name"], rule["properties"]["priority"]
        if not _LOWEST <= priority <= _HIGHEST:
            raise ArmError(
                400,
                "SecurityRuleInvalidPriority",
                f"Security rule has invalid Priority. Value provided: {priority} Allowed range "
                f"{_LOWEST}-{_HIGHEST}. Rule: {name}.",
            )
        place = (rule["properties"]["direction"].lower(), priority)
        if place in seen:
            raise ArmError(
                400,
                "SecurityRuleConflict",
                f"Security rule {name} conflicts with rule {seen[place]}. Rules cannot have the "
                "same Priority and Direction.",
            )
        seen[place] = name


def _default(
    group: str, name: str, access: str, direction: str, priority: int, source: str, target: str
) -> Document:
    return {
        "id": f"{group}/defaultSecurityRules/{name}",
        "name": name,
        "type": f"{TYPE}/defaultSecurityRules",
        "properties": {
            "provisioningState": "Succeeded",
            "protocol": "*",
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "sourceAddressPrefix": source,
            "destinationAddressPrefix": target,
            "access": access,
            "priority": priority,
            "direction": direction,
        },
    }


def _shown(world: World, document: Document) -> Document:
    shown = public(document)
    users = _users(world, document["id"])
    if users:
        shown["properties"] = {**shown["properties"], "subnets": [{"id": one} for one in users]}
    return shown


def _users(world: World, identifier: str) -> list[str]:
    return [
        subnet["id"]
        for network in world.store.list(_NETWORKS)
        for subnet in network["properties"]["subnets"]
        if subnet["properties"].get("networkSecurityGroup", {}).get("id", "").lower()
        == identifier.lower()
    ]


def _require_unused(world: World, document: Document) -> None:
    users = _users(world, document["id"])
    if users:
        raise ArmError(
            400,
            "InUseNetworkSecurityGroupCannotBeDeleted",
            f"Network security group {document['id']} cannot be deleted because it is in use by "
            f"the following resources: {', '.join(users)}. In order to delete the Network "
            "security group, remove the association with the resource(s).",
        )
