"""Subnets: their properties, their validation, and the resources that use them.

Source: Microsoft.Network, Subnets_* operations.
"""

from __future__ import annotations

from emulator.arm.network.addresses import check_subnets
from emulator.arm.network.interfaces import INTERFACES
from emulator.arm.network.requests import etag, malformed, require_name
from emulator.kernel import schema
from emulator.kernel.resources import require_reference
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World

TYPE = "Microsoft.Network/virtualNetworks/subnets"
REFERENCE = {"id": str}
_POLICY = schema.OneOf("Enabled", "Disabled", "NetworkSecurityGroupEnabled", "RouteTableEnabled")
_READ_ONLY = (
    "ipConfigurationProfiles",
    "ipConfigurations",
    "privateEndpoints",
    "provisioningState",
    "purpose",
    "resourceNavigationLinks",
    "serviceAssociationLinks",
)
_PROPERTIES = {
    **dict.fromkeys(_READ_ONLY, schema.IGNORED),
    "addressPrefix": str,
    "addressPrefixes": [str],
    "applicationGatewayIPConfigurations": [schema.ANY],
    "defaultOutboundAccess": bool,
    "delegations": [schema.ANY],
    "ipAllocations": [REFERENCE],
    "ipamPoolPrefixAllocations": [schema.ANY],
    "natGateway": REFERENCE,
    "networkSecurityGroup": REFERENCE,
    "privateEndpointNetworkPolicies": _POLICY,
    "privateLinkServiceNetworkPolicies": _POLICY,
    "routeTable": REFERENCE,
    "serviceEndpointPolicies": [REFERENCE],
    "serviceEndpoints": [schema.ANY],
    "sharingScope": str,
}
SHAPE: schema.Shape = {
    "id": schema.IGNORED,
    "name": str,
    "type": schema.IGNORED,
    "etag": schema.IGNORED,
    "properties": _PROPERTIES,
}
_REFERENCES = ("natGateway", "networkSecurityGroup", "routeTable")


def check(world: World, document: Document, before: list[Document]) -> None:
    """Refuse a change that makes the network invalid, or removes prefixes that are in use.

    Args:
        world: the world.
        document: the changed network.
        before: its subnets before the change.

    Raises:
        ArmError: 400, with a code for each reason.
    """
    properties = document["properties"]
    after = {subnet["name"].lower(): subnet for subnet in properties["subnets"]}
    if len(after) < len(properties["subnets"]):
        raise malformed("Two subnets have the same name.")
    check_subnets(
        document["id"],
        properties["addressSpace"]["addressPrefixes"],
        [(subnet["name"], prefixes(subnet)) for subnet in properties["subnets"]],
    )
    for subnet in before:
        now = after.get(subnet["name"].lower())
        if now is None:
            require_unused(world, subnet)
        elif prefixes(now) != prefixes(subnet) and configurations(world, subnet["id"]):
            raise ArmError(
                400,
                "InUsePrefixCannotBeDeleted",
                f"IpPrefix {prefixes(subnet)[0]} on Subnet {subnet['name']} has active "
                "allocations and cannot be deleted.",
            )


def create(
    world: World, network: str, name: str, wanted: Document, kept: dict[str, Document]
) -> Document:
    """A new or changed subnet.

    Args:
        world: the world.
        network: the id of its virtual network.
        name: its name.
        wanted: the body of the request.
        kept: the network's subnets by their names in lower case.

    Raises:
        ArmError: 400 for a name, a prefix or a reference that Azure refuses.
    """
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
        "type": TYPE,
        "etag": etag(world),
        "properties": {
            "provisioningState": "Succeeded",
            "delegations": [],
            "privateEndpointNetworkPolicies": "Disabled",
            "privateLinkServiceNetworkPolicies": "Enabled",
            **properties,
        },
    }


def shown(world: World, subnet: Document, *, expanded: bool = False) -> Document:
    """The subnet with the ids of the IP configurations in it, or with all of them."""
    inside = configurations(world, subnet["id"])
    used = inside if expanded else [{"id": configuration["id"]} for configuration in inside]
    properties = subnet["properties"]
    if used:
        properties = {**properties, "ipConfigurations": used}
    return {**subnet, "properties": properties}


def configurations(world: World, subnet: str) -> list[Document]:
    """The IP configurations of all interfaces in a subnet."""
    return [
        configuration
        for interface in world.store.list(INTERFACES)
        for configuration in interface["properties"].get("ipConfigurations", [])
        if configuration["properties"].get("subnet", {}).get("id", "").lower() == subnet.lower()
    ]


def require_unused(world: World, subnet: Document) -> None:
    """Refuse to delete a subnet that has interfaces.

    Raises:
        ArmError: 400 `InUseSubnetCannotBeDeleted`.
    """
    used = configurations(world, subnet["id"])
    if used:
        raise ArmError(
            400,
            "InUseSubnetCannotBeDeleted",
            f"Subnet {subnet['name']} is in use by {used[0]['id']} and cannot be deleted. In order "
            "to delete the subnet, delete all the resources within the subnet. See "
            "aka.ms/deletesubnet.",
        )


def require_subnet(document: Document, name: str) -> Document:
    """The subnet of a network with this name.

    Raises:
        ArmError: 404 `NotFound`.
    """
    found = find(document, name)
    if found is None:
        raise ArmError(404, "NotFound", f"Resource {document['id']}/subnets/{name} not found.")
    return found


def find(document: Document, name: str) -> Document | None:
    """The subnet of a network with this name, or None."""
    for subnet in document["properties"]["subnets"]:
        if subnet["name"].lower() == name.lower():
            found: Document = subnet
            return found
    return None


def prefixes(subnet: Document) -> list[str]:
    """The address prefixes of a subnet, however its body gives them."""
    properties = subnet["properties"]
    several = properties.get("addressPrefixes")
    return list(several) if several else [properties["addressPrefix"]]
