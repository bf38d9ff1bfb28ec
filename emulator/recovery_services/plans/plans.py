"""Recovery plans: groups of machines that fail over together, in order.

What a plan's operations do is in `runs`. Recorded are the creation, the answers and the
deletion of plans of both Hyper-V and `InMageRcm` machines; the examples of the contract show how
a plan answers after each operation.
"""

from __future__ import annotations

from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.items import items
from emulator.recovery_services.jobs import answers, jobs, outcomes
from emulator.recovery_services.jobs.scenarios import DELETE_PLAN, SAVE_PLAN, UPDATE_PLAN
from emulator.recovery_services.plans import bodies as plan_bodies
from emulator.recovery_services.plans import groups as plan_groups
from emulator.recovery_services.plans import state
from emulator.recovery_services.wire import bodies
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    AZURE,
    FABRICS,
    RECOVERY_PLANS,
    children,
    find,
    page,
    put,
    require,
    require_vault,
    vault_id,
    vault_of,
)
from emulator.recovery_services.wire.views import view

routes = Routes(API_VERSIONS)


@routes.route("GET", RECOVERY_PLANS.collection, "ReplicationRecoveryPlans_List")
def list_plans(world: World, request: Request, **path: str) -> Response:
    """The plans of the vault. Only the GET of one plan has its groups (recorded)."""
    require_vault(world, path)
    found = children(world, RECOVERY_PLANS, vault_id(path))
    return Response(200, page(request, found, lambda plan: _listed(world, plan)))


@routes.route("GET", RECOVERY_PLANS.template, "ReplicationRecoveryPlans_Get")
def get_plan(world: World, request: Request, **path: str) -> Response:
    """One plan with its groups."""
    return Response(200, shown(world, require(world, RECOVERY_PLANS, path)))


@routes.route("PUT", RECOVERY_PLANS.template, "ReplicationRecoveryPlans_Create")
def create_plan(world: World, request: Request, **path: str) -> Response:
    """Create a plan, or replace the groups of an existing one [inferred].

    Raises:
        ArmError: 400 for invalid contents of a plan, 409 while the plan runs.
    """
    require_vault(world, path)
    asked = bodies.parse(plan_bodies.CreateBody, request).properties
    fabric = _require_fabric(world, vault_id(path), asked)
    groups, provider = plan_groups.accept(world, fabric["id"], asked.groups)
    identifier = RECOVERY_PLANS.id(vault_id(path), path["plan"])
    known = world.store.get(RECOVERY_PLANS.kind, identifier)
    if known is not None:
        state.require_idle(world, known)
    payload = {"fabric": fabric["id"], "groups": groups, "provider": provider}
    job = jobs.begin(
        world,
        SAVE_PLAN,
        _target(world, identifier, path["plan"]),
        operation="ReplicationRecoveryPlans_Create",
        payload={"name": path["plan"], **payload},
    )
    return answers.accepted(world, request, job)


@routes.route("PATCH", RECOVERY_PLANS.template, "ReplicationRecoveryPlans_Update")
def update_plan(world: World, request: Request, **path: str) -> Response:
    """Replace all groups of a plan: an action or a machine that is not sent again is gone.

    Raises:
        ArmError: 400 for invalid contents of a plan, 409 while the plan runs.
    """
    plan = require(world, RECOVERY_PLANS, path)
    asked = bodies.parse(plan_bodies.UpdateBody, request).properties
    state.require_idle(world, plan)
    private = plan[PRIVATE]
    groups, provider = plan["properties"]["groups"], private["provider"]
    if asked.groups is not None:
        fabric = plan["properties"]["primaryFabricId"]
        groups, provider = plan_groups.accept(world, fabric, asked.groups)
    job = jobs.begin(
        world,
        UPDATE_PLAN,
        _target(world, plan["id"], plan["name"]),
        operation="ReplicationRecoveryPlans_Update",
        payload={"name": plan["name"], "groups": groups, "provider": provider},
    )
    return answers.accepted(world, request, job)


