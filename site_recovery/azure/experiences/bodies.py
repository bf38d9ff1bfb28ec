"""Request bodies that both experiences share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from site_recovery.fleet import Assignment, RecoveryPointKind

PLAN_RECOVERY_POINTS = {
    RecoveryPointKind.LATEST: "Latest",
    RecoveryPointKind.LATEST_APPLICATION_CONSISTENT: "LatestApplicationConsistent",
}
"""`recoveryPointType` of a recovery plan's failover (InMageV2RpRecoveryPointType of classic,
RecoveryPlanPointType of modernized)."""


def discover(assignment: Assignment) -> dict[str, Any]:
    """Body of ReplicationProtectionContainers_DiscoverProtectableItem; classic only."""
    return {
        "properties": {
            "friendlyName": assignment.machine.name,
            "ipAddress": assignment.machine.private_ip,
            "osType": assignment.platform.capitalize(),
        }
    }


def test_failover(network_id: str, instance_type: str) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_TestFailover, into the isolated test network."""
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "networkType": "VmNetworkAsInput",
            "networkId": network_id,
            "providerSpecificDetails": {"instanceType": instance_type},
        }
    }


def test_failover_cleanup() -> dict[str, Any]:
    """Body of ReplicationProtectedItems_TestFailoverCleanup."""
    return {"properties": {"comments": "cleaned up by pulumi up"}}


def unplanned_failover(details: Mapping[str, Any], recovery_point_id: str | None) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_UnplannedFailover; None takes the latest point."""
    point = {} if recovery_point_id is None else {"recoveryPointId": recovery_point_id}
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            # For Site Recovery EC2 instances are physical servers, which it cannot shut down.
            "sourceSiteOperations": "NotRequired",
            "providerSpecificDetails": {**details, **point},
        }
    }


def remove(instance_type: str, *, migration_complete: bool) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_Delete (POST remove).

    With `MigrationComplete` it is the Complete Migration of the portal. Otherwise it disables
    protection and cleans up at the source. HTTP DELETE would be a purge and is never used.
    """
    reason = "MigrationComplete" if migration_complete else "NotSpecified"
    return {
        "properties": {
            "disableProtectionReason": reason,
            "replicationProviderInput": {"instanceType": instance_type},
        }
    }
