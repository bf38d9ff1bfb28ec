"""The target of a modernized item: how it is shown, and how it is updated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from site_recovery.azure.answers.reading import EncryptedDisk, Tags, Wire, tags_of
from site_recovery.target_disks import GIB, DiskSettings
from site_recovery.target_interfaces import InterfaceSettings
from site_recovery.target_settings import DYNAMIC, TargetSettings, without_none

INSTANCE_TYPE = "InMageRcm"


class _Interface(Wire):
    nic_id: str | None = None
    is_primary_nic: str | None = None
    is_selected_for_failover: str | None = None
    source_ip_address: str | None = Field(None, alias="sourceIPAddress")
    target_subnet_name: str | None = None
    target_ip_address: str | None = Field(None, alias="targetIPAddress")
    target_ip_address_type: str | None = Field(None, alias="targetIPAddressType")
    test_subnet_name: str | None = None
    test_ip_address: str | None = Field(None, alias="testIPAddress")
    test_ip_address_type: str | None = Field(None, alias="testIPAddressType")


class _Disk(EncryptedDisk):
    capacity_in_bytes: float | None = None
    disk_type: str | None = None

    def parsed(self) -> DiskSettings:
        size = self.capacity_in_bytes
        return DiskSettings(
            round(size / GIB) if size else None, self.disk_type, self.encryption_set
        )


class _Details(Wire):
    target_vm_name: str | None = None
    target_vm_size: str | None = None
    target_availability_zone: str | None = None
    target_availability_set_id: str | None = None
    target_proximity_placement_group_id: str | None = None
    target_capacity_reservation_group_id: str | None = None
    license_type: str | None = None
    linux_license_type: str | None = None
    sql_server_license_type: str | None = None
    target_vm_tags: Tags = None
    target_resource_group_id: str | None = None
    target_network_id: str | None = None
    test_network_id: str | None = None
    target_generation: str | None = None
    vm_nics: list[_Interface] | None = None
    protected_disks: list[_Disk] | None = None


def read(details: Mapping[str, Any]) -> TargetSettings:
    """The target as an item's `providerSpecificDetails` show it.

    Raises:
        ValueError: they are not as the service documents them.
    """
    shown = _Details.model_validate(details)
    first, *others = map(_settings, _interfaces(details) or [{}])
    return TargetSettings(
        vm_name=details.get("targetVmName"),
        vm_size=details.get("targetVmSize"),
        availability_zone=details.get("targetAvailabilityZone") or "",
        availability_set=details.get("targetAvailabilitySetId") or "",
        proximity_placement_group=details.get("targetProximityPlacementGroupId") or "",
        capacity_reservation_group=details.get("targetCapacityReservationGroupId") or "",
        license_type=details.get("licenseType"),
        linux_license_type=details.get("linuxLicenseType"),
        sql_server_license_type=details.get("sqlServerLicenseType"),
        tags=None if shown.target_vm_tags is None else tags_of(shown.target_vm_tags),
        resource_group_id=details.get("targetResourceGroupId"),
        network_id=details.get("targetNetworkId"),
        subnet=first.subnet,
        private_ip=first.private_ip,
        # A test failover sends its network, so a missing one is not a difference.
        test_network_id=details.get("testNetworkId") or None,
        test_subnet=first.test_subnet,
        test_private_ip=first.test_private_ip,
        generation=details.get("targetGeneration"),
        others=tuple(others),
        disks=tuple(disk.parsed() for disk in shown.protected_disks or ()),
    )


def update(details: Mapping[str, Any], wanted: TargetSettings) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_Update (InMageRcmUpdateReplicationProtectedItemInput).

    See `Experience.update_target`.
    """
    present = read(details)
    asked = wanted.over(present)
    interfaces = [
        _interface(shown, its, is_first=place == 0)
        for place, (shown, its) in enumerate(
            zip(_interfaces(details), wanted.every_interface(present), strict=False)
        )
    ]
    part = {
        "instanceType": INSTANCE_TYPE,
        "targetVmName": asked.vm_name,
        "targetVmSize": asked.vm_size,
        "targetResourceGroupId": asked.resource_group_id,
        "targetAvailabilityZone": asked.availability_zone or None,
        "targetAvailabilitySetId": asked.availability_set or None,
        "targetProximityPlacementGroupId": asked.proximity_placement_group or None,
        "targetCapacityReservationGroupId": asked.capacity_reservation_group or None,
        "targetNetworkId": asked.network_id,
        "testNetworkId": asked.test_network_id,
        "vmNics": interfaces or None,
        "licenseType": asked.license_type,
        "linuxLicenseType": asked.linux_license_type,
        "sqlServerLicenseType": asked.sql_server_license_type,
        "targetVmTags": tag_list(asked.tags or {}),
        **{name: details.get(name) or None for name in _AS_IT_IS},
    }
    # A machine can be in a set or in a zone, but not in both: what is wanted takes the other away.
    if wanted.availability_set:
        part["targetAvailabilityZone"] = "" if present.availability_zone else None
    elif asked.availability_zone:
        part["targetAvailabilitySetId"] = "" if present.availability_set else None
    return {"properties": {"providerSpecificDetails": without_none(part)}}


_AS_IT_IS = (
    "targetBootDiagnosticsStorageAccountId",
    "targetManagedDiskTags",
    "targetNicTags",
)
"""The fields of an update that this program does not change; they have the same names in the item."""


def _interfaces(details: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The interfaces of an item; first the one by which the machine is reached."""
    found: list[Mapping[str, Any]] = list(details.get("vmNics") or ())
    return sorted(found, key=lambda each: each.get("isPrimaryNic") != "true")


def _settings(interface: Mapping[str, Any]) -> InterfaceSettings:
    """An interface of an item."""
    static = interface.get("targetIPAddressType") == "Static"
    test_static = interface.get("testIPAddressType") == "Static"
    return InterfaceSettings(
        interface.get("nicId") or "",
        interface.get("sourceIPAddress") or "",
        selected=(interface.get("isSelectedForFailover") or "").lower() != "false",
        subnet=interface.get("targetSubnetName"),
        private_ip=interface.get("targetIPAddress") if static else DYNAMIC,
        test_subnet=interface.get("testSubnetName") or None,
        test_private_ip=interface.get("testIPAddress") if test_static else DYNAMIC,
    )


def _interface(
    shown: Mapping[str, Any], asked: InterfaceSettings, *, is_first: bool
) -> dict[str, Any]:
    """The interface for an update: as it is, but with the wanted subnets and addresses.

    Args:
        shown: the interface of the item.
        asked: as it should be.
        is_first: whether the machine is reached by it.
    """
    static = shown.get("targetIPAddressType") == "Static"
    test_static = shown.get("testIPAddressType") == "Static"
    selected = shown.get("isSelectedForFailover")
    if asked.selected is not None and asked.selected is not _settings(shown).selected:
        selected = "true" if asked.selected else "false"
    return without_none(
        {
            "nicId": shown.get("nicId"),
            "isPrimaryNic": shown.get("isPrimaryNic") or ("true" if is_first else "false"),
            "isSelectedForFailover": selected,
            "targetSubnetName": asked.subnet,
            # An empty text takes an address back; nothing leaves it as it is.
            "targetStaticIPAddress": asked.private_ip if asked.private_ip or static else None,
            "testSubnetName": asked.test_subnet or None,
            "testStaticIPAddress": asked.test_private_ip
            if asked.test_private_ip or test_static
            else None,
            "targetNicName": shown.get("targetNicName"),
        }
    )


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the form that this provider uses."""
    return [{"tagName": name, "tagValue": value} for name, value in tags.items()]
