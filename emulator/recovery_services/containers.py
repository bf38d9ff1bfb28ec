"""Protection containers, and the machines that are discovered into them."""

from __future__ import annotations

from emulator.guests import configuration_server, machine
from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World
from emulator.recovery_services import bodies, jobs, push_install
from emulator.recovery_services.fabric_details import shown_container
from emulator.recovery_services.paths import (
    API_VERSIONS,
    CONTAINERS,
    FABRICS,
    PROTECTABLE_ITEMS,
    PROVIDERS,
    children,
    page,
    put,
    require,
    require_parents,
    require_vault,
    vault_id,
)
from emulator.recovery_services.scenarios import DISCOVER

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
    return jobs.accepted(world, request, job)


@routes.route(
    "GET",
    PROTECTABLE_ITEMS.collection,
    "ReplicationProtectableItems_ListByReplicationProtectionContainers",
)
def list_protectable(world: World, request: Request, **path: str) -> Response:
    """The machines that were discovered into a container."""
    require_parents(world, path)
    return Response(200, page(request, children(world, PROTECTABLE_ITEMS, CONTAINERS.key(path))))


@routes.route("GET", PROTECTABLE_ITEMS.template, "ReplicationProtectableItems_Get")
def get_protectable(world: World, request: Request, **path: str) -> Response:
    """One discovered machine."""
    document = require(world, PROTECTABLE_ITEMS, path)
    return Response(200, {name: v for name, v in document.items() if name != PRIVATE})


@jobs.when_done(DISCOVER)
def _discovered(world: World, job: Document) -> None:
    container_id, asked = job[PRIVATE]["resource"], job[PRIVATE]["payload"]
    fabric_id = container_id.rsplit("/", 2)[0]
    fabric = world.store.get(FABRICS.kind, fabric_id)
    server = configuration_server.of_fabric(world, fabric_id)
    if fabric is None or server is None:
        raise jobs.JobError(
            "25022",
            "The configuration server does not answer.",
            "The server is stopped or was removed from the vault.",
            "Start the server and try again.",
        )
    instance = machine.instance_at(world, fabric[PRIVATE]["vpc"], asked["ipAddress"])
    if instance is None or not push_install.answers(world, server, instance, asked["osType"]):
        raise push_install.unreachable(asked["friendlyName"], asked["ipAddress"])
    machine.observe(world, instance)
    for known in children(world, PROTECTABLE_ITEMS, container_id):
        # Adding a machine again is no second machine [inferred].
        if known["properties"]["customDetails"]["ipAddress"] == asked["ipAddress"]:
            return
    name = world.guid("infrastructure-vm", fabric_id.lower(), instance.id)
    document = {
        "id": PROTECTABLE_ITEMS.id(container_id, name),
        "name": name,
        "type": PROTECTABLE_ITEMS.type,
        "properties": {
            "friendlyName": asked["friendlyName"],
            "protectionStatus": "Unprotected",
            "replicationProtectedItemId": None,
            "recoveryServicesProviderId": PROVIDERS.id(
                fabric_id, fabric["properties"]["internalIdentifier"]
            ),
            "protectionReadinessErrors": [],
            "supportedReplicationProviders": ["InMage", "InMageAzureV2"],
            "customDetails": {
                "instanceType": "VMwareVirtualMachine",
                "agentGeneratedId": "",
                "agentInstalled": "NotInstalled",
                "osType": asked["osType"],
                "agentVersion": "",
                "ipAddress": asked["ipAddress"],
                "poweredOn": "On",
                "vCenterInfrastructureId": None,
                "discoveryType": "Physical",
                "diskDetails": [],
                "validationErrors": [],
            },
        },
        PRIVATE: {"instance": instance.id},
    }
    put(world, PROTECTABLE_ITEMS, document)
