"""How the classic experience registers, finds and protects machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from site_recovery.azure.answers.reading import Wire, each, one
from site_recovery.azure.experiences import bodies
from site_recovery.azure.experiences.classic import target
from site_recovery.azure.experiences.experience import Sources
from site_recovery.azure.rest import call, list_url, url
from site_recovery.azure.servers.registered import Registration
from site_recovery.fleet import Assignment, Site
from site_recovery.server_names import SERVER_NAMES
from site_recovery.snapshot import Kind
from site_recovery.sources import Source, SourceDisk
from site_recovery.target_settings import TargetSettings, without_none

if TYPE_CHECKING:
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

_MIB_OF_A_GIB = 1024


class Classic:
    """Machines behind a configuration server; implements `Experience`."""

    instance_type = target.INSTANCE_TYPE
    fabric_type = "VMware"
    server = SERVER_NAMES["classic"]
    guidance = ""
    guide = "docs/configuration-server.md"
    discovers = True

    def may_contain(self, fabric: Mapping[str, Any], server_name: str) -> bool:
        """Whether the friendly name of the fabric is the host name of the server."""
        properties = fabric["properties"]
        details = properties.get("customDetails") or {}
        return (
            details.get("instanceType") == self.fabric_type
            and (properties.get("friendlyName") or "").lower() == server_name.lower()
        )

    def registration(
        self,
        fabric: Mapping[str, Any],
        containers: Sequence[Mapping[str, Any]],
        providers: Sequence[Mapping[str, Any]],
        server_name: str,
    ) -> Registration | str:
        """The registration of a configuration server, or a sentence that says what is missing."""
        details = fabric["properties"]["customDetails"]
        registered = f"{self.server} {server_name} is registered"
        process_servers = details.get("processServers") or []
        masters = details.get("masterTargetServers") or []
        if not process_servers or not masters:
            return f"{registered}, its process server is not there yet"
        health = {fabric["properties"].get("health"), process_servers[0].get("health")}
        if "Critical" in health:
            return f"{registered} and its health is Critical"
        if not containers or not providers:
            return f"{registered}, its container is not there yet"
        accounts = details.get("runAsAccounts") or []
        return Registration(
            fabric_id=fabric["id"],
            container_id=containers[0]["id"],
            provider_id=providers[0]["id"],
            process_server_id=process_servers[0]["id"],
            master_target_id=masters[0]["id"],
            run_as_accounts={account["accountName"]: account["accountId"] for account in accounts},
        )

    async def sources(self, client: SiteRecoveryManagementClient, site: Site) -> Sources:
        """The protectable items of the container.

        Operation ReplicationProtectableItems_ListByReplicationProtectionContainers.

        Raises:
            AzureError: Azure did not answer, or refused.
        """
        listed = await list_url(client, url(f"{site.container}/replicationProtectableItems"))
        return each(Kind.SOURCE, listed, _source)

    def mapping_input(self) -> dict[str, Any]:
        """`providerSpecificInput` of a container mapping; the SDK has no class for it."""
        return {"instanceType": self.instance_type}

    async def disks(
        self, client: SiteRecoveryManagementClient, source_id: str
    ) -> tuple[SourceDisk, ...]:
        """The disks of a protectable item, once its agent is there.

        Operation ReplicationProtectableItems_Get.

        Raises:
            AzureError: Azure did not answer, or refused.
        """
        answer = await call(client, "GET", url(source_id))
        shown = one("its discovered machine", answer, _ProtectableItem.model_validate).properties
        known = shown.custom_details.disk_details if shown.custom_details is not None else None
        return tuple(each.parsed() for each in known or ())

    def enable_protection(
        self,
        assignment: Assignment,
        site: Site,
        source_id: str,
        disks: Sequence[SourceDisk] = (),
    ) -> dict[str, Any]:
        """Body of ReplicationProtectedItems_Create (InMageAzureV2EnableProtectionInput)."""
        machine, wanted, zone = assignment.machine, assignment.target, site.landing_zone
        ordered = bodies.ordered_disks(assignment, disks) if assignment.disks else []
        included = [
            without_none(
                {
                    "diskId": disk.id,
                    "logStorageAccountId": zone.storage_account_id,
                    "diskType": its.type or wanted.disk_type,
                    "diskEncryptionSetId": its.disk_encryption_set or wanted.disk_encryption_set,
                }
            )
            for disk, its in ordered
        ]
        details: dict[str, Any] = {
            "instanceType": self.instance_type,
            "processServerId": site.process_server_id,
            "masterTargetId": site.master_target_id,
            # Not set if the agent is installed by something other than the server.
            "runAsAccountId": site.run_as_accounts.get(assignment.platform),
            "logStorageAccountId": zone.storage_account_id,
            "targetAzureVmName": machine.vm_name,
            "targetAzureV2ResourceGroupId": zone.resource_group_id,
            "targetAzureNetworkId": zone.network_id,
            "targetAzureSubnetId": wanted.subnet or zone.subnet_name,
            "enableRdpOnTargetOption": "Never",
            "diskType": wanted.disk_type,
            "disksToInclude": included or None,
            "targetVmSize": wanted.vm_size,
            "targetAvailabilityZone": wanted.availability_zone,
            "targetAvailabilitySetId": wanted.availability_set,
            "targetProximityPlacementGroupId": wanted.proximity_placement_group,
            "diskEncryptionSetId": wanted.disk_encryption_set,
            "licenseType": wanted.license_type,
            "sqlServerLicenseType": wanted.sql_server_license_type,
            "targetVmTags": assignment.tags,
        }
        return {
            "properties": {
                "policyId": site.policy_id,
                "protectableItemId": source_id,
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
        """Body of ReplicationProtectedItems_UnplannedFailover."""
        return bodies.unplanned_failover({"instanceType": self.instance_type}, recovery_point_id)


class _Disk(Wire):
    disk_id: str
    disk_size_in_mb: float | None = Field(None, alias="diskSizeInMB")

    def parsed(self) -> SourceDisk:
        size = self.disk_size_in_mb
        return SourceDisk(self.disk_id, round(size / _MIB_OF_A_GIB) if size else None)


class _Discovered(Wire):
    ip_address: str | None = None
    disk_details: list[_Disk] | None = None


class _Properties(Wire):
    friendly_name: str | None = None
    custom_details: _Discovered | None = None
    replication_protected_item_id: str | None = None


class _ProtectableItem(Wire):
    id: str
    name: str
    properties: _Properties


def _source(resource: Any) -> Source:
    item = _ProtectableItem.model_validate(resource)
    shown = item.properties
    address = shown.custom_details.ip_address if shown.custom_details is not None else None
    return Source(
        id=item.id,
        name=shown.friendly_name or item.name,
        addresses=(address,) if address else (),
        item_id=shown.replication_protected_item_id,
    )
