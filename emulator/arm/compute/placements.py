"""What virtual machines are placed in, and what encrypts their disks: availability sets, proximity
placement groups, capacity reservation groups with their reservations, and disk encryption sets.

They are stored and shown. A failover refuses a machine that does not fit into them
(`recovery_services/replication/placement_refusals.py`). Changes are done at once, also those for
which Azure takes some time; the key of a disk encryption set is not looked up.

Source: Microsoft.Compute, AvailabilitySets_*, ProximityPlacementGroups_*,
CapacityReservationGroups_*, CapacityReservations_* and DiskEncryptionSets_*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.arm import machine_sizes, tracked
from emulator.arm.compute.changes import member, read, require_unchanged
from emulator.arm.compute.kinds import (
    API_VERSIONS,
    DISK_API_VERSIONS,
    DISKS,
    GROUP,
    MACHINES,
    PROVIDER,
    SUBSCRIPTION,
)
from emulator.arm.regions import require_same_region
from emulator.kernel import schema
from emulator.kernel.resources import (
    listing,
    public,
    require,
    require_group,
    require_parent,
    resource_id,
)
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_REFERENCE: schema.Shape = {"id": str}
_COMMON = {
    **tracked.COMMON,
    "zones": [str],
    "sku": {"name": str, "tier": str, "capacity": int},
}
_READ_ONLY: dict[str, schema.Shape] = dict.fromkeys(
    (
        *("provisioningState", "timeCreated", "statuses", "instanceView", "colocationStatus"),
        *("virtualMachines", "virtualMachinesAssociated", "virtualMachineScaleSets"),
        *("availabilitySets", "capacityReservations", "reservationId", "provisioningTime"),
        *("previousKeys", "lastKeyRotationTimestamp"),
    ),
    schema.IGNORED,
)
RESERVATIONS = "microsoft.compute/capacityreservationgroups/capacityreservations"


@dataclass(frozen=True)
class Kind:
    """One of these kinds of resources.

    Attributes:
        type: the last part of its type, such as `availabilitySets`.
        operations: the group of its operations, and the operation that lists a subscription's.
        properties: what a body may have.
        held: which machines or disks use it, by the path of a property of theirs and their kind.
        shown: the property that shows these machines, if there is one.
        fixed: what cannot change.
        sku: its default, if it has one.
    """

    type: str
    operations: tuple[str, str]
    properties: dict[str, schema.Shape]
    held: tuple[str, str]
    shown: str = ""
    fixed: tuple[str, ...] = ("zones",)
    sku: Document = field(default_factory=dict)
    versions: tuple[str, ...] = API_VERSIONS

    @property
    def full(self) -> str:
        """The type."""
        return f"Microsoft.Compute/{self.type}"


SETS = Kind(
    "availabilitySets",
    ("AvailabilitySets", "ListBySubscription"),
    {
        "platformFaultDomainCount": int,
        "platformUpdateDomainCount": int,
        "proximityPlacementGroup": _REFERENCE,
    },
    (MACHINES, "availabilitySet.id"),
    "virtualMachines",
    ("sku.name",),
    # "Classic" is for machines without managed disks, and the default of the API.
    {"name": "Classic"},
)
PLACEMENT_GROUPS = Kind(
    "proximityPlacementGroups",
    ("ProximityPlacementGroups", "ListBySubscription"),
    {
        "proximityPlacementGroupType": schema.OneOf("Standard", "Ultra"),
        "intent": {"vmSizes": [str]},
    },
    (MACHINES, "proximityPlacementGroup.id"),
    "virtualMachines",
)
RESERVATION_GROUPS = Kind(
    "capacityReservationGroups",
    ("CapacityReservationGroups", "ListBySubscription"),
    {"sharingProfile": {"subscriptionIds": [_REFERENCE]}},
    (MACHINES, "capacityReservation.capacityReservationGroup.id"),
    "virtualMachinesAssociated",
)
ENCRYPTION_SETS = Kind(
    "diskEncryptionSets",
    ("DiskEncryptionSets", "List"),
    {
        "activeKey": {"keyUrl": str, "sourceVault": _REFERENCE},
        "encryptionType": schema.OneOf(
            "EncryptionAtRestWithCustomerKey",
            "EncryptionAtRestWithPlatformAndCustomerKeys",
            "ConfidentialVmEncryptedWithCustomerKey",
        ),
        "rotationToLatestKeyVersionEnabled": bool,
    },
    (DISKS, "encryption.diskEncryptionSetId"),
    versions=DISK_API_VERSIONS,
)
_KINDS = (SETS, PLACEMENT_GROUPS, RESERVATION_GROUPS, ENCRYPTION_SETS)

routes = Routes()


def register(world: World) -> None:
    """Register no events."""


def _routes_of(kind: Kind) -> Routes:
    made = Routes(kind.versions)
    every, (named, all_of) = f"{GROUP}/{PROVIDER}/{kind.type}", kind.operations
    body = {
        **_COMMON,
        "identity": schema.IGNORED,
        "properties": {**_READ_ONLY, **kind.properties},
    }

    def identify(subscription: str, group: str, name: str) -> str:
        return resource_id(subscription, group, "Microsoft.Compute", kind.type, name)

    def put(world: World, request: Request, subscription: str, group: str, name: str) -> Response:
        """Create (201) or change (200) one."""
        asked = read(request, body)
        identifier = identify(subscription, group, name)
        present, document = tracked.begin_put(world, identifier, kind.full, asked)
        if present is not None:
            require_unchanged(present, asked, kind.fixed)
        document |= {name: asked[name] for name in ("zones", "identity") if name in asked}
        if kind.sku or "sku" in asked:
            document["sku"] = {**kind.sku, **asked.get("sku", {})}
        document["properties"] = asked.get("properties", {})
        if kind is PLACEMENT_GROUPS:
            _require_intent(document)
        world.store.put(kind.full.lower(), identifier, document)
        return Response(200 if present else 201, _shown(world, kind, document))

    def get(world: World, request: Request, subscription: str, group: str, name: str) -> Response:
        """One of them, with the machines in it."""
        found = require(world, kind.full.lower(), identify(subscription, group, name))
        return Response(200, _shown(world, kind, found))

    def by_group(world: World, request: Request, subscription: str, group: str) -> Response:
        """Those of a resource group."""
        require_group(world, subscription, group)
        return _listed(world, kind, identify(subscription, group, ""))

    def by_subscription(world: World, request: Request, subscription: str) -> Response:
        """Those of a subscription."""
        return _listed(world, kind, f"/subscriptions/{subscription}/")

    def delete(
        world: World, request: Request, subscription: str, group: str, name: str
    ) -> Response:
        """Delete one that nothing uses: 200, or 204 if there is none."""
        require_group(world, subscription, group)
        document = world.store.get(kind.full.lower(), identify(subscription, group, name))
        if document is None:
            return Response(204)
        users = _users(world, kind, document["id"])
        if kind is RESERVATION_GROUPS:
            users += [one["id"] for one in reservations(world, document["id"])]
        if users:
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"{kind.full} '{document['name']}' cannot be deleted because it is in use by "
                f"{', '.join(users)}.",
            )
        world.store.delete(kind.full.lower(), document["id"])
        return Response(200)

    handlers: tuple[tuple[str, str, str, Callable[..., Response]], ...] = (
        ("PUT", f"{every}/{{name}}", "CreateOrUpdate", put),
        ("GET", f"{every}/{{name}}", "Get", get),
        ("GET", every, _by_group_of(named), by_group),
        ("GET", f"{SUBSCRIPTION}/{PROVIDER}/{kind.type}", all_of, by_subscription),
        ("DELETE", f"{every}/{{name}}", "Delete", delete),
    )
    for method, path, operation, handler in handlers:
        made.route(method, path, f"{named}_{operation}")(handler)
    return made


def _by_group_of(operations: str) -> str:
    """The operation that lists the resources of a group: its name differs."""
    return "List" if operations == "AvailabilitySets" else "ListByResourceGroup"


for _kind in _KINDS:
    routes.include(_routes_of(_kind))

_reservation_routes = Routes(API_VERSIONS)
_RESERVATIONS = f"{GROUP}/{PROVIDER}/capacityReservationGroups/{{within}}/capacityReservations"
_RESERVATION_BODY = {**_COMMON, "properties": _READ_ONLY}


@_reservation_routes.route(
    "PUT", f"{_RESERVATIONS}/{{name}}", "CapacityReservations_CreateOrUpdate"
)
def put_reservation(
    world: World, request: Request, subscription: str, group: str, within: str, name: str
) -> Response:
    """Create (201) or change (200) a reservation: so many machines of a size, perhaps in a zone.

    A group has one reservation of a size and zone ("On-demand Capacity Reservation").
    """
    parent, identifier = _reservation_ids(subscription, group, within, name)
    asked = read(request, _RESERVATION_BODY)
    held = require_parent(world, RESERVATION_GROUPS.full.lower(), parent, identifier)
    kind = f"{RESERVATION_GROUPS.full}/capacityReservations"
    present, document = tracked.begin_put(world, identifier, kind, asked)
    require_same_region(held, document["location"], group)
    if present is not None:
        require_unchanged(present, asked, ("sku.name", "zones"))
    size = _size(asked)
    zones = asked.get("zones") or []
    if len(zones) > 1 or not set(zones) <= set(held.get("zones") or []):
        message = f"The zones {zones} are not one of those of the group."
        raise ArmError(400, "InvalidParameter", message, target="zones")
    for one in reservations(world, parent):
        known = (one["sku"]["name"], one.get("zones", []))
        if known == (size, zones) and one["id"].lower() != identifier.lower():
            raise ArmError(409, "Conflict", f"The group has a reservation of {size} already.")
    document["sku"] = {"capacity": 1, **asked["sku"], "name": size}
    if zones:
        document["zones"] = zones
    document["properties"] = {"provisioningState": "Succeeded"}
    world.store.put(RESERVATIONS, identifier, document)
    return Response(200 if present else 201, public(document))


@_reservation_routes.route("GET", f"{_RESERVATIONS}/{{name}}", "CapacityReservations_Get")
def get_reservation(
    world: World, request: Request, subscription: str, group: str, within: str, name: str
) -> Response:
    """One reservation."""
    _, identifier = _reservation_ids(subscription, group, within, name)
    return Response(200, public(require(world, RESERVATIONS, identifier)))


@_reservation_routes.route(
    "GET", _RESERVATIONS, "CapacityReservations_ListByCapacityReservationGroup"
)
def list_reservations(
    world: World, request: Request, subscription: str, group: str, within: str
) -> Response:
    """The reservations of a group."""
    parent, _ = _reservation_ids(subscription, group, within, "")
    require(world, RESERVATION_GROUPS.full.lower(), parent)
    return listing(reservations(world, parent))


@_reservation_routes.route("DELETE", f"{_RESERVATIONS}/{{name}}", "CapacityReservations_Delete")
def delete_reservation(
    world: World, request: Request, subscription: str, group: str, within: str, name: str
) -> Response:
    """Delete a reservation: 200, or 204 if there is none."""
    _, identifier = _reservation_ids(subscription, group, within, name)
    require_group(world, subscription, group)
    if world.store.get(RESERVATIONS, identifier) is None:
        return Response(204)
    world.store.delete(RESERVATIONS, identifier)
    return Response(200)


routes.include(_reservation_routes)


def reservations(world: World, group: str) -> list[Document]:
    """The reservations of a capacity reservation group, by its id."""
    return list(world.store.list(RESERVATIONS, f"{group}/capacityReservations/"))


def _reservation_ids(subscription: str, group: str, within: str, name: str) -> tuple[str, str]:
    parent = resource_id(subscription, group, "Microsoft.Compute", RESERVATION_GROUPS.type, within)
    return parent, f"{parent}/capacityReservations/{name}"


def _size(asked: Document) -> str:
    name = member(asked, "sku.name") or ""
    size = machine_sizes.named(name)
    if size is None:
        message = f"The size '{name}' is not offered."
        raise ArmError(400, "InvalidParameter", message, target="sku.name")
    return size.name


def _require_intent(document: Document) -> None:
    """Refuse zones without sizes ("Proximity placement groups", use intent)."""
    zones, sizes = document.get("zones") or [], member(document, "properties.intent.vmSizes")
    if zones and (len(zones) > 1 or not sizes):
        raise ArmError(
            400,
            "InvalidParameter",
            "A proximity placement group takes one zone, and only with intent.vmSizes.",
            target="zones",
        )


def _users(world: World, kind: Kind, identifier: str) -> list[str]:
    users, path = kind.held
    return [
        str(one["id"])
        for one in world.store.list(users)
        if str(member(one["properties"], path) or "").lower() == identifier.lower()
    ]


def _shown(world: World, kind: Kind, document: Document) -> Document:
    shown = public(document)
    properties = {**document["properties"], "provisioningState": "Succeeded"}
    if kind is SETS:
        del properties["provisioningState"]
    if kind.shown:
        properties[kind.shown] = [{"id": one} for one in _users(world, kind, document["id"])]
    if kind is RESERVATION_GROUPS:
        held = reservations(world, document["id"])
        properties["capacityReservations"] = [{"id": one["id"]} for one in held]
    return {**shown, "properties": properties}


def _listed(world: World, kind: Kind, prefix: str) -> Response:
    found = world.store.list(kind.full.lower(), prefix)
    return listing(_shown(world, kind, one) for one in found)
