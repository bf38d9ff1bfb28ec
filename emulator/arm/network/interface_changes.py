"""Making and changing network interfaces.

Source: Microsoft.Network, NetworkInterfaces_CreateOrUpdate and _UpdateTags.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import async_operations, tracked
from emulator.arm.network import subnets
from emulator.arm.network.allocation import allocate
from emulator.arm.network.interfaces import INTERFACES, ONE_INTERFACE, shown_interface
from emulator.arm.network.requests import malformed, read, require_name, with_new_tags
from emulator.arm.network.versions import API_VERSIONS
from emulator.kernel import long_running, schema
from emulator.kernel.resources import require_reference, resource_id
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World

_TYPE = "Microsoft.Network/networkInterfaces"
_CHANGE = "network interface provisioned"
_CHANGE_TAKES = timedelta(seconds=3)
_ALLOCATION = schema.OneOf("Dynamic", "Static")
_CONFIGURATION = {
    **dict.fromkeys(("id", "type", "etag"), schema.IGNORED),
    "name": str,
    "properties": {
        "provisioningState": schema.IGNORED,
        "primary": bool,
        "privateIPAddress": str,
        "privateIPAddressVersion": schema.OneOf("IPv4"),
        "privateIPAllocationMethod": _ALLOCATION,
        # Whoever has read an interface sends the whole address back; only its id counts.
        "publicIPAddress": {
            "id": str,
            **dict.fromkeys(
                ("etag", "location", "name", "properties", "sku", "tags", "type", "zones"),
                schema.IGNORED,
            ),
        },
        "subnet": subnets.REFERENCE,
    },
}
_BODY = {
    **tracked.COMMON,
    "properties": {
        **dict.fromkeys(
            (
                *("hostedWorkloads", "macAddress", "primary", "provisioningState", "resourceGuid"),
                *("tapConfigurations", "virtualMachine", "vnetEncryptionSupported"),
            ),
            schema.IGNORED,
        ),
        "dnsSettings": {
            **dict.fromkeys(
                ("appliedDnsServers", "internalDomainNameSuffix", "internalFqdn"), schema.IGNORED
            ),
            "dnsServers": [str],
            "internalDnsNameLabel": str,
        },
        "enableAcceleratedNetworking": bool,
        "enableIPForwarding": bool,
        "ipConfigurations": [_CONFIGURATION],
        "networkSecurityGroup": subnets.REFERENCE,
        "nicType": schema.OneOf("Standard", "Elastic"),
    },
}

routes = Routes(API_VERSIONS)


@routes.route("PUT", ONE_INTERFACE, "NetworkInterfaces_CreateOrUpdate")
def put(world: World, request: Request, subscription: str, group: str, name: str) -> Response:
    """Create (201) or replace (200) an interface, with an address for each configuration."""
    identifier = resource_id(subscription, group, "Microsoft.Network", "networkInterfaces", name)
    require_name(name)
    body = read(request, _BODY, "NetworkInterface")
    present, document = tracked.begin_put(world, identifier, _TYPE, body)
    asked = dict(body.get("properties", {}))
    given = asked.pop("ipConfigurations", None)
    if not given:
        raise malformed(f"Required property 'ipConfigurations' of {name} is unset.")
    group_of_rules = asked.get("networkSecurityGroup", {}).get("id")
    if group_of_rules:
        asked["networkSecurityGroup"] = {
            "id": require_reference(world, group_of_rules, document["id"])["id"]
        }
    was = present["properties"] if present else {}
    before = {one["name"]: one for one in was.get("ipConfigurations", [])}
    document["properties"] = {
        "primary": True,
        **{key: was[key] for key in ("virtualMachine",) if key in was},
        **asked,
        "ipConfigurations": [
            _configured(world, document["id"], one, before.get(one.get("name"))) for one in given
        ],
    }
    world.store.put(INTERFACES, document["id"], document)
    headers = async_operations.begin(world, request, document, takes=_CHANGE_TAKES, event=_CHANGE)
    del headers["Location"]
    return Response(200 if present else 201, shown_interface(world, document), headers)


@routes.route("PATCH", ONE_INTERFACE, "NetworkInterfaces_UpdateTags")
def update_tags(
    world: World, request: Request, subscription: str, group: str, name: str
) -> Response:
    """Replace the tags of an interface."""
    identifier = resource_id(subscription, group, "Microsoft.Network", "networkInterfaces", name)
    document = with_new_tags(world, request, INTERFACES, identifier)
    return Response(200, shown_interface(world, document))


def register(world: World) -> None:
    """Register the event handler that ends a change."""
    long_running.finisher(world, _CHANGE, _provisioned)


def _provisioned(world: World, payload: Document) -> None:
    """The interface has its addresses from the beginning; only the operation takes time."""


def _configured(
    world: World, interface: str, wanted: Document, before: Document | None
) -> Document:
    """A configuration with its address; a dynamic one keeps the address that it has."""
    name, properties = wanted.get("name"), wanted.get("properties", {})
    identifier = properties.get("subnet", {}).get("id")
    if not name or not identifier:
        raise malformed("Required properties 'name' and 'subnet' of a configuration are unset.")
    static = properties.get("privateIPAllocationMethod") == "Static"
    asked = properties.get("privateIPAddress") if static else None
    if static and not asked:
        raise malformed(f"Required property 'privateIPAddress' of {name} is unset.")
    own = f"{interface}/ipConfigurations/{name}"
    network, _, inside = identifier.partition("/subnets/")
    subnet = subnets.require_subnet(require_reference(world, network, own), inside)
    kept = ""
    if before is not None and not static:
        shown = before["properties"]
        same = shown["subnet"]["id"].lower() == subnet["id"].lower()
        kept = shown["privateIPAddress"] if same else ""
    public = properties.get("publicIPAddress", {}).get("id")
    address = {"id": require_reference(world, public, own)["id"]} if public else None
    return {
        "id": own,
        "name": name,
        "properties": {
            "provisioningState": "Succeeded",
            "privateIPAddress": kept or allocate(world, subnet, asked, own),
            "privateIPAllocationMethod": "Static" if static else "Dynamic",
            "subnet": {"id": subnet["id"]},
            "primary": properties.get("primary", True),
            "privateIPAddressVersion": "IPv4",
            **({"publicIPAddress": address} if address else {}),
        },
    }
