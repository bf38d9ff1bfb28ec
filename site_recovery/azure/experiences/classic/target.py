"""The target of a classic item: how it is shown, and how it is updated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field

from site_recovery import arm_ids
from site_recovery.azure.answers.reading import EncryptedDisk, Tags, Wire, tags_of
from site_recovery.target_disks import GIB, DiskSettings
from site_recovery.target_interfaces import InterfaceSettings
from site_recovery.target_settings import DYNAMIC, TargetSettings, without_none

INSTANCE_TYPE = "InMageAzureV2"


class _Address(Wire):
    is_primary: bool | None = None
    static_ip_address: str | None = Field(None, alias="staticIPAddress")
    recovery_ip_address_type: str | None = Field(None, alias="recoveryIPAddressType")
    recovery_subnet_name: str | None = None
    recovery_static_ip_address: str | None = Field(None, alias="recoveryStaticIPAddress")
    tfo_subnet_name: str | None = None
    tfo_static_ip_address: str | None = Field(None, alias="tfoStaticIPAddress")


class _Interface(Wire):
    nic_id: str | None = None
    selection_type: str | None = None
    ip_configs: list[_Address] | None = None


class _Disk(Wire):
    disk_id: str | None = None
    disk_capacity_in_bytes: float | None = None


class _ManagedDisk(EncryptedDisk):
    disk_id: str | None = None
    replica_disk_type: str | None = None


class _Details(Wire):
    recovery_azure_vm_name: str | None = Field(None, alias="recoveryAzureVMName")
    recovery_azure_vm_size: str | None = Field(None, alias="recoveryAzureVMSize")
    target_availability_zone: str | None = None
    recovery_availability_set_id: str | None = None
    target_proximity_placement_group_id: str | None = None
    license_type: str | None = None
    sql_server_license_type: str | None = None
    target_vm_tags: Tags = None
    recovery_azure_resource_group_id: str | None = None
    selected_recovery_azure_network_id: str | None = None
    selected_source_nic_id: str | None = None
    azure_vm_generation: str | None = None
    vm_nics: list[_Interface] | None = None
    protected_disks: list[_Disk] | None = None
    protected_managed_disks: list[_ManagedDisk] | None = None


def read(details: Mapping[str, Any]) -> TargetSettings:
    """The target as an item's `providerSpecificDetails` show it.

    Raises:
        ValueError: they are not as the service documents them.
    """
    shown = _Details.model_validate(details)
    first, *others = map(_settings, _interfaces(details) or [{}])
    return TargetSettings(
        vm_name=details.get("recoveryAzureVMName"),
        vm_size=details.get("recoveryAzureVMSize"),
        availability_zone=details.get("targetAvailabilityZone") or "",
        availability_set=details.get("recoveryAvailabilitySetId") or "",
        proximity_placement_group=details.get("targetProximityPlacementGroupId") or "",
        license_type=details.get("licenseType"),
        sql_server_license_type=details.get("sqlServerLicenseType"),
        tags=None if shown.target_vm_tags is None else tags_of(shown.target_vm_tags),
        resource_group_id=details.get("recoveryAzureResourceGroupId"),
        network_id=details.get("selectedRecoveryAzureNetworkId"),
        subnet=first.subnet,
        private_ip=first.private_ip,
        test_subnet=first.test_subnet,
        test_private_ip=first.test_private_ip,
        generation=details.get("azureVmGeneration"),
        others=tuple(others),
        disks=tuple(_disks(shown)),
    )


def _disks(shown: _Details) -> Iterator[DiskSettings]:
    """The disks of an item, whose sizes and types stand in two lists."""
    sizes = {disk.disk_id: disk.disk_capacity_in_bytes for disk in shown.protected_disks or ()}
    for disk in shown.protected_managed_disks or ():
        size = sizes.get(disk.disk_id)
        yield DiskSettings(
            round(size / GIB) if size else None,
            disk.replica_disk_type,
            disk.encryption_set,
        )


def update(details: Mapping[str, Any], wanted: TargetSettings) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_Update; see `Experience.update_target`."""
    present = read(details)
    asked, moved_to = wanted.over(present), wanted.subnet_of_all(present)
    interfaces = [
        _interface(shown, its, moved_to)
        for shown, its in zip(_interfaces(details), wanted.every_interface(present), strict=False)
    ]
    in_set = bool(wanted.availability_set) or not asked.availability_zone
    properties = {
        "recoveryAzureVMName": asked.vm_name,
        "recoveryAzureVMSize": asked.vm_size,
        "selectedRecoveryAzureNetworkId": asked.network_id,
        "selectedTfoAzureNetworkId": details.get("selectedTfoAzureNetworkId"),
        "selectedSourceNicId": details.get("selectedSourceNicId"),
        "enableRdpOnTargetOption": details.get("enableRdpOnTargetOption"),
        "vmNics": interfaces or None,
        "licenseType": asked.license_type,
        # A machine can be in a set or in a zone, but not in both.
        "recoveryAvailabilitySetId": (asked.availability_set or None) if in_set else None,
        "providerSpecificDetails": without_none(
            {
                "instanceType": INSTANCE_TYPE,
                "recoveryAzureV2ResourceGroupId": asked.resource_group_id,
                "useManagedDisks": details.get("useManagedDisks"),
                "targetAvailabilityZone": None if in_set else asked.availability_zone or None,
                "targetVmTags": asked.tags,
                "targetProximityPlacementGroupId": asked.proximity_placement_group or None,
                "targetManagedDiskTags": details.get("targetManagedDiskTags"),
                "targetNicTags": details.get("targetNicTags"),
                "sqlServerLicenseType": asked.sql_server_license_type,
            }
        ),
    }
    return {"properties": without_none(properties)}


