"""Reading what targets name in Azure."""

from __future__ import annotations

from azure.core.exceptions import ResourceNotFoundError

from site_recovery import arm_ids
from site_recovery.azure.answers.reading import Wire, one
from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explain, explained
from site_recovery.azure.listed import entry
from site_recovery.azure.rest import call, list_url, url
from site_recovery.convergence.references import Found, Reference, Reservation

_NETWORK, _COMPUTE, _DISKS = "2024-05-01", "2024-07-01", "2024-03-02"
_VERSIONS = {"network_security_group": _NETWORK, "disk_encryption_set": _DISKS}


class _Id(Wire):
    id: str | None = None


class _Sku(Wire):
    name: str | None = None


class _Sharing(Wire):
    subscription_ids: list[_Id] | None = None


class _Properties(Wire):
    proximity_placement_group: _Id | None = None
    sharing_profile: _Sharing | None = None


class _Resource(Wire):
    location: str | None = None
    zones: list[str] | None = None
    sku: _Sku | None = None
    properties: _Properties | None = None


async def read(connection: Connection, reference: Reference) -> Found | None:
    """What a target names; None if it does not exist.

    Operations AvailabilitySets_Get, AvailabilitySets_List, ProximityPlacementGroups_Get,
    ProximityPlacementGroups_ListByResourceGroup, CapacityReservationGroups_Get,
    CapacityReservationGroups_ListByResourceGroup,
    CapacityReservations_ListByCapacityReservationGroup, DiskEncryptionSets_Get,
    DiskEncryptionSets_ListByResourceGroup, NetworkSecurityGroups_Get and NetworkSecurityGroups_List.

    Args:
        connection: to any subscription.
        reference: what to read.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    version = _VERSIONS.get(reference.field, _COMPUTE)
    about, client = f"{reference.kind} {arm_ids.name(reference.id)}", connection.client
    try:
        with explained(about, passing=ResourceNotFoundError):
            answer = await call(client, "GET", url(reference.id, version))
    except ResourceNotFoundError as error:
        with explained(about):
            listed = await entry(client, reference.id, version)
        if listed is not None:
            raise explain(error, about) from error
        return None
    shown = one(about, answer, _Resource.model_validate)
    reserved: tuple[Reservation, ...] = ()
    if reference.field == "capacity_reservation_group":
        with explained(about):
            held = await list_url(client, url(f"{reference.id}/capacityReservations", version))
        reserved = tuple(_reservation(one(about, each, _Resource.model_validate)) for each in held)
    return _found(reference, shown, reserved)


def _found(reference: Reference, shown: _Resource, reserved: tuple[Reservation, ...]) -> Found:
    properties = shown.properties or _Properties()
    sku = (shown.sku and shown.sku.name) or ""
    group, sharing = properties.proximity_placement_group, properties.sharing_profile
    shared = (sharing.subscription_ids if sharing is not None else None) or []
    return Found(
        location=shown.location or "",
        zones=frozenset(shown.zones or ()),
        managed_disks=reference.field != "availability_set" or sku.lower() == "aligned",
        placement_group=(group.id if group is not None else None) or "",
        shared_with=frozenset(arm_ids.name(each.id) for each in shared if each.id),
        reservations=reserved,
    )


def _reservation(shown: _Resource) -> Reservation:
    return Reservation((shown.sku and shown.sku.name) or "", next(iter(shown.zones or ()), ""))
