"""Protection container mappings, which assign a replication policy to a container."""

from __future__ import annotations

from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.experiences import registry
from emulator.recovery_services.jobs import answers, jobs, outcomes
from emulator.recovery_services.jobs.scenario import Scenario
from emulator.recovery_services.jobs.scenarios import (
    PAIR,
    PURGE_PAIR,
    UNPAIR,
    UPDATE_PAIR,
)
from emulator.recovery_services.replication import affected
from emulator.recovery_services.wire import bodies
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    AZURE,
    CONTAINERS,
    MAPPINGS,
    POLICIES,
    PROTECTED_ITEMS,
    children,
    find,
    page,
    put,
    require,
    require_parents,
    require_vault,
    vault_id,
)

routes = Routes(API_VERSIONS)

_BASE_INPUT = "ReplicationProviderSpecificContainerMappingInput"
"""The contract's base class, which names no provider; a request with it was accepted (recorded)."""


@routes.route(
    "GET",
    MAPPINGS.collection,
    "ReplicationProtectionContainerMappings_ListByReplicationProtectionContainers",
)
def list_mappings(world: World, request: Request, **path: str) -> Response:
    """The mappings of a container."""
    require_parents(world, path)
    return Response(200, page(request, children(world, MAPPINGS, CONTAINERS.key(path))))


@routes.route(
    "GET",
    MAPPINGS.collection.replace(
        "/replicationFabrics/{fabric}/replicationProtectionContainers/{container}", ""
    ),
    "ReplicationProtectionContainerMappings_List",
)
def list_vault_mappings(world: World, request: Request, **path: str) -> Response:
    """The mappings of the vault."""
    require_vault(world, path)
    return Response(200, page(request, children(world, MAPPINGS, vault_id(path))))


@routes.route("GET", MAPPINGS.template, "ReplicationProtectionContainerMappings_Get")
def get_mapping(world: World, request: Request, **path: str) -> Response:
    """One mapping."""
    return Response(200, require(world, MAPPINGS, path))


@routes.route("PUT", MAPPINGS.template, "ReplicationProtectionContainerMappings_Create")
def create_mapping(world: World, request: Request, **path: str) -> Response:
    """Map a container to Azure by a policy of the container's own replication provider."""
    require_parents(world, {k: v for k, v in path.items() if k != "mapping"})
    container = require(world, CONTAINERS, {k: v for k, v in path.items() if k != "mapping"})
    asked = bodies.parse(bodies.MappingBody, request).properties
    if asked.target_protection_container_id != AZURE:
        raise ArmError(
            400,
            "InvalidTargetProtectionContainer",
            f"The target container '{asked.target_protection_container_id}' is not valid: only "
            f"'{AZURE}' is.",
        )
    policy = policy_for(world, vault_id(path), container, asked.policy_id)
    part = asked.provider_specific_input
    if part is not None and part.instance_type == _BASE_INPUT:
        part = None
    if part is not None and part.instance_type != container[PRIVATE]["experience"]:
        raise _wrong_provider(container, part.instance_type)
    details = registry.of(container[PRIVATE]["experience"]).mapping_details(
        part, "properties.providerSpecificInput"
    )
    for mapping in children(world, MAPPINGS, container["id"]):
        same_policy = mapping["properties"]["policyId"].lower() == policy["id"].lower()
        if same_policy and mapping["name"].lower() != path["mapping"].lower():
            raise ArmError(
                409,
                "PolicyAlreadyAssociated",
                f"The policy '{policy['name']}' is already associated with the container by the "
                f"mapping '{mapping['name']}'.",
            )
    identifier = MAPPINGS.id(container["id"], path["mapping"])
    known = world.store.get(MAPPINGS.kind, identifier)
    if known is not None and known["properties"]["policyId"].lower() != policy["id"].lower():
        _require_unused(world, known)
    job = jobs.begin(
        world,
        PAIR,
        _policy_target(world, identifier, policy),
        operation="ReplicationProtectionContainerMappings_Create",
        payload={"name": path["mapping"], "policy": policy["id"], "details": details},
    )
    return answers.accepted(world, request, job)


@routes.route("PATCH", MAPPINGS.template, "ReplicationProtectionContainerMappings_Update")
def update_mapping(world: World, request: Request, **path: str) -> Response:
    """Change the provider-specific details of a mapping; refused if the provider has none."""
    mapping = require(world, MAPPINGS, path)
    container = require(world, CONTAINERS, {k: v for k, v in path.items() if k != "mapping"})
    part = bodies.parse(bodies.MappingUpdateBody, request).properties.provider_specific_input
    experience = registry.of(container[PRIVATE]["experience"])
    at = "properties.providerSpecificInput"
    if part.instance_type != experience.instance_type:
        raise _wrong_provider(container, part.instance_type)
    details = experience.mapping_details(part, at)
    if details is None:
        raise ArmError(
            400,
            "OperationNotSupported",
            f"A mapping of the replication provider '{part.instance_type}' cannot be updated.",
        )
    name = mapping["properties"]["sourceProtectionContainerFriendlyName"]
    job = jobs.begin(
        world,
        UPDATE_PAIR,
        jobs.Target(mapping["id"], container["name"], name),
        operation="ReplicationProtectionContainerMappings_Update",
        payload={"details": details},
    )
    return answers.accepted(world, request, job)


@routes.route(
    "POST", f"{MAPPINGS.template}/remove", "ReplicationProtectionContainerMappings_Delete"
)
def remove_mapping(world: World, request: Request, **path: str) -> Response:
    """Delete the mapping; refused while the policy protects an item."""
    return _end(world, request, path, UNPAIR, "ReplicationProtectionContainerMappings_Delete")


