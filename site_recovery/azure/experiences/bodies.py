"""Request bodies that both experiences share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from site_recovery.declared.disks import DiskOrder
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment, RecoveryPointKind
from site_recovery.sources import SourceDisk

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


def ordered_disks(
    assignment: Assignment, disks: Sequence[SourceDisk]
) -> list[tuple[SourceDisk, DiskOrder]]:
    """Every disk of a machine with what is declared of it.

    A request that names one disk has to name all of them.

    Raises:
        MigrationError: the service does not know the disks yet, or EC2 showed others.
    """
    name, declared = assignment.machine.name, {each.size_gib: each for each in assignment.disks}
    if not disks:
        raise MigrationError(
            f"{name}: its agent has not told its disks yet, and target.disks names some. Run pulumi "
            "up again once the agent reports; with replication.agent.installation push it does so "
            "after replication began only, so use ssm or manual"
        )
    unknown = [each for each in disks if each.size_gib not in declared]
    if unknown:
        sizes = ", ".join(str(size) for size in sorted(declared))
        raise MigrationError(
            f"{name}: its agent tells of a disk of {unknown[0].size_gib} GiB, and EC2 of disks of "
            f"{sizes} GiB, so target.disks cannot be applied. Run pulumi up again if a disk was "
            "just changed; else remove target.disks"
        )
    return [(each, declared[each.size_gib]) for each in disks if each.size_gib is not None]


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
