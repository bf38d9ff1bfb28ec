"""Fabrics and their providers: the registration of configuration servers with the vault."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Rendered, Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.experiences import registry
from emulator.recovery_services.jobs import answers, jobs, outcomes
from emulator.recovery_services.jobs.scenario import Scenario
from emulator.recovery_services.jobs.scenarios import (
    PURGE_SERVER,
    REFRESH_SERVER,
    REMOVE_SERVER,
)
from emulator.recovery_services.replication import affected, failures
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    CONTAINERS,
    FABRICS,
    MAPPINGS,
    PROTECTABLE_ITEMS,
    PROTECTED_ITEMS,
    PROVIDERS,
    child_keys,
    children,
    fabric_of,
    find,
    page,
    page_of_views,
    put,
    require,
    require_key,
    require_parents,
    require_vault,
    seen,
    vault_id,
)
from emulator.recovery_services.wire.times import stamp
from emulator.recovery_services.wire.views import view

routes = Routes(API_VERSIONS)


@routes.route("GET", FABRICS.collection, "ReplicationFabrics_List")
def list_fabrics(world: World, request: Request, **path: str) -> Response:
    """The fabrics of the vault; a modernized one lacks its servers here (recorded)."""
    require_vault(world, path)
    keys = child_keys(world, FABRICS, vault_id(path))
    return Response(200, page_of_views(request, keys, lambda key: _view(world, key, full=False)))


@routes.route("GET", FABRICS.template, "ReplicationFabrics_Get")
def get_fabric(world: World, request: Request, **path: str) -> Response:
    """One fabric."""
    return Response(
        200, Rendered(b"".join(_view(world, require_key(world, FABRICS, path), full=True)))
    )


@routes.route("POST", f"{FABRICS.template}/checkConsistency", "ReplicationFabrics_CheckConsistency")
def check_consistency(world: World, request: Request, **path: str) -> Response:
    """Refresh the server's state."""
    fabric = require(world, FABRICS, path)
    return _begin(world, request, fabric, REFRESH_SERVER, "ReplicationFabrics_CheckConsistency")


@routes.route("POST", f"{FABRICS.template}/remove", "ReplicationFabrics_Delete")
def remove_fabric(world: World, request: Request, **path: str) -> Response:
    """Unregister the server; refused while items are protected or containers are mapped."""
    fabric = require(world, FABRICS, path)
    _require_empty(world, fabric)
    return _begin(world, request, fabric, REMOVE_SERVER, "ReplicationFabrics_Delete")


@routes.route("DELETE", FABRICS.template, "ReplicationFabrics_Purge")
def purge_fabric(world: World, request: Request, **path: str) -> Response:
    """Purge the server from the vault; nothing is cleaned up on the server.

    It is refused while the server has protected items [inferred].
    """
    fabric = find(world, FABRICS, path)
    if fabric is None:
        return Response(204)
    _require_no_items(world, fabric)
    return _begin(world, request, fabric, PURGE_SERVER, "ReplicationFabrics_Purge")


@routes.route(
    "GET", PROVIDERS.collection, "ReplicationRecoveryServicesProviders_ListByReplicationFabrics"
)
def list_providers(world: World, request: Request, **path: str) -> Response:
    """The providers of a fabric."""
    require_parents(world, path)
    found = children(world, PROVIDERS, FABRICS.key(path))
    return Response(200, page(request, found, lambda p: shown_provider(world, p)))


@routes.route(
    "GET",
    PROVIDERS.collection.replace("/replicationFabrics/{fabric}", ""),
    "ReplicationRecoveryServicesProviders_List",
)
def list_vault_providers(world: World, request: Request, **path: str) -> Response:
    """The providers of the vault."""
    require_vault(world, path)
    found = children(world, PROVIDERS, vault_id(path))
    return Response(200, page(request, found, lambda p: shown_provider(world, p)))


@routes.route("GET", PROVIDERS.template, "ReplicationRecoveryServicesProviders_Get")
def get_provider(world: World, request: Request, **path: str) -> Response:
    """One provider."""
    return Response(200, shown_provider(world, require(world, PROVIDERS, path)))


@routes.route(
    "POST",
    f"{PROVIDERS.template}/refreshProvider",
    "ReplicationRecoveryServicesProviders_RefreshProvider",
)
def refresh_provider(world: World, request: Request, **path: str) -> Response:
    """Refresh the provider's state."""
    provider = require(world, PROVIDERS, path)
    operation = "ReplicationRecoveryServicesProviders_RefreshProvider"
    return _begin(world, request, provider, REFRESH_SERVER, operation)


