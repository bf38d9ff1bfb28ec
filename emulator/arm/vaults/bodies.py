"""The body of a vault: its shape, its defaults and its identity.

Source: Microsoft.RecoveryServices, Vaults_CreateOrUpdate.
"""

from __future__ import annotations

from urllib.parse import quote

from emulator.arm import tracked
from emulator.arm.identity import TENANT
from emulator.arm.merging import merged
from emulator.kernel import schema
from emulator.kernel.store import Document
from emulator.kernel.world import World

_SECURITY = {
    "softDeleteSettings": {
        "softDeleteState": schema.OneOf("Enabled", "Disabled", "AlwaysON"),
        "softDeleteRetentionPeriodInDays": int,
        "enhancedSecurityState": schema.OneOf("Enabled", "Disabled", "AlwaysON"),
    },
    "immutabilitySettings": {
        "state": schema.OneOf("Disabled", "Unlocked", "Locked"),
        "configuration": schema.ANY,
    },
    "multiUserAuthorization": schema.IGNORED,
    "sourceScanConfiguration": schema.ANY,
}
_SWITCH = schema.OneOf("Enabled", "Disabled")
_PROPERTIES = {
    "provisioningState": schema.IGNORED,
    "upgradeDetails": schema.IGNORED,
    "privateEndpointConnections": schema.IGNORED,
    "privateEndpointStateForBackup": schema.IGNORED,
    "privateEndpointStateForSiteRecovery": schema.IGNORED,
    "moveDetails": schema.IGNORED,
    "moveState": schema.IGNORED,
    "backupStorageVersion": schema.IGNORED,
    "secureScore": schema.IGNORED,
    "bcdrSecurityLevel": schema.IGNORED,
    "costManagementSettings": schema.ANY,
    "encryption": schema.ANY,
    "publicNetworkAccess": _SWITCH,
    "monitoringSettings": {
        "azureMonitorAlertSettings": schema.MapOf(_SWITCH),
        "classicAlertSettings": schema.MapOf(_SWITCH),
    },
    "restoreSettings": {
        "crossSubscriptionRestoreSettings": {
            "crossSubscriptionRestoreState": schema.OneOf(
                "Enabled", "Disabled", "PermanentlyDisabled"
            )
        }
    },
    "redundancySettings": {
        "standardTierStorageRedundancy": schema.OneOf(
            "LocallyRedundant", "GeoRedundant", "ZoneRedundant"
        ),
        "crossRegionRestore": _SWITCH,
    },
    "securitySettings": _SECURITY,
    "resourceGuardOperationRequests": [str],
}
BODY = {
    **tracked.COMMON,
    "sku": {
        "name": schema.OneOf("Standard", "RS0"),
        "tier": str,
        "family": str,
        "size": str,
        "capacity": str,
    },
    "identity": {
        "type": str,
        "userAssignedIdentities": schema.ANY,
        "principalId": schema.IGNORED,
        "tenantId": schema.IGNORED,
    },
    "properties": _PROPERTIES,
}


def with_defaults(properties: Document, state: str) -> Document:
    """The properties of a vault: those of the request, with the service's defaults for the rest."""
    defaults: Document = {
        "provisioningState": state,
        "privateEndpointStateForBackup": "None",
        "privateEndpointStateForSiteRecovery": "None",
        "backupStorageVersion": "Unassigned",
        "publicNetworkAccess": "Enabled",
        "monitoringSettings": {
            "azureMonitorAlertSettings": {"alertsForAllJobFailures": "Enabled"},
            "classicAlertSettings": {"alertsForCriticalOperations": "Enabled"},
        },
        "restoreSettings": {
            "crossSubscriptionRestoreSettings": {"crossSubscriptionRestoreState": "Enabled"}
        },
        "redundancySettings": {
            "standardTierStorageRedundancy": "GeoRedundant",
            "crossRegionRestore": "Disabled",
        },
        "securitySettings": {
            "softDeleteSettings": {
                "softDeleteState": "Enabled",
                "softDeleteRetentionPeriodInDays": 14,
            },
            "multiUserAuthorization": "Disabled",
        },
    }
    encryption = properties.get("encryption")
    if isinstance(encryption, dict) and "kekIdentity" in encryption:
        defaults["encryption"] = {"kekIdentity": {"useSystemAssignedIdentity": False}}
    return merged(defaults, properties)


def identity(world: World, identifier: str, given: Document) -> Document:
    """A vault's identity with the ids that the service gives it.

    Args:
        world: the world.
        identifier: the vault's id.
        given: `identity` of the request.
    """
    kinds = str(given.get("type", "")).lower().replace(" ", "").split(",")
    result = dict(given)
    if "systemassigned" in kinds:
        result["principalId"] = world.guid("principal", identifier.lower())
        result["tenantId"] = TENANT
    if "userassigned" in kinds and isinstance(given.get("userAssignedIdentities"), dict):
        result["userAssignedIdentities"] = {
            name: {
                "clientId": world.guid("client", name.lower()),
                "principalId": world.guid("principal", name.lower()),
            }
            for name in given["userAssignedIdentities"]
        }
    return result


def etag(world: World) -> str:
    """A new entity tag."""
    moment = world.now.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    return f"W/\"datetime'{quote(moment)}'\""
