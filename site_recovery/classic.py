"""Request bodies of the classic experience (provider `InMageAzureV2`, configuration server)."""

from __future__ import annotations

from typing import Any

from site_recovery.fleet import Assignment, RecoveryPoint, Site
from site_recovery.observation import TAG_INSTANCE, TAG_MACHINE

INSTANCE_TYPE = "InMageAzureV2"

PLAN_RECOVERY_POINTS = {
    RecoveryPoint.LATEST: "Latest",
    RecoveryPoint.LATEST_APPLICATION_CONSISTENT: "LatestApplicationConsistent",
}
"""`recoveryPointType` of a recovery plan's failover (InMageV2RpRecoveryPointType)."""


def discover(assignment: Assignment) -> dict[str, Any]:
    """Body of ReplicationProtectionContainers_DiscoverProtectableItem."""
    return {
        "properties": {
            "friendlyName": assignment.machine.name,
            "ipAddress": assignment.machine.private_ip,
            "osType": assignment.target.os_type,
        }
    }


def enable_protection(assignment: Assignment, site: Site, protectable_id: str) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_Create.

    The virtual machine is tagged with where it came from: once Complete Migration has removed
    the item, these tags are what a later run recognises the machine by.
    """
    machine, target = assignment.machine, assignment.target
    details: dict[str, Any] = {
        "instanceType": INSTANCE_TYPE,
        "processServerId": site.process_server_id,
        "masterTargetId": site.master_target_id,
        "runAsAccountId": site.run_as_accounts[target.os_type.lower()],
        "logStorageAccountId": site.storage_account_id,
        "targetAzureVmName": machine.vm_name,
        "targetAzureV2ResourceGroupId": site.resource_group_id,
        "targetAzureNetworkId": site.network_id,
        "targetAzureSubnetId": site.subnet_name,
        "enableRdpOnTargetOption": "Never",
        "diskType": target.disk_type,
        "targetVmSize": target.vm_size,
        "targetAvailabilityZone": target.availability_zone,
        "licenseType": target.license_type,
        "targetVmTags": {
            **target.tags,
            TAG_INSTANCE: machine.instance_id,
            TAG_MACHINE: machine.name,
        },
    }
    return {
        "properties": {
            "policyId": site.policy_id,
            "protectableItemId": protectable_id,
            "providerSpecificDetails": {k: v for k, v in details.items() if v is not None},
        }
    }


def test_failover(site: Site) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_TestFailover, into the isolated test network."""
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "networkType": "VmNetworkAsInput",
            "networkId": site.test_network_id,
            "providerSpecificDetails": {"instanceType": INSTANCE_TYPE},
        }
    }


def test_failover_cleanup() -> dict[str, Any]:
    """Body of ReplicationProtectedItems_TestFailoverCleanup."""
    return {"properties": {"comments": "cleaned up by pulumi up"}}


def unplanned_failover(recovery_point_id: str | None) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_UnplannedFailover; no recovery point is the latest."""
    details = {"instanceType": INSTANCE_TYPE}
    if recovery_point_id is not None:
        details["recoveryPointId"] = recovery_point_id
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            # EC2 instances are physical servers to Site Recovery: it cannot shut them down.
            "sourceSiteOperations": "NotRequired",
            "providerSpecificDetails": details,
        }
    }


def remove(*, migration_complete: bool) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_Delete (POST remove).

    With `MigrationComplete` it is the portal's Complete Migration; without, it disables
    protection and cleans up at the source. HTTP DELETE is a purge and is never used.
    """
    reason = "MigrationComplete" if migration_complete else "NotSpecified"
    return {
        "properties": {
            "disableProtectionReason": reason,
            "replicationProviderInput": {"instanceType": INSTANCE_TYPE},
        }
    }