@routes.route("DELETE", MAPPINGS.template, "ReplicationProtectionContainerMappings_Purge")
def purge_mapping(world: World, request: Request, **path: str) -> Response:
    """Purge the mapping; refused while it has protected items [inferred]."""
    if find(world, MAPPINGS, path) is None:
        return Response(204)
    return _end(world, request, path, PURGE_PAIR, "ReplicationProtectionContainerMappings_Purge")


def policy_for(world: World, vault: str, container: Document, policy_id: str) -> Document:
    """The policy of an id, which must be of this vault and of the container's provider.

    Raises:
        ArmError: 400.
    """
    policy = world.store.get(POLICIES.kind, policy_id)
    if policy is None or not policy_id.lower().startswith(vault.lower() + "/"):
        raise ArmError(
            400,
            "PolicyNotFound",
            f"The replication policy '{policy_id}' was not found in this vault.",
        )
    provider = policy["properties"]["providerSpecificDetails"]["instanceType"]
    if provider != container[PRIVATE]["experience"]:
        raise _wrong_provider(container, provider)
    return policy


def _wrong_provider(container: Document, provider: str) -> ArmError:
    return ArmError(
        400,
        "InvalidReplicationProvider",
        f"The replication provider '{provider}' does not fit the container "
        f"'{container['properties']['friendlyName']}', which replicates by "
        f"'{container[PRIVATE]['experience']}'.",
    )


def _end(
    world: World, request: Request, path: dict[str, str], scenario: Scenario, operation: str
) -> Response:
    mapping = require(world, MAPPINGS, path)
    _require_unused(world, mapping)
    policy = {
        "id": mapping["properties"]["policyId"],
        "name": mapping["properties"]["policyFriendlyName"],
    }
    target = _policy_target(world, mapping["id"], policy)
    return answers.accepted(
        world, request, jobs.begin(world, scenario, target, operation=operation)
    )


def _policy_target(world: World, mapping_id: str, policy: Document) -> jobs.Target:
    """The target of a mapping's job: the policy, with the container as affected object (recorded)."""
    container_id = mapping_id.rsplit("/", 2)[0]
    return jobs.Target(
        mapping_id,
        affected.policy_guid(world, policy["id"]),
        policy["name"],
        affected=affected.container(world, container_id),
    )


def _require_unused(world: World, mapping: Document) -> None:
    container_id = mapping["id"].rsplit("/", 2)[0]
    policy_id = mapping["properties"]["policyId"].lower()
    using = [
        item["name"]
        for item in children(world, PROTECTED_ITEMS, container_id)
        if item["properties"]["policyId"].lower() == policy_id
    ]
    if using:
        raise ArmError(
            409,
            "ContainerMappingInUse",
            f"The mapping '{mapping['name']}' cannot be removed: {len(using)} machines replicate "
            f"by its policy ({', '.join(using[:5])}). Disable their replication first.",
        )


@outcomes.when_done(PAIR)
def _paired(world: World, job: Document) -> None:
    resource, payload = job[PRIVATE]["resource"], job[PRIVATE]["payload"]
    container = world.store.get(CONTAINERS.kind, resource.rsplit("/", 2)[0])
    policy = world.store.get(POLICIES.kind, payload["policy"])
    if container is None or policy is None:
        raise outcomes.JobError(
            "78253",
            "The replication policy could not be associated with the server.",
            "The policy or the server was removed meanwhile.",
            "Create the policy and associate it again.",
        )
    friendly = container["properties"]["friendlyName"]
    mapping = {
        "id": resource,
        "name": payload["name"],
        "type": MAPPINGS.type,
        "properties": {
            "targetProtectionContainerId": AZURE,
            "targetProtectionContainerFriendlyName": AZURE,
            "providerSpecificDetails": payload["details"],
            "health": "Normal",
            "healthErrorDetails": [],
            "policyId": policy["id"],
            "state": "Paired",
            "sourceProtectionContainerFriendlyName": friendly,
            "sourceFabricFriendlyName": container["properties"]["fabricFriendlyName"],
            "targetFabricFriendlyName": AZURE,
            "policyFriendlyName": policy["properties"]["friendlyName"],
        },
    }
    put(world, MAPPINGS, mapping)
    _set_pairing(world, container)


@outcomes.when_done(UPDATE_PAIR)
def _updated(world: World, job: Document) -> None:
    mapping = world.store.get(MAPPINGS.kind, job[PRIVATE]["resource"])
    if mapping is None:
        raise outcomes.JobError("78253", "The association of the policy is gone.")
    mapping["properties"]["providerSpecificDetails"] = job[PRIVATE]["payload"]["details"]
    put(world, MAPPINGS, mapping)


@outcomes.when_done(UNPAIR, PURGE_PAIR)
def _unpaired(world: World, job: Document) -> None:
    resource = job[PRIVATE]["resource"]
    mapping = world.store.get(MAPPINGS.kind, resource)
    if mapping is not None:
        _require_unused(world, mapping)
    world.store.delete(MAPPINGS.kind, resource)
    container = world.store.get(CONTAINERS.kind, resource.rsplit("/", 2)[0])
    if container is not None:
        _set_pairing(world, container)


def _set_pairing(world: World, container: Document) -> None:
    paired = bool(children(world, MAPPINGS, container["id"]))
    container["properties"] |= {
        "pairingStatus": "Paired" if paired else "NotPaired",
        "role": "Primary" if paired else "",
    }
    put(world, CONTAINERS, container)