def _interfaces(details: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The interfaces of an item; first the one by which the machine is reached."""
    selected = (details.get("selectedSourceNicId") or "").lower()
    found: list[Mapping[str, Any]] = list(details.get("vmNics") or ())
    return sorted(found, key=lambda each: (each.get("nicId") or "").lower() != selected)


def _settings(interface: Mapping[str, Any]) -> InterfaceSettings:
    """An interface of an item."""
    address = _primary(interface)
    static = address.get("recoveryIPAddressType") == "Static"
    subnet, test_subnet = address.get("recoverySubnetName"), address.get("tfoSubnetName")
    return InterfaceSettings(
        interface.get("nicId") or "",
        address.get("staticIPAddress") or "",
        selected=interface.get("selectionType") != _LEFT_OUT,
        subnet=arm_ids.name(subnet) if subnet else None,
        private_ip=address.get("recoveryStaticIPAddress") if static else DYNAMIC,
        test_subnet=arm_ids.name(test_subnet) if test_subnet else None,
        test_private_ip=address.get("tfoStaticIPAddress") or DYNAMIC,
    )


def _primary(interface: Mapping[str, Any]) -> Mapping[str, Any]:
    """The primary address of an interface."""
    addresses: list[Mapping[str, Any]] = list(interface.get("ipConfigs") or ())
    first: Mapping[str, Any] = next(iter(addresses), {})
    return next((each for each in addresses if each.get("isPrimary")), first)


_LEFT_OUT, _TAKEN_ALONG = "NotSelected", "SelectedByUser"
"""The `selectionType` of an interface, as azure-powershell sends it."""

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
"""The fields of an interface: the name in an update, and the name in the item."""

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
"""The fields of an address that have one name in an update and in the item."""


def _address(shown: Mapping[str, Any]) -> dict[str, Any]:
    static = shown.get("recoveryIPAddressType") == "Static"
    values = {
        "ipConfigName": shown.get("name"),
        **{name: shown.get(name) for name in _ADDRESS},
        "recoveryStaticIPAddress": shown.get("recoveryStaticIPAddress") if static else None,
    }
    return without_none(values)


def _interface(
    shown: Mapping[str, Any], asked: InterfaceSettings, subnet: str | None
) -> dict[str, Any]:
    """The interface for an update: as it is, but with the wanted primary address.

    Args:
        shown: the interface of the item.
        asked: as it should be.
        subnet: for all addresses, if the machine moves to another network; else None.
    """
    primary = _primary(shown)
    wanted = {
        "recoverySubnetName": asked.subnet,
        # An empty text takes an address back; nothing leaves it as it is.
        "recoveryStaticIPAddress": asked.private_ip
        if asked.private_ip or primary.get("recoveryIPAddressType") == "Static"
        else None,
        "tfoSubnetName": asked.test_subnet,
        "tfoStaticIPAddress": asked.test_private_ip
        if asked.test_private_ip or primary.get("tfoStaticIPAddress")
        else None,
    }
    moved = without_none({"recoverySubnetName": subnet})
    addresses = [
        {**_address(each), **moved, **(without_none(wanted) if each is primary else {})}
        for each in shown.get("ipConfigs") or [primary]
    ]
    read = {name: shown.get(known) for name, known in _INTERFACE.items()}
    if asked.selected is not None and asked.selected is not _settings(shown).selected:
        read["selectionType"] = _TAKEN_ALONG if asked.selected else _LEFT_OUT
    return {**without_none(read), "ipConfigs": addresses}
