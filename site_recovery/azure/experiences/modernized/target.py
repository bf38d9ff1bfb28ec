"""The target of a modernized item: how it is shown, and how it is updated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from site_recovery.target_settings import DYNAMIC, TargetSettings, tags_of, without_none

INSTANCE_TYPE = "InMageRcm"


def read(details: Mapping[str, Any]) -> TargetSettings:
    """The target as an item's `providerSpecificDetails` show it."""
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
        # A test failover sends its network, so a missing one is not a difference.
        test_network_id=details.get("testNetworkId") or None,
        test_subnet=interface.get("testSubnetName") or None,
        generation=details.get("targetGeneration"),
        interfaces=len(details.get("vmNics") or ()) or None,
    )


def update(details: Mapping[str, Any], wanted: TargetSettings) -> dict[str, Any]:
    """Body of ReplicationProtectedItems_Update (InMageRcmUpdateReplicationProtectedItemInput).

    See `Experience.update_target`.
    """
    present = read(details)
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
        "targetVmTags": tag_list(asked.tags or {}),
        **{name: details.get(name) or None for name in _AS_IT_IS},
    }
    if asked.availability_zone:
        # A machine can be in a set or in a zone, but not in both.
        part["targetAvailabilitySetId"] = None
    return {"properties": {"providerSpecificDetails": without_none(part)}}


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
"""The fields of an update that this program does not change; they have the same names in the item."""


def _primary(details: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The interface by which the machine is reached, or None."""
    found: list[Mapping[str, Any]] = list(details.get("vmNics") or ())
    first = next(iter(found), None)
    return next((each for each in found if each.get("isPrimaryNic") == "true"), first)


def _interface(
    shown: Mapping[str, Any], asked: TargetSettings | None, subnet: str | None
) -> dict[str, Any]:
    """The interface for an update: as it is, but with the wanted subnets and address.

    Args:
        shown: the interface of the item.
        asked: the wanted target of the machine; None if the interface is not its first.
        subnet: for all interfaces, if the machine moves to another network; else None.
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
    return without_none(values)


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the form that this provider uses."""
    return [{"tagName": name, "tagValue": value} for name, value in tags.items()]
