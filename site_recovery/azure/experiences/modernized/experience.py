"""How the modernized experience registers, finds and protects machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from site_recovery.azure.answers.reading import Wire, each, one
from site_recovery.azure.experiences import bodies
from site_recovery.azure.experiences.experience import Sources
from site_recovery.azure.experiences.modernized import target
from site_recovery.azure.rest import call, list_url, url
from site_recovery.azure.servers.registered import Registration
from site_recovery.fleet import Assignment, Site
from site_recovery.server_names import SERVER_NAMES
from site_recovery.snapshot import Kind
from site_recovery.sources import Source, SourceDisk
from site_recovery.target_disks import GIB
from site_recovery.target_settings import TargetSettings, without_none

if TYPE_CHECKING:
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

_DEFAULT_DISK_TYPE = "StandardSSD_LRS"
"""This provider requires a disk type; in the classic experience Azure chooses one."""

_SITES_API_VERSION = "2020-01-01"


class Modernized:
    """Machines behind a replication appliance; implements `Experience`."""

    instance_type = target.INSTANCE_TYPE
    fabric_type = "InMageRcm"
    server = SERVER_NAMES["modernized"]
    guidance = (
        "A person signs it in, once. On its desktop (aws ssm start-session with the document "
        "AWS-StartPortForwardingSession, port 3389) open the Microsoft Azure Appliance "
        "Configuration Manager, paste the key from the vault (Site Recovery infrastructure, ASR "
        "replication appliances, Register), and sign in with the device code, which is good for "
        "five minutes. Then put the agents' config.json into the stack's agent secret. "
        "docs/replication-appliance.md has each step. This run goes on by itself when the "
        "appliance shows up in the vault."
    )
    guide = "docs/replication-appliance.md"
    discovers = False

    def may_contain(self, fabric: Mapping[str, Any], server_name: str) -> bool:
        """Whether it is a fabric of appliances; the list does not say which ones are in it."""
        details = fabric["properties"].get("customDetails") or {}
        return bool(details.get("instanceType") == self.fabric_type)

    def registration(
        self,
        fabric: Mapping[str, Any],
        containers: Sequence[Mapping[str, Any]],
        providers: Sequence[Mapping[str, Any]],
        server_name: str,
    ) -> Registration | str:
        """The registration of an appliance, or a sentence that says what is missing.

        All appliances of a vault share one fabric; each is a process server of it.
        """
        details = fabric["properties"]["customDetails"]
        registered = f"{self.server} {server_name} is registered"
        servers = details.get("processServers") or []
        own = [s for s in servers if (s.get("name") or "").lower() == server_name.lower()]
        if not own:
            known = ", ".join(sorted(s.get("name") or "" for s in servers))
            others = f" (registered are: {known})" if known else ""
            return f"no {self.server} {server_name} is registered with it yet{others}"
        if own[0].get("health") == "Critical":
            return f"{registered} and its health is Critical"
        if not containers or not providers:
            return f"{registered}, its container is not there yet"
        if not details.get("physicalSiteId"):
            return f"{registered}, its site of physical servers is not there yet"
        own_providers = [
            provider
            for provider in providers
            if (provider["properties"].get("friendlyName") or "").lower() == server_name.lower()
        ]
        return Registration(
            fabric_id=fabric["id"],
            container_id=containers[0]["id"],
            provider_id=(own_providers or providers)[0]["id"],
            process_server_id=own[0]["id"],
            machines_site_id=details["physicalSiteId"],
        )

    async def sources(self, client: SiteRecoveryManagementClient, site: Site) -> Sources:
        """The machines of the appliance's site (Machines_ListByServerSite of Microsoft.OffAzure).

        Raises:
            AzureError: Azure did not answer, or refused.
        """
        machines = url(f"{site.machines_site_id}/machines", _SITES_API_VERSION)
        known, odd = each(Kind.SOURCE, await list_url(client, machines), _source)
        return tuple(source for source in known if source is not None), odd

    def mapping_input(self) -> dict[str, Any]:
        """`providerSpecificInput` of a container mapping; agents keep themselves up to date."""
        return {"instanceType": self.instance_type, "enableAgentAutoUpgrade": "true"}

    async def disks(
        self, client: SiteRecoveryManagementClient, source_id: str
    ) -> tuple[SourceDisk, ...]:
        """The disks of a machine of the site (ServersController_GetMachine).

        Raises:
            AzureError: Azure did not answer, or refused.
        """
        answer = await call(client, "GET", url(source_id, _SITES_API_VERSION))
        shown = one("its machine of the site", answer, _Machine.model_validate).properties
        return tuple(each.parsed() for each in shown.disks or ())

    def enable_protection(
        self,
        assignment: Assignment,
        site: Site,
        source_id: str,
        disks: Sequence[SourceDisk] = (),
    ) -> dict[str, Any]:
        """Body of ReplicationProtectedItems_Create (InMageRcmEnableProtectionInput)."""
        machine, wanted, zone = assignment.machine, assignment.target, site.landing_zone
        default = {
            "diskType": wanted.disk_type or _DEFAULT_DISK_TYPE,
            "logStorageAccountId": zone.storage_account_id,
            "diskEncryptionSetId": wanted.disk_encryption_set,
        }
        ordered = bodies.ordered_disks(assignment, disks) if assignment.disks else []
        included = [
            without_none(
                {
                    **default,
                    "diskId": disk.id,
                    "diskType": its.type or default["diskType"],
                    "diskEncryptionSetId": its.disk_encryption_set or wanted.disk_encryption_set,
                }
            )
            for disk, its in ordered
        ]
        details: dict[str, Any] = {
            "instanceType": self.instance_type,
            "fabricDiscoveryMachineId": source_id,
            "processServerId": site.process_server_id,
            "targetResourceGroupId": zone.resource_group_id,
            "targetNetworkId": zone.network_id,
            "targetSubnetName": wanted.subnet or zone.subnet_name,
            "testNetworkId": zone.test_network_id,
            "testSubnetName": zone.test_subnet_name,
            "targetVmName": machine.vm_name,
            "targetVmSize": wanted.vm_size,
            "targetAvailabilityZone": wanted.availability_zone,
            "targetAvailabilitySetId": wanted.availability_set,
            "targetProximityPlacementGroupId": wanted.proximity_placement_group,
            "targetCapacityReservationGroupId": wanted.capacity_reservation_group,
            "licenseType": wanted.license_type,
            "linuxLicenseType": wanted.linux_license_type,
            "sqlServerLicenseType": wanted.sql_server_license_type,
            "disksToInclude": included or None,
            "disksDefault": None if included else without_none(default),
            "targetVmTags": target.tag_list(assignment.tags),
        }
        return {
            "properties": {
                "policyId": site.policy_id,
                "providerSpecificDetails": without_none(details),
            }
        }

    def target_settings(self, details: Mapping[str, Any]) -> TargetSettings:
        """The target as an item's `providerSpecificDetails` show it."""
        return target.read(details)

    def update_target(self, details: Mapping[str, Any], wanted: TargetSettings) -> dict[str, Any]:
        """Body of ReplicationProtectedItems_Update."""
        return target.update(details, wanted)

    def unplanned_failover(self, recovery_point_id: str | None) -> dict[str, Any]:
        """Body of ReplicationProtectedItems_UnplannedFailover; booleans are text here."""
        details = {"instanceType": self.instance_type, "performShutdown": "false"}
        return bodies.unplanned_failover(details, recovery_point_id)


class _Adapter(Wire):
    ip_address_list: list[str] | None = None


class _Disk(Wire):
    id: str
    max_size_in_bytes: float | None = None

    def parsed(self) -> SourceDisk:
        size = self.max_size_in_bytes
        return SourceDisk(self.id, round(size / GIB) if size else None)


class _Properties(Wire):
    disks: list[_Disk] | None = None
    display_name: str | None = None
    network_adapters: list[_Adapter] | None = None
    bios_guid: str | None = None
    is_deleted: str | bool | None = None


class _Machine(Wire):
    id: str
    name: str
    properties: _Properties


def _source(resource: Any) -> Source | None:
    """A machine of the site; None if it was deleted from it."""
    machine = _Machine.model_validate(resource)
    shown = machine.properties
    if str(shown.is_deleted or "").lower() == "true":
        return None
    return Source(
        id=machine.id,
        name=shown.display_name or machine.name,
        addresses=tuple(
            address
            for adapter in shown.network_adapters or ()
            for address in adapter.ip_address_list or ()
        ),
        bios_id=shown.bios_guid or "",
    )
