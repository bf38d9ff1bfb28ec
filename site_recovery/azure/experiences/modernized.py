"""The modernized experience: a replication appliance, replication provider `InMageRcm`.

Machines are not asked for: their mobility agents report to the appliance, and each then is a
machine of the appliance's site in Microsoft.OffAzure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from azure.core.rest import HttpRequest
from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

from site_recovery.azure.experiences import bodies
from site_recovery.azure.servers.registered import Registration
from site_recovery.fleet import Assignment, RecoveryPoint, Site
from site_recovery.sources import Source
from site_recovery.target_settings import DYNAMIC, TargetSettings, said, tags_of

INSTANCE_TYPE = "InMageRcm"
FABRIC_TYPE = "InMageRcm"
SERVER = "replication appliance"
GUIDANCE = (
    "A person signs it in, once. On its desktop (aws ssm start-session with the document "
    "AWS-StartPortForwardingSession, port 3389) open the Microsoft Azure Appliance Configuration "
    "Manager, paste the key from the vault (Site Recovery infrastructure, ASR replication "
    "appliances, Register), and sign in with the device code, which is good for five minutes. Then "
    "put the agents' config.json into the stack's agent secret. docs/replication-appliance.md has "
    "each step. This run goes on by itself when the appliance shows up in the vault."
)
GUIDE = "docs/replication-appliance.md"
DISCOVERS = False

PLAN_RECOVERY_POINTS = {
    RecoveryPoint.LATEST: "Latest",
    RecoveryPoint.LATEST_APPLICATION_CONSISTENT: "LatestApplicationConsistent",
}
"""`recoveryPointType` of a recovery plan's failover (RecoveryPlanPointType)."""

DEFAULT_DISK_TYPE = "StandardSSD_LRS"
"""This provider must be told a disk type; classic leaves it to Azure."""

_SITES_API_VERSION = "2020-01-01"


def may_hold(fabric: Mapping[str, Any], server_name: str) -> bool:
    """Whether a listed fabric may be an appliance's; the list does not tell which are in it."""
    details = fabric["properties"].get("customDetails") or {}
    return details.get("instanceType") == FABRIC_TYPE


def registration(
    fabric: Mapping[str, Any],
    containers: Sequence[Mapping[str, Any]],
    providers: Sequence[Mapping[str, Any]],
    server_name: str,
) -> Registration | str:
    """What an appliance brought into the vault, or in words what is missing.

    All appliances of a vault share one fabric; each is a process server of it.
    """
    details = fabric["properties"]["customDetails"]
    servers = details.get("processServers") or []
    own = [s for s in servers if (s.get("name") or "").lower() == server_name.lower()]
    if not own:
        known = ", ".join(sorted(s.get("name") or "" for s in servers))
        others = f" (registered are: {known})" if known else ""
        return f"no {SERVER} {server_name} is registered with it yet{others}"
    if own[0].get("health") == "Critical":
        return f"{SERVER} {server_name} is registered and its health is Critical"
    if not containers or not providers:
        return f"{SERVER} {server_name} is registered, its container is not there yet"
    if not details.get("physicalSiteId"):
        return f"{SERVER} {server_name} is registered, its site of physical servers is not yet"
    dras = [
        p
        for p in providers
        if (p["properties"].get("friendlyName") or "").lower() == server_name.lower()
    ]
    return Registration(
        fabric_id=fabric["id"],
        container_id=containers[0]["id"],
        provider_id=(dras or providers)[0]["id"],
        process_server_id=own[0]["id"],
        machines_site_id=details["physicalSiteId"],
    )


async def sources(client: SiteRecoveryManagementClient, site: Site) -> tuple[Source, ...]:
    """The machines of the appliance's site (Machines_ListByServerSite of Microsoft.OffAzure).

    Raises:
        AzureError: Azure did not answer, or refused.
    """
    found: list[Source] = []
    url: str | None = f"{site.machines_site_id}/machines?api-version={_SITES_API_VERSION}"
    while url:
        response = await client.send_request(HttpRequest("GET", url))
        response.raise_for_status()
        page = response.json()
        found += [_source(m) for m in page.get("value", ()) if not _deleted(m)]
        url = page.get("nextLink")
    return tuple(found)


def mapping_input() -> dict[str, Any]:
    """`providerSpecificInput` of a container mapping; agents keep themselves up to date."""
    return {"instanceType": INSTANCE_TYPE, "enableAgentAutoUpgrade": "true"}


