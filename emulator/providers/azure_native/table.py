"""The azure-native types that the stand-in knows.

Shapes and api-versions are those of pulumi-azure-native 3.29. `properties.` in ARM's bodies is
flattened in programs for networks and storage, and kept for Recovery Services, as the SDK does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.providers.azure_native.resources import Row
from emulator.providers.resource import Naming
from emulator.providers.schema import Kind, Property

_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
_NETWORK = f"{_GROUP}/providers/Microsoft.Network"
_VAULTS = f"{_GROUP}/providers/Microsoft.RecoveryServices/vaults"
_NETWORK_API = "2024-05-01"
_RECOVERY_SERVICES_API = "2024-10-01"


def _same_id(value: Any) -> Any:
    """Resource ids are the same in any casing."""
    return value.casefold() if isinstance(value, str) and value.startswith("/") else value


def _same_place(value: Any) -> Any:
    """`West Europe` and `westeurope` are the same location."""
    return value.replace(" ", "").casefold() if isinstance(value, str) else value


def _inner(kind: Kind = "string", **more: Any) -> Property:
    """A property that ARM has under `properties`."""
    return Property(kind, container=("properties",), **more)


_PATH_PARAMETER = Property(required=True, replace=True, normal=str.casefold)
_LOCATION = Property(replace=True, computed=True, normal=_same_place)
_TAGS = Property("map", items=Property())
_TEXTS = Property("list", items=Property())
_ID = Property(normal=_same_id)
_REFERENCE = Property("object", fields={"id": _ID})
_REFERENCES = Property("list", items=_REFERENCE)

_SECURITY_RULE: Mapping[str, Property] = {
    "id": _ID,
    "name": Property(),
    "type": Property(),
    "access": _inner(required=True),
    "direction": _inner(required=True),
    "protocol": _inner(required=True),
    "priority": _inner("integer"),
    "description": _inner(),
    "sourceAddressPrefix": _inner(),
    "sourceAddressPrefixes": _inner("list", items=Property()),
    "sourcePortRange": _inner(),
    "sourcePortRanges": _inner("list", items=Property()),
    "destinationAddressPrefix": _inner(),
    "destinationAddressPrefixes": _inner("list", items=Property()),
    "destinationPortRange": _inner(),
    "destinationPortRanges": _inner("list", items=Property()),
}

_SUBNET: Mapping[str, Property] = {
    "id": _ID,
    "name": Property(computed=True),
    "type": Property(),
    "addressPrefix": _inner(),
    "addressPrefixes": _inner("list", items=Property()),
    "defaultOutboundAccess": _inner("boolean"),
    "delegations": _inner(
        "list",
        items=Property("object", fields={"name": Property(), "serviceName": _inner(), "id": _ID}),
    ),
    "natGateway": _inner("object", fields={"id": _ID}),
    "networkSecurityGroup": _inner("object", fields={"id": _ID}),
    "privateEndpointNetworkPolicies": _inner(computed=True),
    "privateLinkServiceNetworkPolicies": _inner(computed=True),
    "routeTable": _inner("object", fields={"id": _ID}),
    "serviceEndpoints": _inner(
        "list",
        items=Property("object", fields={"service": Property(), "locations": _TEXTS}),
    ),
    "sharingScope": _inner(),
}

_STORAGE_SERVICE = Property(
    "object", fields={"enabled": Property("boolean"), "keyType": Property()}
)

_STORAGE: Mapping[str, Property] = {
    "resourceGroupName": _PATH_PARAMETER,
    "accountName": Property(replace=True),
    "location": _LOCATION,
    "tags": _TAGS,
    "kind": Property(required=True),
    "sku": Property("object", required=True, fields={"name": Property(required=True)}),
    "identity": Property(
        "object",
        fields={"type": Property(required=True), "userAssignedIdentities": Property("any")},
    ),
    "accessTier": _inner(),
    "allowBlobPublicAccess": _inner("boolean"),
    "allowCrossTenantReplication": _inner("boolean"),
    "allowSharedKeyAccess": _inner("boolean"),
    "allowedCopyScope": _inner(),
    "defaultToOAuthAuthentication": _inner("boolean"),
    "dnsEndpointType": _inner(),
    "enableHttpsTrafficOnly": _inner("boolean", wire="supportsHttpsTrafficOnly"),
    "enableNfsV3": _inner("boolean", wire="isNfsV3Enabled", replace=True),
    "encryption": _inner(
        "object",
        fields={
            "keySource": Property(),
            "requireInfrastructureEncryption": Property("boolean", replace=True),
            "services": Property(
                "object",
                fields=dict.fromkeys(("blob", "file", "queue", "table"), _STORAGE_SERVICE),
            ),
        },
    ),
    "isHnsEnabled": _inner("boolean", replace=True),
    "isLocalUserEnabled": _inner("boolean"),
    "isSftpEnabled": _inner("boolean"),
    "keyPolicy": _inner(
        "object", fields={"keyExpirationPeriodInDays": Property("integer", required=True)}
    ),
    "largeFileSharesState": _inner(),
    "minimumTlsVersion": _inner(),
    "networkRuleSet": _inner(
        "object",
        wire="networkAcls",
        fields={
            "defaultAction": Property(required=True),
            "bypass": Property(),
            "ipRules": Property(
                "list",
                items=Property(
                    "object",
                    fields={
                        "iPAddressOrRange": Property(required=True, wire="value"),
                        "action": Property(),
                    },
                ),
            ),
            "virtualNetworkRules": Property(
                "list",
                items=Property(
                    "object",
                    fields={
                        "virtualNetworkResourceId": Property(
                            required=True, wire="id", normal=_same_id
                        ),
                        "action": Property(),
                        "state": Property(),
                    },
                ),
            ),
        },
    ),
    "publicNetworkAccess": _inner(),
    "routingPreference": _inner(
        "object",
        fields={
            "publishInternetEndpoints": Property("boolean"),
            "publishMicrosoftEndpoints": Property("boolean"),
            "routingChoice": Property(),
        },
    ),
    "sasPolicy": _inner(
        "object",
        fields={
            "expirationAction": Property(required=True),
            "sasExpirationPeriod": Property(required=True),
        },
    ),
}

_VAULT_PROPERTIES = Property(
    "object",
    fields={
        "encryption": Property("any"),
        "monitoringSettings": Property(
            "object",
            fields={
                "azureMonitorAlertSettings": Property(
                    "object",
                    fields={
                        "alertsForAllFailoverIssues": Property(),
                        "alertsForAllJobFailures": Property(),
                        "alertsForAllReplicationIssues": Property(),
                    },
                ),
                "classicAlertSettings": Property(
                    "object",
                    fields={
                        "alertsForCriticalOperations": Property(),
                        "emailNotificationsForSiteRecovery": Property(),
                    },
                ),
            },
        ),
        "publicNetworkAccess": Property(),
        "redundancySettings": Property(
            "object",
            fields={
                "crossRegionRestore": Property(),
                "standardTierStorageRedundancy": Property(),
            },
        ),
        "resourceGuardOperationRequests": _TEXTS,
        "restoreSettings": Property(
            "object",
            fields={
                "crossSubscriptionRestoreSettings": Property(
                    "object", fields={"crossSubscriptionRestoreState": Property()}
                )
            },
        ),
        "securitySettings": Property(
            "object",
            fields={
                "immutabilitySettings": Property("object", fields={"state": Property()}),
                "softDeleteSettings": Property(
                    "object",
                    fields={
                        "enhancedSecurityState": Property(),
                        "softDeleteRetentionPeriodInDays": Property("integer"),
                        "softDeleteState": Property(),
                    },
                ),
            },
        ),
    },
)

ROWS = (
    Row(
        token="azure-native:resources:ResourceGroup",  # noqa: S106 (a type token)
        path=_GROUP,
        api_version="2024-03-01",
        inputs={
            "resourceGroupName": Property(replace=True, normal=str.casefold),
            "location": _LOCATION,
            "managedBy": Property(replace=True),
            "tags": _TAGS,
        },
        outputs=("properties",),
        naming=Naming("resourceGroupName", separator="", digits=8, longest=90),
        flat=False,
    ),
    Row(
        token="azure-native:network:VirtualNetwork",  # noqa: S106
        path=f"{_NETWORK}/virtualNetworks/{{virtualNetworkName}}",
        api_version=_NETWORK_API,
        inputs={
            "resourceGroupName": _PATH_PARAMETER,
            "virtualNetworkName": Property(replace=True, normal=str.casefold),
            "id": _ID,
            "location": _LOCATION,
            "tags": _TAGS,
            "addressSpace": _inner("object", fields={"addressPrefixes": _TEXTS}),
            "ddosProtectionPlan": _inner("object", fields={"id": _ID}),
            "dhcpOptions": _inner("object", fields={"dnsServers": _TEXTS}),
            "enableDdosProtection": _inner("boolean", default=False),
            "enableVmProtection": _inner("boolean", default=False),
            "encryption": _inner(
                "object",
                fields={"enabled": Property("boolean", required=True), "enforcement": Property()},
            ),
            "flowTimeoutInMinutes": _inner("integer"),
            "privateEndpointVNetPolicies": _inner(),
            "subnets": _inner("list", maintained=True, items=Property("object", fields=_SUBNET)),
        },
        outputs=("etag", "flowLogs", "provisioningState", "resourceGuid", "subnets"),
        naming=Naming("virtualNetworkName", separator="", digits=8, longest=64),
    ),
    Row(
        token="azure-native:network:Subnet",  # noqa: S106
        path=f"{_NETWORK}/virtualNetworks/{{virtualNetworkName}}/subnets/{{subnetName}}",
        api_version=_NETWORK_API,
        inputs={
            "resourceGroupName": _PATH_PARAMETER,
            "virtualNetworkName": _PATH_PARAMETER,
            "subnetName": Property(replace=True, normal=str.casefold),
            **_SUBNET,
        },
        outputs=("etag", "provisioningState", "purpose", "ipConfigurations"),
        naming=Naming("subnetName", digits=0, longest=80),
    ),
    Row(
        token="azure-native:network:NetworkSecurityGroup",  # noqa: S106
        path=f"{_NETWORK}/networkSecurityGroups/{{networkSecurityGroupName}}",
        api_version=_NETWORK_API,
        inputs={
            "resourceGroupName": _PATH_PARAMETER,
            "networkSecurityGroupName": Property(replace=True, normal=str.casefold),
            "id": _ID,
            "location": _LOCATION,
            "tags": _TAGS,
            "flushConnection": _inner("boolean"),
            "securityRules": _inner(
                "list", maintained=True, items=Property("object", fields=_SECURITY_RULE)
            ),
        },
        outputs=("defaultSecurityRules", "etag", "provisioningState", "resourceGuid", "subnets"),
        naming=Naming("networkSecurityGroupName", separator="", digits=8, longest=80),
    ),
    Row(
        token="azure-native:storage:StorageAccount",  # noqa: S106
        path=f"{_GROUP}/providers/Microsoft.Storage/storageAccounts/{{accountName}}",
        api_version="2024-01-01",
        inputs=_STORAGE,
        outputs=("creationTime", "primaryEndpoints", "primaryLocation", "provisioningState"),
        naming=Naming("accountName", separator="", digits=8, longest=24, plain=True),
    ),
    Row(
        token="azure-native:recoveryservices:Vault",  # noqa: S106
        path=f"{_VAULTS}/{{vaultName}}",
        api_version=_RECOVERY_SERVICES_API,
        inputs={
            "resourceGroupName": _PATH_PARAMETER,
            "vaultName": Property(replace=True, normal=str.casefold),
            "location": _LOCATION,
            "tags": _TAGS,
            "identity": Property(
                "object",
                fields={"type": Property(required=True), "userAssignedIdentities": Property("any")},
            ),
            "properties": _VAULT_PROPERTIES,
            "sku": Property(
                "object",
                fields={
                    "name": Property(required=True),
                    "capacity": Property(),
                    "family": Property(),
                    "size": Property(),
                    "tier": Property(),
                },
            ),
        },
        outputs=("etag", "systemData", "properties"),
        naming=Naming("vaultName", separator="", digits=8, longest=50),
        flat=False,
    ),
    Row(
        token="azure-native:recoveryservices:ReplicationPolicy",  # noqa: S106
        path=f"{_VAULTS}/{{resourceName}}/replicationPolicies/{{policyName}}",
        api_version=_RECOVERY_SERVICES_API,
        inputs={
            "resourceGroupName": _PATH_PARAMETER,
            "resourceName": _PATH_PARAMETER,
            "policyName": Property(replace=True, normal=str.casefold),
            "properties": Property(
                "object",
                fields={
                    "providerSpecificInput": Property(
                        "object",
                        write_only=True,
                        fields={
                            "instanceType": Property(required=True),
                            "multiVmSyncStatus": Property(),
                            "enableMultiVmSync": Property(),
                            "appConsistentFrequencyInMinutes": Property("integer"),
                            "crashConsistentFrequencyInMinutes": Property("integer"),
                            "recoveryPointHistory": Property("integer"),
                            "recoveryPointHistoryInMinutes": Property("integer"),
                            "recoveryPointThresholdInMinutes": Property("integer"),
                        },
                    )
                },
            ),
        },
        outputs=("location", "properties"),
        naming=Naming("policyName", digits=0),
        flat=False,
    ),
    Row(
        token="azure-native:recoveryservices:ReplicationProtectionContainerMapping",  # noqa: S106
        path=(
            f"{_VAULTS}/{{resourceName}}/replicationFabrics/{{fabricName}}"
            "/replicationProtectionContainers/{protectionContainerName}"
            "/replicationProtectionContainerMappings/{mappingName}"
        ),
        api_version=_RECOVERY_SERVICES_API,
        inputs={
            "resourceGroupName": _PATH_PARAMETER,
            "resourceName": _PATH_PARAMETER,
            "fabricName": _PATH_PARAMETER,
            "protectionContainerName": _PATH_PARAMETER,
            "mappingName": Property(replace=True, normal=str.casefold),
            "properties": Property(
                "object",
                fields={
                    "policyId": _ID,
                    "providerSpecificInput": Property("any", write_only=True),
                    "targetProtectionContainerId": Property(normal=_same_id),
                },
            ),
        },
        outputs=("location", "properties"),
        naming=Naming("mappingName", digits=0),
        flat=False,
    ),
)
