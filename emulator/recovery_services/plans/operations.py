"""Operations of recovery plans: test failover, test failover cleanup, failover and commit.

Every operation starts one job of the plan. Each machine gets a job of its own, in the same way as
a machine that is failed over alone.
"""

from __future__ import annotations

from emulator.kernel.resources import PRIVATE, ResourceId
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.jobs import answers, jobs
from emulator.recovery_services.plans import bodies as plan_bodies
from emulator.recovery_services.plans import runs, state
from emulator.recovery_services.wire import bodies
from emulator.recovery_services.wire.paths import API_VERSIONS, RECOVERY_PLANS, require

routes = Routes(API_VERSIONS)

_NETWORK_TYPES = ("VmNetworkAsInput", "NoNetworkAttachAsInput", "LogicalNetworkAsInput")
_BEYOND = {
    "TestFailover": ("TestFailoverCleanup",),
    "UnplannedFailover": ("Commit", "CompleteMigration"),
}
"""By operation: allowed operations that show that a machine is already past this operation."""


@routes.route(
    "POST", f"{RECOVERY_PLANS.template}/testFailover", "ReplicationRecoveryPlans_TestFailover"
)
def test_failover(world: World, request: Request, **path: str) -> Response:
    """Fail all machines over into a test network, group by group."""
    plan = require(world, RECOVERY_PLANS, path)
    asked = bodies.parse(plan_bodies.TestFailoverBody, request).properties
    _require_direction(asked.failover_direction)
    point = _point_type(plan, asked.provider_specific_details)
    if asked.network_type not in _NETWORK_TYPES:
        listed = ", ".join(_NETWORK_TYPES)
        raise _invalid("networkType", f"'{asked.network_type}' is none of {listed}.")
    if asked.network_id:
        ResourceId.parse(asked.network_id)
    elif asked.network_type == "VmNetworkAsInput":
        for item in state.machines(world, plan):
            if not item[PRIVATE]["target"]["testNetworkId"]:
                message = f"The test network is required: '{item['name']}' has none of its own."
                raise _invalid("networkId", message)
    arguments = {
        "network": asked.network_id,
        "networkType": asked.network_type,
        "pointType": point,
    }
    return _start(world, request, plan, "TestFailover", arguments)


@routes.route(
    "POST",
    f"{RECOVERY_PLANS.template}/testFailoverCleanup",
    "ReplicationRecoveryPlans_TestFailoverCleanup",
)
def clean_up(world: World, request: Request, **path: str) -> Response:
    """Delete the test machines of all members that have one."""
    plan = require(world, RECOVERY_PLANS, path)
    asked = bodies.parse(bodies.CleanupBody, request).properties
    return _start(world, request, plan, "TestFailoverCleanup", {"comments": asked.comments})


@routes.route(
    "POST",
    f"{RECOVERY_PLANS.template}/unplannedFailover",
    "ReplicationRecoveryPlans_UnplannedFailover",
)
def fail_over(world: World, request: Request, **path: str) -> Response:
    """Fail all machines over to Azure, group by group."""
    plan = require(world, RECOVERY_PLANS, path)
    asked = bodies.parse(plan_bodies.FailoverBody, request).properties
    _require_direction(asked.failover_direction)
    point = _point_type(plan, asked.provider_specific_details)
    return _start(world, request, plan, "UnplannedFailover", {"pointType": point})


@routes.route(
    "POST", f"{RECOVERY_PLANS.template}/failoverCommit", "ReplicationRecoveryPlans_FailoverCommit"
)
def commit(world: World, request: Request, **path: str) -> Response:
    """Commit the failover of all members that were failed over."""
    plan = require(world, RECOVERY_PLANS, path)
    return _start(world, request, plan, "Commit", {})


@routes.route(
    "POST", f"{RECOVERY_PLANS.template}/plannedFailover", "ReplicationRecoveryPlans_PlannedFailover"
)
def planned_failover(world: World, request: Request, **path: str) -> Response:
    """Refused: machines of these providers have no planned failover to Azure."""
    plan = require(world, RECOVERY_PLANS, path)
    bodies.parse(plan_bodies.PlannedFailoverBody, request)
    raise _not_allowed(world, plan, "PlannedFailover")


