"""Deleted vaults: GET answers 404, lists may still show them, and their name may be in use.

Sources: DeletedVaults_* of Microsoft.RecoveryServices; Azure/azure-rest-api-specs#38962 (a
deleted vault is 404 at once, and still listed in its group); microsoft/AzureTRE#4888 (soft delete
that is always on); Azure/azure-powershell#7551 (a name that is in use for 24 hours more).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from emulator.kernel import schema
from emulator.kernel.resources import PRIVATE, ResourceId, listing, normalized_location, public
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

ALWAYS_SINCE = "2025-02-01"
"""The api-version from which on soft delete is always on for a new vault [inferred]."""

_API_VERSIONS = ("2025-02-01", "2025-08-01", "2026-01-01", "2026-02-01", "2026-05-01", "2026-11-01")
_TYPE = "Microsoft.RecoveryServices/locations/deletedVaults"
_KIND = _TYPE.lower()
_ODDITIES = "oddities"
_LISTED = timedelta(minutes=10)
_NAME_IN_USE = timedelta(hours=24)
_ALL = (
    "/subscriptions/{subscription}/providers/Microsoft.RecoveryServices"
    "/locations/{location}/deletedVaults"
)

_service = Routes(_API_VERSIONS)
_control = Routes()
routes = Routes()


@_service.route("GET", _ALL, "DeletedVaults_ListBySubscriptionId")
def list_deleted(world: World, request: Request, subscription: str, location: str) -> Response:
    """The soft-deleted vaults of a region, until each is purged."""
    return listing(_kept(world, subscription, location))


@_service.route("GET", f"{_ALL}/{{name}}", "DeletedVaults_Get")
def get_deleted(
    world: World, request: Request, subscription: str, location: str, name: str
) -> Response:
    """One soft-deleted vault, until it is purged."""
    for document in _kept(world, subscription, location):
        if document["name"].lower() == name.lower():
            return Response(200, public(document))
    raise ArmError(404, "ResourceNotFound", f"The deleted vault '{name}' was not found.")


@_control.route("GET", "/_emulator/oddities", "_Emulator_GetOddities")
def get_oddities(world: World, request: Request) -> Response:
    """Oddities that are off unless asked for: `{"vaultNameInUse": false}`."""
    return Response(200, _oddities(world))


@_control.route("PUT", "/_emulator/oddities", "_Emulator_SetOddities", changes=False)
def set_oddities(world: World, request: Request) -> Response:
    """Turn oddities on or off; what is left out is off.

    `vaultNameInUse`: the name of a deleted vault is refused for 24 hours more.
    """
    asked = schema.body(request, {"vaultNameInUse": bool})
    world.store.put(_ODDITIES, _ODDITIES, asked)
    return Response(200, _oddities(world))


routes.include(_service)
routes.include(_control)


def note(world: World, vault: Document, *, lingers: bool) -> None:
    """Record a vault that is being deleted.

    Args:
        world: the world.
        vault: its document.
        lingers: whether its group still lists it for a while; False if the group is deleted too.
    """
    days = _settings(vault["properties"])["softDeleteRetentionPeriodInDays"]
    kept = timedelta(days=days if is_always_on(vault["properties"]) else 0)
    subscription = ResourceId.parse(vault["id"]).subscription
    name = world.guid()
    identifier = f"{_under(subscription, vault['location'])}{name}"
    document = {
        "id": identifier,
        "name": name,
        "type": _TYPE,
        "properties": {
            "vaultId": vault["id"],
            "vaultDeletionTime": world.now.isoformat(),
            "purgeAt": (world.now + kept).isoformat(),
        },
        PRIVATE: {"vault": vault, "lingers": lingers},
    }
    world.store.put(_KIND, identifier, document)


def listed(world: World, group: str) -> list[Document]:
    """The deleted vaults that the list of a group (or subscription) still shows."""
    found = []
    for document in world.store.list(_KIND):
        vault: Document = document[PRIVATE]["vault"]
        recent = _deleted_at(document) + _LISTED > world.now and document[PRIVATE]["lingers"]
        back = world.store.get(str(vault["type"]).lower(), vault["id"]) is not None
        if recent and not back and vault["id"].lower().startswith(f"{group.lower()}/"):
            found.append(vault)
    return found


def require_free_name(world: World, identifier: str) -> None:
    """Refuse the name of a vault that was just deleted, if that oddity is on.

    Raises:
        ArmError: 409 `CreateResourceFailedDueToInvalidCache`; the status is [inferred].
    """
    if not _oddities(world)["vaultNameInUse"]:
        return
    for document in world.store.list(_KIND):
        same = document["properties"]["vaultId"].lower() == identifier.lower()
        if same and _deleted_at(document) + _NAME_IN_USE > world.now:
            raise ArmError(
                409,
                "CreateResourceFailedDueToInvalidCache",
                "Create Resource Failed as name is already in use\r\n"
                "Please provide a different resource name or try again after 24 hours",
            )


def require_soft_delete(before: Document | None, properties: Document) -> None:
    """Refuse to turn off a vault's soft delete that is always on.

    Args:
        before: the vault's properties as they are; None when it is new.
        properties: the properties asked for.

    Raises:
        ArmError: 400 `BMSUserErrorSoftDeleteStateAlwaysOn`, or 400 `InvalidRestApiParameter` for a
            period outside 14 to 180 days.
    """
    asked = _settings(properties).get("softDeleteState")
    days = _settings(properties).get("softDeleteRetentionPeriodInDays", 14)
    if not 14 <= days <= 180:
        raise ArmError(
            400,
            "InvalidRestApiParameter",
            f"The soft delete retention period of {days} days is invalid; use 14 to 180.",
        )
    if asked is not None and asked.lower() != "alwayson" and is_always_on(before or {}):
        raise ArmError(
            400,
            "BMSUserErrorSoftDeleteStateAlwaysOn",
            "The soft delete state of this vault is always on, and cannot be changed.",
        )


def is_always_on(properties: Document) -> bool:
    """Whether the soft delete of a vault with these properties is always on."""
    return str(_settings(properties).get("softDeleteState")).lower() == "alwayson"


def register(world: World) -> None:
    """Register no events."""


def _settings(properties: Document) -> Document:
    settings: Document = properties.get("securitySettings", {}).get("softDeleteSettings", {})
    return settings


def _kept(world: World, subscription: str, location: str) -> list[Document]:
    return [
        document
        for document in world.store.list(_KIND, _under(subscription, location))
        if datetime.fromisoformat(document["properties"]["purgeAt"]) > world.now
    ]


def _under(subscription: str, location: str) -> str:
    return (
        f"/subscriptions/{subscription}/providers/Microsoft.RecoveryServices"
        f"/locations/{normalized_location(location)}/deletedVaults/"
    )


def _deleted_at(document: Document) -> datetime:
    return datetime.fromisoformat(document["properties"]["vaultDeletionTime"])


def _oddities(world: World) -> Document:
    return {"vaultNameInUse": False, **(world.store.get(_ODDITIES, _ODDITIES) or {})}
