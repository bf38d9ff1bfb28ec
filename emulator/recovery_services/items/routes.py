"""Protected items: the operations of a migration.

Every change goes by the experience's table of transitions: what is not in it from the item's
present state is refused, and nothing at all is accepted while a job works on the item.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulator.kernel.resources import PRIVATE, ResourceId
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Rendered, Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.experiences import registry
from emulator.recovery_services.fabrics.mappings import policy_for
from emulator.recovery_services.items import items, view
from emulator.recovery_services.replication import recovery_points
from emulator.recovery_services.wire import bodies, filters
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    CONTAINERS,
    MAPPINGS,
    PROTECTED_ITEMS,
    child_keys,
    children,
    find,
    name_of,
    page_of_views,
    require,
    require_key,
    require_parents,
    require_vault,
    seen,
    vault_id,
)

routes = Routes(API_VERSIONS)

_NETWORK_TYPES = ("VmNetworkAsInput", "NoNetworkAttachAsInput", "LogicalNetworkAsInput")


@routes.route(
    "GET",
    PROTECTED_ITEMS.collection,
    "ReplicationProtectedItems_ListByReplicationProtectionContainers",
)
def list_items(world: World, request: Request, **path: str) -> Response:
    """The items of a container."""
    require_parents(world, path)
    return _list(world, request, CONTAINERS.key(path))


@routes.route(
    "GET",
    PROTECTED_ITEMS.collection.replace(
        "/replicationFabrics/{fabric}/replicationProtectionContainers/{container}", ""
    ),
    "ReplicationProtectedItems_List",
)
def list_vault_items(world: World, request: Request, **path: str) -> Response:
    """The items of the vault, page by page."""
    require_vault(world, path)
    return _list(world, request, vault_id(path))


@routes.route("GET", PROTECTED_ITEMS.template, "ReplicationProtectedItems_Get")
def get_item(world: World, request: Request, **path: str) -> Response:
    """One item, in full."""
    key = require_key(world, PROTECTED_ITEMS, path)

    def show() -> Document:
        return view.shown(world, seen(world, PROTECTED_ITEMS, key))

    content = world.views.json((PROTECTED_ITEMS.kind, "full", key.lower()), show)
    return Response(200, Rendered(content))


@routes.route("PUT", PROTECTED_ITEMS.template, "ReplicationProtectedItems_Create")
def enable(world: World, request: Request, **path: str) -> Response:
    """Enable protection of a machine.

    Raises:
        ArmError: 400 for an invalid reference, 409 for a name or machine in use.
    """
    above = {name: value for name, value in path.items() if name != "item"}
    container = require(world, CONTAINERS, above)
    asked = bodies.parse(bodies.EnableBody, request).properties
    part = asked.provider_specific_details
    experience = registry.of(part.instance_type)
    if part.instance_type != container[PRIVATE]["experience"]:
        raise ArmError(
            400,
            "InvalidReplicationProvider",
            f"The replication provider '{part.instance_type}' does not fit the container "
            f"'{container['properties']['friendlyName']}'.",
        )
    policy = policy_for(world, vault_id(path), container, asked.policy_id)
    mapped = [
        m["properties"]["policyId"].lower() for m in children(world, MAPPINGS, container["id"])
    ]
    if policy["id"].lower() not in mapped:
        raise ArmError(
            400,
            "78253",
            f"The replication policy '{policy['name']}' is not associated with the "
            f"{experience.server} '{container['properties']['friendlyName']}'. Associate it first.",
        )
    identifier = PROTECTED_ITEMS.id(container["id"], path["item"])
    if world.store.get(PROTECTED_ITEMS.kind, identifier) is not None:
        raise ArmError(
            409,
            "ProtectedItemAlreadyExists",
            f"A replicated item named '{path['item']}' already exists in the container.",
        )
    admitted = experience.admit(world, container, asked)
    item = items.new(world, container, policy, identifier, experience, admitted)
    return items.start(world, request, item, "EnableProtection", "ReplicationProtectedItems_Create")


@routes.route("PATCH", PROTECTED_ITEMS.template, "ReplicationProtectedItems_Update")
def update(world: World, request: Request, **path: str) -> Response:
    """Change the target properties of an item."""
    item = require(world, PROTECTED_ITEMS, path)
    asked = bodies.parse(bodies.UpdateBody, request).properties
    items.require_allowed(world, item, "_Update")
    target = registry.of(item[PRIVATE]["experience"]).change(world, item, asked)
    return items.start(
        world, request, item, "_Update", "ReplicationProtectedItems_Update", {"target": target}
    )


@routes.route(
    "POST", f"{PROTECTED_ITEMS.template}/testFailover", "ReplicationProtectedItems_TestFailover"
)
def test_failover(world: World, request: Request, **path: str) -> Response:
    """Fail over into a test network; the source goes on replicating."""
    item = require(world, PROTECTED_ITEMS, path)
    asked = bodies.parse(bodies.TestFailoverBody, request).properties
    _require_direction(asked.failover_direction)
    network_type = asked.network_type or "VmNetworkAsInput"
    if network_type not in _NETWORK_TYPES:
        raise _invalid("networkType", f"'{network_type}' is none of {', '.join(_NETWORK_TYPES)}.")
    kind = registry.of(item[PRIVATE]["experience"]).test_failover_input
    given = _input(item, asked.provider_specific_details, kind)
    named = given.network_id if isinstance(given, bodies.TestFailoverInput) else None
    network = named or asked.network_id or item[PRIVATE]["target"]["testNetworkId"]
    if network_type == "VmNetworkAsInput" and not network:
        raise _invalid("networkId", "The test network is required.")
    if network:
        ResourceId.parse(network)
    point = _point(world, item, given)
    return items.start(
        world,
        request,
        item,
        "TestFailover",
        "ReplicationProtectedItems_TestFailover",
        {"network": network, "networkType": network_type, "point": point},
    )


@routes.route(
    "POST",
    f"{PROTECTED_ITEMS.template}/testFailoverCleanup",
    "ReplicationProtectedItems_TestFailoverCleanup",
)
def clean_up(world: World, request: Request, **path: str) -> Response:
    """Delete the test machine."""
    item = require(world, PROTECTED_ITEMS, path)
    asked = bodies.parse(bodies.CleanupBody, request).properties
    return items.start(
        world,
        request,
        item,
        "TestFailoverCleanup",
        "ReplicationProtectedItems_TestFailoverCleanup",
        {"comments": asked.comments},
    )


@routes.route(
    "POST",
    f"{PROTECTED_ITEMS.template}/unplannedFailover",
    "ReplicationProtectedItems_UnplannedFailover",
)
def fail_over(world: World, request: Request, **path: str) -> Response:
    """Fail over to Azure. The source of a physical machine is not shut down.

    A provider that may be asked to shut it down anyway says in the job that it did not
    [inferred]: "Failover continues even if shutdown fails" (azure-docs).
    """
    item = require(world, PROTECTED_ITEMS, path)
    asked = bodies.parse(bodies.FailoverBody, request).properties
    _require_direction(asked.failover_direction)
    kind = registry.of(item[PRIVATE]["experience"]).failover_input
    given = _input(item, asked.provider_specific_details, kind)
    shutdown = isinstance(given, bodies.FailoverInput) and given.perform_shutdown == "true"
    return items.start(
        world,
        request,
        item,
        "UnplannedFailover",
        "ReplicationProtectedItems_UnplannedFailover",
        {"point": _point(world, item, given), "shutdown": shutdown},
    )


@routes.route(
    "POST", f"{PROTECTED_ITEMS.template}/failoverCommit", "ReplicationProtectedItems_FailoverCommit"
)
def commit(world: World, request: Request, **path: str) -> Response:
    """Commit a failover: the recovery point cannot be changed any more."""
    item = require(world, PROTECTED_ITEMS, path)
    return items.start(world, request, item, "Commit", "ReplicationProtectedItems_FailoverCommit")


@routes.route(
    "POST",
    f"{PROTECTED_ITEMS.template}/applyRecoveryPoint",
    "ReplicationProtectedItems_ApplyRecoveryPoint",
)
def change_point(world: World, request: Request, **path: str) -> Response:
    """Change the recovery point of the failed over machine."""
    item = require(world, PROTECTED_ITEMS, path)
    asked = bodies.parse(bodies.RecoveryPointBody, request).properties
    kind = registry.of(item[PRIVATE]["experience"]).change_point_input
    _input(item, asked.provider_specific_details, kind)
    point = _require_point(world, item, asked.recovery_point_id, "properties.recoveryPointId")
    return items.start(
        world,
        request,
        item,
        "ChangePit",
        "ReplicationProtectedItems_ApplyRecoveryPoint",
        {"point": point},
    )


@routes.route("POST", f"{PROTECTED_ITEMS.template}/remove", "ReplicationProtectedItems_Delete")
def remove(world: World, request: Request, **path: str) -> Response:
    """Disable protection, or with `MigrationComplete` complete the migration.

    Completing is accepted after a failover only; the virtual machine in Azure stays.
    """
    item = require(world, PROTECTED_ITEMS, path)
    reason = bodies.parse(bodies.DisableBody, request).properties.disable_protection_reason
    operation = "CompleteMigration" if reason == "MigrationComplete" else "DisableProtection"
    return items.start(
        world, request, item, operation, "ReplicationProtectedItems_Delete", {"reason": reason}
    )


@routes.route("DELETE", PROTECTED_ITEMS.template, "ReplicationProtectedItems_Purge")
def purge(world: World, request: Request, **path: str) -> Response:
    """Purge the item from the vault, even during a job; nothing is cleaned up on the source."""
    item = find(world, PROTECTED_ITEMS, path)
    if item is None:
        return Response(204)
    items.interrupt(world, item)
    return items.start(world, request, item, "_Purge", "ReplicationProtectedItems_Purge")


def _list(world: World, request: Request, parent: str) -> Response:
    wanted = filters.parse(request, ("policyId", "recoveryServicesProviderId", "protectionState"))
    keys = child_keys(world, PROTECTED_ITEMS, parent)

    def show(key: str) -> Document:
        return view.listed(world, seen(world, PROTECTED_ITEMS, key))

    def kept(key: str) -> Sequence[bytes]:
        return world.views.pieces((PROTECTED_ITEMS.kind, "listed", key), lambda: show(key))

    if wanted:
        keys = [key for key in keys if filters.keeps(wanted, show(key)["properties"])]
    return Response(200, page_of_views(request, keys, kept))


def _require_direction(direction: str | None) -> None:
    if direction == "RecoveryToPrimary":
        raise _invalid(
            "failoverDirection", "A physical machine cannot be failed back; use PrimaryToRecovery."
        )


def _require_provider(item: Document, part: bodies.ProviderPart) -> None:
    expected = item[PRIVATE]["experience"]
    if part.instance_type != expected:
        raise _invalid(
            "providerSpecificDetails.instanceType",
            f"'{part.instance_type}' does not fit: the item replicates by '{expected}'.",
        )


def _input(
    item: Document, part: bodies.ProviderPart | None, kind: type[bodies.RecoveryPointInput]
) -> bodies.RecoveryPointInput:
    if part is not None:
        _require_provider(item, part)
    content = {} if part is None else bodies.extras(part)
    return bodies.read(kind, content, "properties.providerSpecificDetails")


def _point(world: World, item: Document, given: bodies.RecoveryPointInput) -> str | None:
    if not given.recovery_point_id:
        return None
    target = "properties.providerSpecificDetails.recoveryPointId"
    return _require_point(world, item, given.recovery_point_id, target)


def _require_point(world: World, item: Document, identifier: str, target: str) -> str:
    if recovery_points.find(world, item, identifier) is None:
        message = f"The recovery point '{identifier}' was not found for this item."
        detail: dict[str, Any] = {"code": "RecoveryPointNotFound", "target": target}
        raise ArmError(
            400, "RecoveryPointNotFound", message, details=[{**detail, "message": message}]
        )
    return name_of(identifier)


def _invalid(name: str, message: str) -> ArmError:
    target = f"properties.{name}"
    detail = {"code": "InvalidParameter", "target": target, "message": message}
    return ArmError(400, "InvalidParameter", f"{target}: {message}", details=[detail])
