"""Recovery Services vaults, replication policies and container mappings."""

from __future__ import annotations

from emulator.providers.azure_native.resources import Row
from emulator.providers.azure_native.table.common import (
    GROUP,
    ID,
    LOCATION,
    PATH_PARAMETER,
    TAGS,
    TEXTS,
    same_id,
)
from emulator.providers.resource import Naming
from emulator.providers.schema import Property

_VAULTS = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults"
_RECOVERY_SERVICES_API = "2024-10-01"

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
        "resourceGuardOperationRequests": TEXTS,
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
        token="azure-native:recoveryservices:Vault",  # noqa: S106
        path=f"{_VAULTS}/{{vaultName}}",
        api_version=_RECOVERY_SERVICES_API,
        inputs={
            "resourceGroupName": PATH_PARAMETER,
            "vaultName": Property(replace=True, normal=str.casefold),
            "location": LOCATION,
            "tags": TAGS,
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
            "resourceGroupName": PATH_PARAMETER,
            "resourceName": PATH_PARAMETER,
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
            "resourceGroupName": PATH_PARAMETER,
            "resourceName": PATH_PARAMETER,
            "fabricName": PATH_PARAMETER,
            "protectionContainerName": PATH_PARAMETER,
            "mappingName": Property(replace=True, normal=str.casefold),
            "properties": Property(
                "object",
                fields={
                    "policyId": ID,
                    "providerSpecificInput": Property("any", write_only=True),
                    "targetProtectionContainerId": Property(normal=same_id),
                },
            ),
        },
        outputs=("location", "properties"),
        naming=Naming("mappingName", digits=0),
        flat=False,
    ),
)
