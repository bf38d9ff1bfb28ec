"""Polling of operations: `replicationOperationStatus` and every resource's `operationresults`."""

from __future__ import annotations

from emulator.kernel.long_running import retry_after
from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.jobs import answers, jobs
from emulator.recovery_services.wire import polling
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    CONTAINERS,
    FABRICS,
    JOBS,
    MAPPINGS,
    POLICIES,
    PROTECTED_ITEMS,
    PROVIDERS,
    RECOVERY_PLANS,
    VAULT,
    VAULT_HEALTH,
    vault_id,
)
from emulator.recovery_services.wire.views import shown

routes = Routes(API_VERSIONS)

_BASES = (
    FABRICS.template,
    CONTAINERS.template,
    PROVIDERS.template,
    MAPPINGS.template,
    PROTECTED_ITEMS.template,
    POLICIES.template,
    JOBS.template,
    VAULT_HEALTH,
    RECOVERY_PLANS.template,
)


@routes.route(
    "GET", f"{VAULT}/replicationOperationStatus/{{operation}}", "_ReplicationOperationStatus_Get"
)
def get_status(world: World, request: Request, operation: str, **path: str) -> Response:
    """Answer a poll of `Azure-AsyncOperation`."""
    polling.require_signature(world, request)
    job = _require(world, path, operation)
    return Response(
        200, answers.status(world, job), retry_after(world) if jobs.running(job) else {}
    )


def get_result(world: World, request: Request, operation: str, **path: str) -> Response:
    """Answer a poll of `Location`: 202 meanwhile, then the resource, or 204 when it is gone.

    Raises:
        ArmError: 409 with the job's error once it failed [inferred].
    """
    polling.require_signature(world, request)
    job = _require(world, path, operation)
    if jobs.running(job):
        url = polling.signed_url(world, request, request.path)
        return Response(202, None, {"Location": url, **retry_after(world)})
    if job["properties"]["state"] != "Succeeded":
        error = answers.status(world, job)["error"] or {
            "code": "OperationCancelled",
            "message": "The job was cancelled.",
        }
        raise ArmError(409, error["code"], error["message"])
    body = shown(world, job[PRIVATE]["resource"])
    return Response(204) if body is None else Response(200, body)


for _base in _BASES:
    routes.route("GET", f"{_base}/operationresults/{{operation}}", "_OperationResults_Get")(
        get_result
    )


def _require(world: World, path: dict[str, str], operation: str) -> Document:
    job = jobs.find(world, vault_id(path), operation)
    if job is None:
        raise ArmError(404, "OperationNotFound", f"The operation '{operation}' was not found.")
    return job
