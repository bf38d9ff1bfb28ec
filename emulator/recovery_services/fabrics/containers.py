"""Protection containers, and the machines that are discovered into them."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.kernel.resources import PRIVATE, public
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.jobs import answers, jobs
from emulator.recovery_services.jobs.scenarios import DISCOVER
from emulator.recovery_services.wire import bodies
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    CONTAINERS,
    FABRICS,
    PROTECTABLE_ITEMS,
    PROTECTED_ITEMS,
    child_keys,
    children,
    page,
    page_of_views,
    require,
    require_parents,
    require_vault,
    seen,
    vault_id,
)
from emulator.recovery_services.wire.views import view

routes = Routes(API_VERSIONS)


@routes.route(
    "GET", CONTAINERS.collection, "ReplicationProtectionContainers_ListByReplicationFabrics"
)
def list_containers(world: World, request: Request, **path: str) -> Response:
    """The containers of a fabric."""
    require_parents(world, path)
    found = children(world, CONTAINERS, FABRICS.key(path))
    return Response(200, page(request, found, lambda c: shown_container(world, c)))


@routes.route(
    "GET",
    CONTAINERS.collection.replace("/replicationFabrics/{fabric}", ""),
    "ReplicationProtectionContainers_List",
)
def list_vault_containers(world: World, request: Request, **path: str) -> Response:
    """The containers of the vault."""
    require_vault(world, path)
    found = children(world, CONTAINERS, vault_id(path))
    return Response(200, page(request, found, lambda c: shown_container(world, c)))


@view(CONTAINERS)
def shown_container(world: World, container: Document) -> Document:
    """The container with the number of items that it protects now."""
    count = len(child_keys(world, PROTECTED_ITEMS, container["id"]))
    properties = container["properties"] | {"protectedItemCount": count}
    return {**public(container), "properties": properties}


@routes.route("GET", CONTAINERS.template, "ReplicationProtectionContainers_Get")
def get_container(world: World, request: Request, **path: str) -> Response:
    """One container."""
    return Response(200, shown_container(world, require(world, CONTAINERS, path)))


@routes.route(
    "POST",
    f"{CONTAINERS.template}/discoverProtectableItem",
    "ReplicationProtectionContainers_DiscoverProtectableItem",
)
def discover(world: World, request: Request, **path: str) -> Response:
    """Add a physical machine by its private address (classic experience only)."""
    container = require(world, CONTAINERS, path)
    if container[PRIVATE]["experience"] != "InMageAzureV2":
        raise ArmError(
            400,
            "DiscoveryNotSupported",
            f"Machines cannot be added to the container '{container['name']}': its appliance "
            "discovers them.",
        )
    asked = bodies.parse(bodies.DiscoverBody, request).properties
    job = jobs.begin(
        world,
        DISCOVER,
        jobs.Target(container["id"], container["name"], asked.friendly_name, asked.friendly_name),
        operation="ReplicationProtectionContainers_DiscoverProtectableItem",
        payload=asked.model_dump(by_alias=True),
    )
    return answers.accepted(world, request, job)


@routes.route(
    "GET",
    PROTECTABLE_ITEMS.collection,
    "ReplicationProtectableItems_ListByReplicationProtectionContainers",
)
def list_protectable(world: World, request: Request, **path: str) -> Response:
    """The machines that were discovered into a container."""
    require_parents(world, path)
    keys = child_keys(world, PROTECTABLE_ITEMS, CONTAINERS.key(path))

    def kept(key: str) -> Sequence[bytes]:
        return world.views.pieces(
            (PROTECTABLE_ITEMS.kind, key), lambda: public(seen(world, PROTECTABLE_ITEMS, key))
        )

    return Response(200, page_of_views(request, keys, kept))


@routes.route("GET", PROTECTABLE_ITEMS.template, "ReplicationProtectableItems_Get")
def get_protectable(world: World, request: Request, **path: str) -> Response:
    """One discovered machine."""
    return Response(200, public(require(world, PROTECTABLE_ITEMS, path)))
