"""Storage accounts."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.providers.azure_native.resources import Row
from emulator.providers.azure_native.table.common import (
    GROUP,
    LOCATION,
    PATH_PARAMETER,
    TAGS,
    inner,
    same_id,
)
from emulator.providers.resource import Naming
from emulator.providers.schema import Property

_STORAGE_SERVICE = Property(
    "object", fields={"enabled": Property("boolean"), "keyType": Property()}
)

_STORAGE: Mapping[str, Property] = {
    "resourceGroupName": PATH_PARAMETER,
    "accountName": Property(replace=True),
    "location": LOCATION,
    "tags": TAGS,
    "kind": Property(required=True),
    "sku": Property("object", required=True, fields={"name": Property(required=True)}),
    "identity": Property(
        "object",
        fields={"type": Property(required=True), "userAssignedIdentities": Property("any")},
    ),
    "accessTier": inner(),
    "allowBlobPublicAccess": inner("boolean"),
    "allowCrossTenantReplication": inner("boolean"),
    "allowSharedKeyAccess": inner("boolean"),
    "allowedCopyScope": inner(),
    "defaultToOAuthAuthentication": inner("boolean"),
    "dnsEndpointType": inner(),
    "enableHttpsTrafficOnly": inner("boolean", wire="supportsHttpsTrafficOnly"),
    "enableNfsV3": inner("boolean", wire="isNfsV3Enabled", replace=True),
    "encryption": inner(
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
    "isHnsEnabled": inner("boolean", replace=True),
    "isLocalUserEnabled": inner("boolean"),
    "isSftpEnabled": inner("boolean"),
    "keyPolicy": inner(
        "object", fields={"keyExpirationPeriodInDays": Property("integer", required=True)}
    ),
    "largeFileSharesState": inner(),
    "minimumTlsVersion": inner(),
    "networkRuleSet": inner(
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
                            required=True, wire="id", normal=same_id
                        ),
                        "action": Property(),
                        "state": Property(),
                    },
                ),
            ),
        },
    ),
    "publicNetworkAccess": inner(),
    "routingPreference": inner(
        "object",
        fields={
            "publishInternetEndpoints": Property("boolean"),
            "publishMicrosoftEndpoints": Property("boolean"),
            "routingChoice": Property(),
        },
    ),
    "sasPolicy": inner(
        "object",
        fields={
            "expirationAction": Property(required=True),
            "sasExpirationPeriod": Property(required=True),
        },
    ),
}

ROWS = (
    Row(
        token="azure-native:storage:StorageAccount",  # noqa: S106
        path=f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{{accountName}}",
        api_version="2024-01-01",
        inputs=_STORAGE,
        outputs=("creationTime", "primaryEndpoints", "primaryLocation", "provisioningState"),
        naming=Naming("accountName", separator="", digits=8, longest=24, plain=True),
    ),
)