@routes.route("DELETE", RECOVERY_PLANS.template, "ReplicationRecoveryPlans_Delete")
def delete_plan(world: World, request: Request, **path: str) -> Response:
    """Delete a plan; its machines do not change. 204 if there is no such plan.

    Raises:
        ArmError: 409 while the plan runs.
    """
    plan = find(world, RECOVERY_PLANS, path)
    if plan is None:
        return Response(204)
    state.require_idle(world, plan)
    job = jobs.begin(
        world,
        DELETE_PLAN,
        _target(world, plan["id"], plan["name"]),
        operation="ReplicationRecoveryPlans_Delete",
    )
    return answers.accepted(world, request, job)


@view(RECOVERY_PLANS)
def shown(world: World, plan: Document) -> Document:
    """The plan in full."""
    document = _listed(world, plan)
    document["properties"]["groups"] = state.groups(world, plan)
    return document


def _listed(world: World, plan: Document) -> Document:
    return {
        "id": plan["id"],
        "name": plan["name"],
        "type": plan["type"],
        "properties": state.properties(world, plan),
    }


@outcomes.when_done(SAVE_PLAN, UPDATE_PLAN)
def _save(world: World, job: Document) -> None:
    resource, payload = job[PRIVATE]["resource"], job[PRIVATE]["payload"]
    plan = world.store.get(RECOVERY_PLANS.kind, resource)
    if plan is None:
        fabric = world.store.get(FABRICS.kind, payload.get("fabric", ""))
        if fabric is None:
            raise outcomes.JobError("28001", "The recovery plan or its primary fabric is gone.")
        plan = {
            "id": resource,
            "name": payload["name"],
            "type": RECOVERY_PLANS.type,
            "properties": {
                "friendlyName": payload["name"],
                "primaryFabricId": fabric["id"],
                "primaryFabricFriendlyName": fabric["properties"]["friendlyName"],
            },
            PRIVATE: state.new(),
        }
    elif "fabric" in payload:
        fabric = world.store.get(FABRICS.kind, payload["fabric"])
        name = fabric["properties"]["friendlyName"] if fabric else ""
        plan["properties"] |= {
            "primaryFabricId": payload["fabric"],
            "primaryFabricFriendlyName": name,
        }
    plan["properties"]["groups"] = payload["groups"]
    plan[PRIVATE]["provider"] = payload["provider"]
    put(world, RECOVERY_PLANS, plan)


@outcomes.when_done(DELETE_PLAN)
def _delete(world: World, job: Document) -> None:
    world.store.delete(RECOVERY_PLANS.kind, job[PRIVATE]["resource"])


@items.when_gone
def _forget(world: World, item: Document) -> None:
    """Remove a machine that left the vault from its plans; a plan may become empty."""
    for plan in children(world, RECOVERY_PLANS, vault_of(item["id"])):
        groups = plan["properties"]["groups"]
        for group in groups:
            group["replicationProtectedItems"] = [
                member
                for member in group["replicationProtectedItems"]
                if member["id"].lower() != item["id"].lower()
            ]
        put(world, RECOVERY_PLANS, plan)


def _require_fabric(world: World, vault: str, asked: plan_bodies.CreateProperties) -> Document:
    fabric = world.store.get(FABRICS.kind, asked.primary_fabric_id)
    if fabric is None or vault_of(asked.primary_fabric_id).lower() != vault.lower():
        raise _invalid(
            "primaryFabricId",
            f"The fabric '{asked.primary_fabric_id}' was not found in this vault.",
        )
    if asked.recovery_fabric_id != AZURE:
        raise _invalid(
            "recoveryFabricId",
            f"Machines of '{fabric['properties']['friendlyName']}' are recovered to '{AZURE}' "
            f"only, not to '{asked.recovery_fabric_id}'.",
        )
    if asked.failover_deployment_model not in (None, "ResourceManager"):
        raise _invalid(
            "failoverDeploymentModel",
            f"'{asked.failover_deployment_model}' is not supported; 'ResourceManager' is.",
        )
    return fabric


def _target(world: World, identifier: str, name: str) -> jobs.Target:
    return jobs.Target(identifier, world.guid("plan", identifier), name)


def _invalid(name: str, message: str) -> ArmError:
    target = f"properties.{name}"
    detail = {"code": "InvalidParameter", "target": target, "message": message}
    return ArmError(400, "InvalidParameter", message, details=[detail])