def enable_protection(assignment: Assignment, site: Site, source_id: str) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_Create (InMageRcmEnableProtectionInput)."""
    machine, target = assignment.machine, assignment.target
    details: dict[str, Any] = {
        "instanceType": INSTANCE_TYPE,
        "fabricDiscoveryMachineId": source_id,
        "processServerId": site.process_server_id,
        "targetResourceGroupId": site.resource_group_id,
        "targetNetworkId": site.network_id,
        "targetSubnetName": target.subnet or site.subnet_name,
        "testNetworkId": site.test_network_id,
        "testSubnetName": site.test_subnet_name,
        "targetVmName": machine.vm_name,
        "targetVmSize": target.vm_size,
        "targetAvailabilityZone": target.availability_zone,
        "licenseType": target.license_type,
        "disksDefault": {
            "diskType": target.disk_type or DEFAULT_DISK_TYPE,
            "logStorageAccountId": site.storage_account_id,
        },
        "targetVmTags": _listed(assignment.tags),
    }
    return {"properties": {"policyId": site.policy_id, "providerSpecificDetails": said(details)}}


def target_settings(details: Mapping[str, Any]) -> TargetSettings:
    """What an item's `providerSpecificDetails` say of its target."""
    interface = _primary(details) or {}
    static = interface.get("targetIPAddressType") == "Static"
    return TargetSettings(
        vm_name=details.get("targetVmName"),
        vm_size=details.get("targetVmSize"),
        availability_zone=details.get("targetAvailabilityZone") or "",
        license_type=details.get("licenseType"),
        tags=tags_of(details),
        resource_group_id=details.get("targetResourceGroupId"),
        network_id=details.get("targetNetworkId"),
        subnet=interface.get("targetSubnetName"),
        private_ip=interface.get("targetIPAddress") if static else DYNAMIC,
        # A test failover names its network itself, so one that is not there yet is no difference.
        test_network_id=details.get("testNetworkId") or None,
        test_subnet=interface.get("testSubnetName") or None,
        generation=details.get("targetGeneration"),
        interfaces=len(details.get("vmNics") or ()) or None,
    )


def update_target(details: Mapping[str, Any], wanted: TargetSettings) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_Update (InMageRcmUpdateReplicationProtectedItemInput).

    All that an update can say is said, what is not wanted otherwise as it is: what an update
    leaves out the service may take for none (azure-powershell sends everything too).
    """
    present = target_settings(details)
    asked, subnet = wanted.over(present), wanted.subnet_of_all(present)
    primary = _primary(details)
    interfaces = [
        _interface(each, asked if each is primary else None, subnet)
        for each in details.get("vmNics") or ()
    ]
    part = {
        "instanceType": INSTANCE_TYPE,
        "targetVmName": asked.vm_name,
        "targetVmSize": asked.vm_size,
        "targetResourceGroupId": asked.resource_group_id,
        "targetAvailabilityZone": asked.availability_zone or None,
        "targetNetworkId": asked.network_id,
        "testNetworkId": asked.test_network_id,
        "vmNics": interfaces or None,
        "licenseType": asked.license_type,
        "targetVmTags": _listed(asked.tags or {}),
        **{name: details.get(name) or None for name in _AS_IT_IS},
    }
    if asked.availability_zone:
        # A machine is in a set or in a zone.
        part["targetAvailabilitySetId"] = None
    return {"properties": {"providerSpecificDetails": said(part)}}


def test_failover(site: Site) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_TestFailover."""
    return bodies.test_failover(site.test_network_id, INSTANCE_TYPE)


def unplanned_failover(recovery_point_id: str | None) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_UnplannedFailover; booleans are text here."""
    details = {"instanceType": INSTANCE_TYPE, "performShutdown": "false"}
    return bodies.unplanned_failover(details, recovery_point_id)


_AS_IT_IS = (
    "targetAvailabilitySetId",
    "targetCapacityReservationGroupId",
    "targetProximityPlacementGroupId",
    "targetBootDiagnosticsStorageAccountId",
    "sqlServerLicenseType",
    "linuxLicenseType",
    "targetManagedDiskTags",
    "targetNicTags",
)
"""What an update can say and nothing here wants otherwise; by the same names in the item."""


def _primary(details: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The interface by which a machine is reached."""
    found: list[Mapping[str, Any]] = list(details.get("vmNics") or ())
    first = next(iter(found), None)
    return next((each for each in found if each.get("isPrimaryNic") == "true"), first)


def _interface(
    shown: Mapping[str, Any], asked: TargetSettings | None, subnet: str | None
) -> dict[str, Any]:
    """An interface as it is; its target as asked for, if anything is.

    Args:
        shown: as the item has it.
        asked: what is asked of the machine; None for an interface that is not its first.
        subnet: of a network that the machine moves to, with all that it has.
    """
    static = shown.get("targetIPAddressType") == "Static"
    test_static = shown.get("testIPAddressType") == "Static"
    values = {
        "nicId": shown.get("nicId"),
        "isPrimaryNic": shown.get("isPrimaryNic") or ("false" if asked is None else "true"),
        "isSelectedForFailover": shown.get("isSelectedForFailover"),
        "targetSubnetName": subnet or shown.get("targetSubnetName"),
        "targetStaticIPAddress": shown.get("targetIPAddress") if static else None,
        "testSubnetName": shown.get("testSubnetName"),
        "testStaticIPAddress": shown.get("testIPAddress") if test_static else None,
        "targetNicName": shown.get("targetNicName"),
    }
    if asked is not None:
        values |= {
            "targetSubnetName": asked.subnet,
            "targetStaticIPAddress": asked.private_ip or None,
            "testSubnetName": asked.test_subnet or None,
        }
    return said(values)


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as this provider takes them."""
    return [{"tagName": name, "tagValue": value} for name, value in tags.items()]


def _deleted(machine: Mapping[str, Any]) -> bool:
    return str(machine["properties"].get("isDeleted") or "").lower() == "true"


def _source(machine: Mapping[str, Any]) -> Source:
    properties = machine["properties"]
    adapters = properties.get("networkAdapters") or ()
    return Source(
        id=machine["id"],
        name=properties.get("displayName") or machine["name"],
        addresses=tuple(
            address for each in adapters for address in each.get("ipAddressList") or ()
        ),
        bios_id=properties.get("biosGuid") or "",
    )
