"""The classic experience: a configuration server, replication provider `InMageAzureV2`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

from site_recovery import arm_ids
from site_recovery.azure.experiences import bodies
from site_recovery.azure.servers.registered import Registration
from site_recovery.fleet import Assignment, RecoveryPoint, Site
from site_recovery.sources import Source
from site_recovery.target_settings import DYNAMIC, TargetSettings, said, tags_of

INSTANCE_TYPE = "InMageAzureV2"
FABRIC_TYPE = "VMware"
SERVER = "configuration server"
GUIDANCE = ""
GUIDE = "docs/configuration-server.md"
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
        "targetVmTags": assignment.tags,
    }
    return {
        "properties": {
            "policyId": site.policy_id,
            "protectableItemId": source_id,
            "providerSpecificDetails": said(details),
        }
    }


def target_settings(details: Mapping[str, Any]) -> TargetSettings:
    """What an item's `providerSpecificDetails` say of its target."""
    interface = next(iter(_interfaces(details)), None)
    address = _primary(interface) if interface is not None else {}
    static = address.get("recoveryIPAddressType") == "Static"
    subnet = address.get("recoverySubnetName")
    return TargetSettings(
        vm_name=details.get("recoveryAzureVMName"),
        vm_size=details.get("recoveryAzureVMSize"),
        availability_zone=details.get("targetAvailabilityZone") or "",
        license_type=details.get("licenseType"),
        tags=tags_of(details),
        resource_group_id=details.get("recoveryAzureResourceGroupId"),
        network_id=details.get("selectedRecoveryAzureNetworkId"),
        subnet=arm_ids.name(subnet) if subnet else None,
        private_ip=address.get("recoveryStaticIPAddress") if static else DYNAMIC,
        generation=details.get("azureVmGeneration"),
        interfaces=len(_interfaces(details)) or None,
    )


def update_target(details: Mapping[str, Any], wanted: TargetSettings) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_Update.

    All that an update can say is said, what is not wanted otherwise as it is: what an update
    leaves out the service may take for none (azure-powershell sends everything too).
    """
    present = target_settings(details)
    asked, subnet = wanted.over(present), wanted.subnet_of_all(present)
    interfaces = [
        _interface(each, asked if place == 0 else None, subnet)
        for place, each in enumerate(_interfaces(details))
    ]
    properties = {
        "recoveryAzureVMName": asked.vm_name,
        "recoveryAzureVMSize": asked.vm_size,
        "selectedRecoveryAzureNetworkId": asked.network_id,
        "selectedTfoAzureNetworkId": details.get("selectedTfoAzureNetworkId"),
        "selectedSourceNicId": details.get("selectedSourceNicId"),
        "enableRdpOnTargetOption": details.get("enableRdpOnTargetOption"),
        "vmNics": interfaces or None,
        "licenseType": asked.license_type,
        # A machine is in a set or in a zone.
        "recoveryAvailabilitySetId": None
        if asked.availability_zone
        else details.get("recoveryAvailabilitySetId") or None,
        "providerSpecificDetails": said(
            {
                "instanceType": INSTANCE_TYPE,
                "recoveryAzureV2ResourceGroupId": asked.resource_group_id,
                "useManagedDisks": details.get("useManagedDisks"),
                "targetAvailabilityZone": asked.availability_zone or None,
                "targetVmTags": asked.tags,
                "targetProximityPlacementGroupId": details.get("targetProximityPlacementGroupId")
                or None,
                "targetManagedDiskTags": details.get("targetManagedDiskTags"),
                "targetNicTags": details.get("targetNicTags"),
                "sqlServerLicenseType": details.get("sqlServerLicenseType"),
            }
        ),
    }
    return {"properties": said(properties)}


def test_failover(site: Site) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_TestFailover."""
    return bodies.test_failover(site.test_network_id, INSTANCE_TYPE)


def unplanned_failover(recovery_point_id: str | None) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_UnplannedFailover."""
    return bodies.unplanned_failover({"instanceType": INSTANCE_TYPE}, recovery_point_id)


def _interfaces(details: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """An item's interfaces, the one by which the machine is reached first."""
    selected = (details.get("selectedSourceNicId") or "").lower()
    found: list[Mapping[str, Any]] = list(details.get("vmNics") or ())
    return sorted(found, key=lambda each: (each.get("nicId") or "").lower() != selected)


def _primary(interface: Mapping[str, Any]) -> Mapping[str, Any]:
    """An interface's primary address."""
    addresses: list[Mapping[str, Any]] = list(interface.get("ipConfigs") or ())
    first: Mapping[str, Any] = next(iter(addresses), {})
    return next((each for each in addresses if each.get("isPrimary")), first)


_INTERFACE = {
    **{
        name: name
        for name in (
            "nicId",
            "selectionType",
            "recoveryNetworkSecurityGroupId",
            "enableAcceleratedNetworkingOnRecovery",
            "recoveryNicName",
            "recoveryNicResourceGroupName",
            "reuseExistingNic",
            "tfoNetworkSecurityGroupId",
            "enableAcceleratedNetworkingOnTfo",
            "targetNicName",
        )
    },
    "tfoNicName": "tfoRecoveryNicName",
    "tfoNicResourceGroupName": "tfoRecoveryNicResourceGroupName",
    "tfoReuseExistingNic": "tfoReuseExistingNic",
}
"""What an interface is updated with, and by which name it is read."""

_ADDRESS = (
    "isPrimary",
    "isSeletedForFailover",
    "recoverySubnetName",
    "recoveryPublicIPAddressId",
    "recoveryLBBackendAddressPoolIds",
    "tfoSubnetName",
    "tfoStaticIPAddress",
    "tfoPublicIPAddressId",
    "tfoLBBackendAddressPoolIds",
)
"""What an interface's addresses are read and updated with by the same names."""


def _address(shown: Mapping[str, Any]) -> dict[str, Any]:
    static = shown.get("recoveryIPAddressType") == "Static"
    values = {
        "ipConfigName": shown.get("name"),
        **{name: shown.get(name) for name in _ADDRESS},
        "recoveryStaticIPAddress": shown.get("recoveryStaticIPAddress") if static else None,
    }
    return said(values)


def _interface(
    shown: Mapping[str, Any], asked: TargetSettings | None, subnet: str | None
) -> dict[str, Any]:
    """An interface as it is; its primary address as asked for, if anything is.

    Args:
        shown: as the item has it.
        asked: what is asked of the machine; None for an interface that is not its first.
        subnet: of a network that the machine moves to, with all that it has.
    """
    primary = _primary(shown)
    wanted: dict[str, str | None] = {}
    if asked is not None:
        wanted = {
            "recoverySubnetName": asked.subnet,
            "recoveryStaticIPAddress": asked.private_ip or None,
        }
    moved = said({"recoverySubnetName": subnet})
    addresses = [
        {**_address(each), **moved, **(said(wanted) if each is primary else {})}
        for each in shown.get("ipConfigs") or [primary]
    ]
    read = {name: shown.get(known) for name, known in _INTERFACE.items()}
    return {**said(read), "ipConfigs": addresses}


def _source(item: Mapping[str, Any]) -> Source:
    properties = item["properties"]
    address = (properties.get("customDetails") or {}).get("ipAddress")
    return Source(
        id=item["id"],
        name=properties.get("friendlyName") or item["name"],
        addresses=(address,) if address else (),
        item_id=properties.get("replicationProtectedItemId"),
    )
