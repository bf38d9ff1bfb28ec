"""Replication policies."""

from __future__ import annotations

from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.experiences import registry
from emulator.recovery_services.jobs import answers, jobs, outcomes
from emulator.recovery_services.jobs.scenarios import DELETE_POLICY, SAVE_POLICY, UPDATE_POLICY
from emulator.recovery_services.replication import affected
from emulator.recovery_services.wire import bodies
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    MAPPINGS,
    POLICIES,
    children,
    find,
    page,
    put,
    require,
    require_vault,
    vault_id,
)

routes = Routes(API_VERSIONS)


@routes.route("GET", POLICIES.collection, "ReplicationPolicies_List")
def list_policies(world: World, request: Request, **path: str) -> Response:
    """All policies of the vault."""
    require_vault(world, path)
    return Response(200, page(request, children(world, POLICIES, vault_id(path))))


@routes.route("GET", POLICIES.template, "ReplicationPolicies_Get")
def get_policy(world: World, request: Request, **path: str) -> Response:
    """One policy."""
    return Response(200, require(world, POLICIES, path))


@routes.route("PUT", POLICIES.template, "ReplicationPolicies_Create")
def create_policy(world: World, request: Request, **path: str) -> Response:
    """Create a policy, or replace one that nothing uses [inferred]."""
    require_vault(world, path)
    part = bodies.parse(bodies.PolicyCreateBody, request).properties.provider_specific_input
    experience = registry.of(part.instance_type)
    details = experience.policy_details(part, "properties.providerSpecificInput")
    identifier = POLICIES.id(vault_id(path), path["policy"])
    if world.store.get(POLICIES.kind, identifier) is not None:
        _require_unused(world, identifier, path["policy"])
    job = jobs.begin(
        world,
        SAVE_POLICY,
        jobs.Target(identifier, affected.policy_guid(world, identifier), path["policy"]),
        operation="ReplicationPolicies_Create",
        payload={"name": path["policy"], "details": details},
    )
    return answers.accepted(world, request, job)


@routes.route("PATCH", POLICIES.template, "ReplicationPolicies_Update")
def update_policy(world: World, request: Request, **path: str) -> Response:
    """Change a policy; machines that use it continue with the new values."""
    policy = require(world, POLICIES, path)
    part = bodies.parse(bodies.PolicyUpdateBody, request).properties.replication_provider_settings
    kept = policy["properties"]["providerSpecificDetails"]
    if part.instance_type != kept["instanceType"]:
        raise ArmError(
            400,
            "InvalidReplicationProvider",
            f"The policy '{policy['name']}' is of the replication provider "
            f"'{kept['instanceType']}', not '{part.instance_type}'.",
        )
    experience = registry.of(part.instance_type)
    details = experience.policy_details(part, "properties.replicationProviderSettings")
    job = jobs.begin(
        world,
        UPDATE_POLICY,
        jobs.Target(policy["id"], affected.policy_guid(world, policy["id"]), policy["name"]),
        operation="ReplicationPolicies_Update",
        payload={"name": policy["name"], "details": details},
    )
    return answers.accepted(world, request, job)


@routes.route("DELETE", POLICIES.template, "ReplicationPolicies_Delete")
def delete_policy(world: World, request: Request, **path: str) -> Response:
    """Delete a policy that no container is mapped to; 204 where there is none."""
    policy = find(world, POLICIES, path)
    if policy is None:
        return Response(204)
    _require_unused(world, policy["id"], policy["name"])
    job = jobs.begin(
        world,
        DELETE_POLICY,
        jobs.Target(policy["id"], affected.policy_guid(world, policy["id"]), policy["name"]),
        operation="ReplicationPolicies_Delete",
    )
    return answers.accepted(world, request, job)


@outcomes.when_done(SAVE_POLICY, UPDATE_POLICY)
def _save(world: World, job: Document) -> None:
    resource, payload = job[PRIVATE]["resource"], job[PRIVATE]["payload"]
    document = {
        "id": resource,
        "name": payload["name"],
        "type": POLICIES.type,
        "properties": {
            "friendlyName": payload["name"],
            "providerSpecificDetails": payload["details"],
        },
    }
    put(world, POLICIES, document)


@outcomes.when_done(DELETE_POLICY)
def _delete(world: World, job: Document) -> None:
    policy = world.store.get(POLICIES.kind, job[PRIVATE]["resource"])
    if policy is not None:
        _require_unused(world, policy["id"], policy["name"])
        world.store.delete(POLICIES.kind, policy["id"])


def _require_unused(world: World, policy_id: str, name: str) -> None:
    vault = policy_id[: policy_id.lower().index("/replicationpolicies/")]
    for mapping in children(world, MAPPINGS, vault):
        if mapping["properties"]["policyId"].lower() == policy_id.lower():
            raise ArmError(
                409,
                "PolicyInUse",
                f"The replication policy '{name}' is associated with the container of "
                f"'{mapping['properties']['sourceFabricFriendlyName']}' by the mapping "
                f"'{mapping['name']}' and cannot be changed or deleted. Dissociate it first.",
            )