@routes.route("POST", f"{RECOVERY_PLANS.template}/reProtect", "ReplicationRecoveryPlans_Reprotect")
def reprotect(world: World, request: Request, **path: str) -> Response:
    """Refused: a physical machine cannot be replicated back."""
    raise _not_allowed(world, require(world, RECOVERY_PLANS, path), "ReverseReplicate")


@routes.route(
    "POST", f"{RECOVERY_PLANS.template}/failoverCancel", "ReplicationRecoveryPlans_FailoverCancel"
)
def cancel_failover(world: World, request: Request, **path: str) -> Response:
    """Refused: it cancels planned failbacks only; jobs are cancelled by ReplicationJobs_Cancel."""
    raise _not_allowed(world, require(world, RECOVERY_PLANS, path), "CancelFailover")


def _start(
    world: World, request: Request, plan: Document, operation: str, arguments: Document
) -> Response:
    _require_allowed(world, plan, operation)
    name = "FailoverCommit" if operation == "Commit" else operation
    operation_id = f"ReplicationRecoveryPlans_{name}"
    job = runs.start(world, plan, operation, operation_id, arguments)
    return answers.accepted(world, request, job)


def _require_allowed(world: World, plan: Document, operation: str) -> None:
    """Check that the plan and all its machines can start an operation.

    Raises:
        ArmError: 409 while the plan or one of its machines is busy; 400 if no machine allows the
            operation, or if a machine neither allows it nor is already past it [inferred].
    """
    state.require_idle(world, plan)
    machines = state.machines(world, plan)
    for item in machines:
        busy = jobs.busy_with(world, item)
        if busy is not None:
            raise ArmError(
                409,
                "OperationInProgress",
                f"The operation cannot be started on the recovery plan '{plan['name']}': the job "
                f"'{busy['name']}' ({busy['properties']['scenarioName']}) is in progress on the "
                f"replicated item '{item['name']}'. Try again after it ended.",
            )
    if operation not in state.allowed(world, plan):
        raise _not_allowed(world, plan, operation)
    beyond = _BEYOND.get(operation)
    for item in machines:
        allowed = state.allowed_to(item)
        if beyond is None or operation in allowed or any(word in allowed for word in beyond):
            continue
        raise ArmError(
            400,
            "OperationNotAllowed",
            f"The operation '{operation}' cannot be started on the recovery plan "
            f"'{plan['name']}': it is not allowed on the replicated item '{item['name']}'. "
            f"Allowed operations there: {', '.join(allowed) or 'none'}.",
        )


def _not_allowed(world: World, plan: Document, operation: str) -> ArmError:
    allowed = ", ".join(state.allowed(world, plan)) or "none"
    return ArmError(
        400,
        "OperationNotAllowed",
        f"The operation '{operation}' is not allowed on the recovery plan '{plan['name']}' in its "
        f"current state. Allowed operations: {allowed}.",
    )


def _require_direction(direction: str) -> None:
    if direction == "RecoveryToPrimary":
        raise _invalid(
            "failoverDirection",
            "Physical machines cannot be failed back; use PrimaryToRecovery.",
        )


def _point_type(plan: Document, parts: list[bodies.ProviderPart] | None) -> str:
    """The requested recovery point type; `Latest` if the request has none [inferred]."""
    if not parts:
        return "Latest"
    (part,) = parts
    at = "providerSpecificDetails[0]"
    if part.instance_type != plan[PRIVATE]["provider"]:
        raise _invalid(
            f"{at}.instanceType",
            f"'{part.instance_type}' does not fit: the machines of the plan replicate by "
            f"'{plan[PRIVATE]['provider']}'.",
        )
    given = bodies.read(plan_bodies.FailoverPart, bodies.extras(part), f"properties.{at}")
    return given.recovery_point_type


def _invalid(name: str, message: str) -> ArmError:
    target = f"properties.{name}"
    detail = {"code": "InvalidParameter", "target": target, "message": message}
    return ArmError(400, "InvalidParameter", f"{target}: {message}", details=[detail])