@routes.route("POST", f"{PROVIDERS.template}/remove", "ReplicationRecoveryServicesProviders_Delete")
def remove_provider(world: World, request: Request, **path: str) -> Response:
    """Unregister the provider and its fabric, which has no other provider."""
    provider = require(world, PROVIDERS, path)
    _require_empty(world, require(world, FABRICS, path))
    operation = "ReplicationRecoveryServicesProviders_Delete"
    return _begin(world, request, provider, REMOVE_SERVER, operation)


@routes.route("DELETE", PROVIDERS.template, "ReplicationRecoveryServicesProviders_Purge")
def purge_provider(world: World, request: Request, **path: str) -> Response:
    """Purge the provider from the vault."""
    provider = find(world, PROVIDERS, path)
    if provider is None:
        return Response(204)
    _require_no_items(world, require(world, FABRICS, path))
    operation = "ReplicationRecoveryServicesProviders_Purge"
    return _begin(world, request, provider, PURGE_SERVER, operation)


@view(FABRICS)
def shown_fabric(world: World, fabric: Document) -> Document:
    """The fabric as its experience returns it now."""
    return _experience(fabric).fabric(world, fabric, full=True)


@view(PROVIDERS)
def shown_provider(world: World, provider: Document) -> Document:
    """The provider with its current connection state and number of items."""
    fabric_id = provider[PRIVATE]["fabric"]
    fabric = world.store.get(FABRICS.kind, fabric_id)
    alive = fabric is not None and _experience(fabric).connected(world, fabric_id)
    properties = provider["properties"] | {
        "lastHeartBeat": stamp(world.now)
        if alive or fabric is None
        else fabric[PRIVATE]["refreshed"],
        "connectionStatus": "Connected" if alive else "Disconnected",
        "protectedItemCount": len(children(world, PROTECTED_ITEMS, fabric_id)),
    }
    return {
        name: properties if name == "properties" else value
        for name, value in provider.items()
        if name != PRIVATE
    }


def _view(world: World, key: str, *, full: bool) -> Sequence[bytes]:
    def show() -> Document:
        fabric = seen(world, FABRICS, key)
        return _experience(fabric).fabric(world, fabric, full=full)

    return world.views.pieces((FABRICS.kind, full, key.lower()), show)


@outcomes.when_done(REMOVE_SERVER, PURGE_SERVER)
def _removed(world: World, job: Document) -> None:
    fabric_id = fabric_of(job[PRIVATE]["resource"])
    fabric = world.store.get(FABRICS.kind, fabric_id)
    if fabric is not None:
        _require_no_items(world, fabric)
    for collection in (MAPPINGS, PROTECTABLE_ITEMS, PROVIDERS, CONTAINERS):
        for document in children(world, collection, fabric_id):
            world.store.delete(collection.kind, document["id"])
    if fabric is not None:
        world.store.delete(FABRICS.kind, fabric_id)
        _experience(fabric).forget(world, fabric_id)


@outcomes.when_done(REFRESH_SERVER)
def _refreshed(world: World, job: Document) -> None:
    fabric = world.store.get(FABRICS.kind, fabric_of(job[PRIVATE]["resource"]))
    if fabric is None:
        raise outcomes.JobError("25022", "The server is not registered any more.")
    if not _experience(fabric).connected(world, fabric["id"]):
        raise failures.silent(_experience(fabric).server)
    fabric[PRIVATE]["refreshed"] = stamp(world.now)
    put(world, FABRICS, fabric)


def _begin(
    world: World, request: Request, resource: Document, scenario: Scenario, operation: str
) -> Response:
    properties = resource["properties"]
    target = jobs.Target(
        resource["id"],
        properties.get("internalIdentifier") or properties.get("draIdentifier") or resource["name"],
        properties["friendlyName"],
        affected=affected.server(world, fabric_of(resource["id"])),
    )
    return answers.accepted(
        world, request, jobs.begin(world, scenario, target, operation=operation)
    )


def _experience(fabric: Document) -> registry.Experience:
    return registry.of(fabric[PRIVATE]["experience"])


def _require_no_items(world: World, fabric: Document) -> None:
    items = children(world, PROTECTED_ITEMS, fabric["id"])
    if items:
        names = ", ".join(item["name"] for item in items[:5])
        raise ArmError(
            409,
            "ServerHasProtectedItems",
            f"The {_experience(fabric).server} '{fabric['properties']['friendlyName']}' still protects "
            f"{len(items)} machines ({names}). Disable their replication first.",
        )


def _require_empty(world: World, fabric: Document) -> None:
    _require_no_items(world, fabric)
    mappings = children(world, MAPPINGS, fabric["id"])
    if mappings:
        raise ArmError(
            409,
            "ServerHasPolicyAssociations",
            f"The {_experience(fabric).server} '{fabric['properties']['friendlyName']}' is associated "
            f"with replication policies by {', '.join(m['name'] for m in mappings)}. Dissociate "
            "them first.",
        )
