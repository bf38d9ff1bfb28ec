"""Security rules: their properties, their validation, and the default rules of every group.

Source: Microsoft.Network, SecurityRules_* and DefaultSecurityRules_* operations.
"""

from __future__ import annotations

from emulator.arm.network.requests import malformed, require_name
from emulator.kernel import schema
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError

GROUP_TYPE = "Microsoft.Network/networkSecurityGroups"
_PROPERTIES = {
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
SHAPE: schema.Shape = {
    "id": schema.IGNORED,
    "name": str,
    "type": schema.IGNORED,
    "etag": schema.IGNORED,
    "properties": _PROPERTIES,
}
_LOWEST, _HIGHEST = 100, 4096
_DEFAULTS = (
    ("AllowVnetInBound", "Allow", "Inbound", 65000, "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", "Allow", "Inbound", 65001, "AzureLoadBalancer", "*"),
    ("DenyAllInBound", "Deny", "Inbound", 65500, "*", "*"),
    ("AllowVnetOutBound", "Allow", "Outbound", 65000, "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", "Allow", "Outbound", 65001, "*", "Internet"),
    ("DenyAllOutBound", "Deny", "Outbound", 65500, "*", "*"),
)


def defaults(group: str) -> list[Document]:
    """The default rules of a security group, by the group's id."""
    return [_default(group, *default) for default in _DEFAULTS]


def create(group: str, given: Document) -> Document:
    """A rule of a security group.

    Args:
        group: the group's id.
        given: the rule in the body of a request.

    Raises:
        ArmError: 400 for a name that is not valid, or a property that is missing.
    """
    name = given.get("name", "")
    require_name(name)
    properties = given.get("properties", {})
    missing = {"access", "direction", "protocol", "priority"} - properties.keys()
    if missing:
        raise malformed(f"Required properties of security rule {name} are unset: {missing}.")
    return {
        "id": f"{group}/securityRules/{name}",
        "name": name,
        "type": f"{GROUP_TYPE}/securityRules",
        "properties": {"provisioningState": "Succeeded", **properties},
    }


def check(rules: list[Document]) -> None:
    """Refuse priorities out of range, and two rules of a direction with the same priority.

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
        "type": f"{GROUP_TYPE}/defaultSecurityRules",
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
