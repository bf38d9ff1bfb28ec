"""Virtual networks, subnets, interfaces, public addresses and network security groups."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.providers.azure_native.resources import Row
from emulator.providers.azure_native.table.common import (
    GROUP,
    ID,
    LOCATION,
    PATH_PARAMETER,
    TAGS,
    TEXTS,
    inner,
)
from emulator.providers.resource import Naming
from emulator.providers.schema import Property

_NETWORK = f"{GROUP}/providers/Microsoft.Network"
_NETWORK_API = "2024-05-01"

_SECURITY_RULE: Mapping[str, Property] = {
    "id": ID,
    "name": Property(),
    "type": Property(),
    "access": inner(required=True),
    "direction": inner(required=True),
    "protocol": inner(required=True),
    "priority": inner("integer"),
    "description": inner(),
    "sourceAddressPrefix": inner(),
    "sourceAddressPrefixes": inner("list", items=Property()),
    "sourcePortRange": inner(),
    "sourcePortRanges": inner("list", items=Property()),
    "destinationAddressPrefix": inner(),
    "destinationAddressPrefixes": inner("list", items=Property()),
    "destinationPortRange": inner(),
    "destinationPortRanges": inner("list", items=Property()),
}

_SUBNET: Mapping[str, Property] = {
    "id": ID,
    "name": Property(computed=True),
    "type": Property(),
    "addressPrefix": inner(),
    "addressPrefixes": inner("list", items=Property()),
    "defaultOutboundAccess": inner("boolean"),
    "delegations": inner(
        "list",
        items=Property("object", fields={"name": Property(), "serviceName": inner(), "id": ID}),
    ),
    "natGateway": inner("object", fields={"id": ID}),
    "networkSecurityGroup": inner("object", fields={"id": ID}),
    "privateEndpointNetworkPolicies": inner(computed=True),
    "privateLinkServiceNetworkPolicies": inner(computed=True),
    "routeTable": inner("object", fields={"id": ID}),
    "serviceEndpoints": inner(
        "list",
        items=Property("object", fields={"service": Property(), "locations": TEXTS}),
    ),
    "sharingScope": inner(),
}

_IP_CONFIGURATION: Mapping[str, Property] = {
    "id": ID,
    "name": Property(),
    "type": Property(computed=True),
    "primary": inner("boolean", computed=True),
    "privateIPAddress": inner(computed=True),
    "privateIPAddressVersion": inner(computed=True),
    "privateIPAllocationMethod": inner(computed=True),
    "publicIPAddress": inner("object", fields={"id": ID}),
    "subnet": inner("object", fields={"id": ID}),
}

ROWS = (
    Row(
        token="azure-native:network:VirtualNetwork",  # noqa: S106
        path=f"{_NETWORK}/virtualNetworks/{{virtualNetworkName}}",
        api_version=_NETWORK_API,
        inputs={
            "resourceGroupName": PATH_PARAMETER,
            "virtualNetworkName": Property(replace=True, normal=str.casefold),
            "id": ID,
            "location": LOCATION,
            "tags": TAGS,
            "addressSpace": inner("object", fields={"addressPrefixes": TEXTS}),
            "ddosProtectionPlan": inner("object", fields={"id": ID}),
            "dhcpOptions": inner("object", fields={"dnsServers": TEXTS}),
            "enableDdosProtection": inner("boolean", default=False),
            "enableVmProtection": inner("boolean", default=False),
            "encryption": inner(
                "object",
                fields={"enabled": Property("boolean", required=True), "enforcement": Property()},
            ),
            "flowTimeoutInMinutes": inner("integer"),
            "privateEndpointVNetPolicies": inner(),
            "subnets": inner("list", maintained=True, items=Property("object", fields=_SUBNET)),
        },
        outputs=("etag", "flowLogs", "provisioningState", "resourceGuid", "subnets"),
        naming=Naming("virtualNetworkName", separator="", digits=8, longest=64),
    ),
    Row(
        token="azure-native:network:Subnet",  # noqa: S106
        path=f"{_NETWORK}/virtualNetworks/{{virtualNetworkName}}/subnets/{{subnetName}}",
        api_version=_NETWORK_API,
        inputs={
            "resourceGroupName": PATH_PARAMETER,
            "virtualNetworkName": PATH_PARAMETER,
            "subnetName": Property(replace=True, normal=str.casefold),
            **_SUBNET,
        },
        outputs=("etag", "provisioningState", "purpose", "ipConfigurations"),
        naming=Naming("subnetName", digits=0, longest=80),
    ),
    Row(
        token="azure-native:network:NetworkInterface",  # noqa: S106
        path=f"{_NETWORK}/networkInterfaces/{{networkInterfaceName}}",
        api_version=_NETWORK_API,
        inputs={
            "resourceGroupName": PATH_PARAMETER,
            "networkInterfaceName": Property(replace=True, normal=str.casefold),
            "id": ID,
            "location": LOCATION,
            "tags": TAGS,
            "dnsSettings": inner(
                "object",
                fields={"dnsServers": TEXTS, "internalDnsNameLabel": Property()},
            ),
            "enableAcceleratedNetworking": inner("boolean", default=False),
            "enableIPForwarding": inner("boolean", default=False),
            "ipConfigurations": inner("list", items=Property("object", fields=_IP_CONFIGURATION)),
            "networkSecurityGroup": inner("object", fields={"id": ID}),
            "nicType": inner(default="Standard"),
        },
        outputs=(
            *("etag", "hostedWorkloads", "macAddress", "primary", "provisioningState"),
            *("resourceGuid", "tapConfigurations", "virtualMachine"),
        ),
        naming=Naming("networkInterfaceName", separator="", digits=8, longest=80),
    ),
    Row(
        token="azure-native:network:PublicIPAddress",  # noqa: S106
        path=f"{_NETWORK}/publicIPAddresses/{{publicIpAddressName}}",
        api_version=_NETWORK_API,
        inputs={
            "resourceGroupName": PATH_PARAMETER,
            "publicIpAddressName": Property(replace=True, normal=str.casefold),
            "id": ID,
            "location": LOCATION,
            "tags": TAGS,
            "sku": Property(
                "object",
                computed=True,
                fields={"name": Property(), "tier": Property(computed=True)},
            ),
            "zones": TEXTS,
            "dnsSettings": inner("object", fields={"domainNameLabel": Property()}),
            "idleTimeoutInMinutes": inner("integer", computed=True),
            "ipTags": inner(
                "list",
                computed=True,
                items=Property("object", fields={"ipTagType": Property(), "tag": Property()}),
            ),
            "publicIPAddressVersion": inner(computed=True),
            "publicIPAllocationMethod": inner(computed=True),
        },
        outputs=("etag", "ipAddress", "ipConfiguration", "provisioningState", "resourceGuid"),
        naming=Naming("publicIpAddressName", separator="", digits=8, longest=80),
    ),
    Row(
        token="azure-native:network:NetworkSecurityGroup",  # noqa: S106
        path=f"{_NETWORK}/networkSecurityGroups/{{networkSecurityGroupName}}",
        api_version=_NETWORK_API,
        inputs={
            "resourceGroupName": PATH_PARAMETER,
            "networkSecurityGroupName": Property(replace=True, normal=str.casefold),
            "id": ID,
            "location": LOCATION,
            "tags": TAGS,
            "flushConnection": inner("boolean"),
            "securityRules": inner(
                "list", maintained=True, items=Property("object", fields=_SECURITY_RULE)
            ),
        },
        outputs=("defaultSecurityRules", "etag", "provisioningState", "resourceGuid", "subnets"),
        naming=Naming("networkSecurityGroupName", separator="", digits=8, longest=80),
    ),
)
