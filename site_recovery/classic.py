"""The classic experience: a configuration server, replication provider `InMageAzureV2`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

from site_recovery import bodies
from site_recovery.fleet import Assignment, RecoveryPoint, Site
from site_recovery.registered import Registration
from site_recovery.sources import Source

INSTANCE_TYPE = "InMageAzureV2"
FABRIC_TYPE = "VMware"
SERVER = "configuration server"
GUIDANCE = ""
DISCOVERS = True

PLAN_RECOVERY_POINTS = {
    RecoveryPoint.LATEST: "Latest",
    RecoveryPoint.LATEST_APPLICATION_CONSISTENT: "LatestApplicationConsistent",
}
"""`recoveryPointType` of a recovery plan's failover (InMageV2RpRecoveryPointType)."""


def may_hold(fabric: Mapping[str, Any], server_name: str) -> bool:
    """Whether a listed fabric is a server's: its friendly name is the server's host name."""
    properties = fabric["properties"]
    details = properties.get("customDetails") or {}
    return (
        details.get("instanceType") == FABRIC_TYPE
        and (properties.get("friendlyName") or "").lower() == server_name.lower()
    )


def registration(
    fabric: Mapping[str, Any],
    containers: Sequence[Mapping[str, Any]],
    providers: Sequence[Mapping[str, Any]],
    server_name: str,
) -> Registration | str:
    """What a configuration server brought into the vault, or in words what is missing."""
    details = fabric["properties"]["customDetails"]
    health = fabric["properties"].get("health")
    process_servers = details.get("processServers") or []
    masters = details.get("masterTargetServers") or []
    if not process_servers or not masters:
        return f"{SERVER} {server_name} is registered, its process server is not there yet"
    if health == "Critical" or process_servers[0].get("health") == "Critical":
        return f"{SERVER} {server_name} is registered and its health is Critical"
    if not containers or not providers:
        return f"{SERVER} {server_name} is registered, its container is not there yet"
    accounts = details.get("runAsAccounts") or []
    return Registration(
        fabric_id=fabric["id"],
        container_id=containers[0]["id"],
        provider_id=providers[0]["id"],
        process_server_id=process_servers[0]["id"],
        master_target_id=masters[0]["id"],
        run_as_accounts={account["accountName"]: account["accountId"] for account in accounts},
    )


async def sources(client: SiteRecoveryManagementClient, site: Site) -> tuple[Source, ...]:
    """The container's protectable items (ReplicationProtectableItems_List).

    Raises:
        AzureError: Azure did not answer, or refused.
    """
    container = site.container
    listed = client.replication_protectable_items.list_by_replication_protection_containers(
        container.vault.resource_group,
        container.vault.vault,
        container.fabric,
        container.container,
    )
    return tuple([_source(model.as_dict()) async for model in listed])


def mapping_input() -> dict[str, Any]:
    """`providerSpecificInput` of a container mapping; no class of the SDK has it."""
    return {"instanceType": INSTANCE_TYPE}


def discover(assignment: Assignment) -> dict[str, Any]:
    """Body of ReplicationProtectionContainers_DiscoverProtectableItem."""
    return {
        "properties": {
            "friendlyName": assignment.machine.name,
            "ipAddress": assignment.machine.private_ip,
            "osType": assignment.target.os_type,
        }
    }


def enable_protection(assignment: Assignment, site: Site, source_id: str) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_Create (InMageAzureV2EnableProtectionInput)."""
    machine, target = assignment.machine, assignment.target
    details: dict[str, Any] = {
        "instanceType": INSTANCE_TYPE,
        "processServerId": site.process_server_id,
        "masterTargetId": site.master_target_id,
        # None where the agents install themselves.
        "runAsAccountId": site.run_as_accounts.get(target.os_type.lower()),
        "logStorageAccountId": site.storage_account_id,
        "targetAzureVmName": machine.vm_name,
        "targetAzureV2ResourceGroupId": site.resource_group_id,
        "targetAzureNetworkId": site.network_id,
        "targetAzureSubnetId": target.subnet or site.subnet_name,
        "enableRdpOnTargetOption": "Never",
        "diskType": target.disk_type,
        "targetVmSize": target.vm_size,
        "targetAvailabilityZone": target.availability_zone,
        "licenseType": target.license_type,
        "targetVmTags": bodies.tags(assignment),
    }
    return {
        "properties": {
            "policyId": site.policy_id,
            "protectableItemId": source_id,
            "providerSpecificDetails": {k: v for k, v in details.items() if v is not None},
        }
    }


def test_failover(site: Site) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_TestFailover."""
    return bodies.test_failover(site.test_network_id, INSTANCE_TYPE)


def unplanned_failover(recovery_point_id: str | None) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_UnplannedFailover."""
    return bodies.unplanned_failover({"instanceType": INSTANCE_TYPE}, recovery_point_id)


def _source(item: Mapping[str, Any]) -> Source:
    properties = item["properties"]
    address = (properties.get("customDetails") or {}).get("ipAddress")
    return Source(
        id=item["id"],
        name=properties.get("friendlyName") or item["name"],
        addresses=(address,) if address else (),
        item_id=properties.get("replicationProtectedItemId"),
    )
