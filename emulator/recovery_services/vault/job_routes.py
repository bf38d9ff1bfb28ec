"""Jobs: list, get, cancel, restart, resume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.items import items
from emulator.recovery_services.jobs import answers, flows, jobs
from emulator.recovery_services.jobs.scenario import Scenario
from emulator.recovery_services.jobs.scenarios import CANCEL_JOB, RESTART_JOB, RESUME_JOB
from emulator.recovery_services.wire import bodies, filters
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    JOBS,
    child_keys,
    page_of_views,
    require,
    require_vault,
    seen,
    vault_id,
)
from emulator.recovery_services.wire.views import view

routes = Routes(API_VERSIONS)

_CANCELLING = timedelta(seconds=8)
_COMPARED = {
    "jobStatus": "state",
    "jobName": "scenarioName",
    "affectedObjectTypes": "targetInstanceType",
}
"""Terms of the filter that compare text, and the property that each compares."""

_FILTERS = ("startTime", "endTime", *_COMPARED)


@routes.route("GET", JOBS.collection, "ReplicationJobs_List")
def list_jobs(world: World, request: Request, **path: str) -> Response:
    """The jobs of the vault, newest first, without their tasks.

    `$filter` takes `startTime`, `endTime` (a job that started since, or until, then), `jobStatus`,
    `jobName` and `affectedObjectTypes`. Azure PowerShell's help says so of both times
    (Get-AzRecoveryServicesAsrJob), and its source writes them with `eq`.
    """
    require_vault(world, path)
    wanted = [_test(term) for term in filters.parse(request, _FILTERS)]
    keys = child_keys(world, JOBS, vault_id(path))[::-1]
    if wanted:
        keys = [
            key
            for key in keys
            for properties in [seen(world, JOBS, key)["properties"]]
            if all(keeps(properties) for keeps in wanted)
        ]

    def kept(key: str) -> Sequence[bytes]:
        return world.views.pieces(
            (JOBS.kind, "listed", key), lambda: answers.listed(seen(world, JOBS, key))
        )

    return Response(200, page_of_views(request, keys, kept))


@routes.route("GET", JOBS.template, "ReplicationJobs_Get")
def get_job(world: World, request: Request, **path: str) -> Response:
    """One job with its tasks."""
    return Response(200, answers.presented(world, require(world, JOBS, path)))


@routes.route("POST", f"{JOBS.template}/cancel", "ReplicationJobs_Cancel")
def cancel(world: World, request: Request, **path: str) -> Response:
    """Cancel a running job, where the job allows it."""
    job = _require_allowed(world, path, "Cancel")
    jobs.cancel(world, job, _CANCELLING)
    return _accept(world, request, job, CANCEL_JOB, "ReplicationJobs_Cancel")


@routes.route("POST", f"{JOBS.template}/restart", "ReplicationJobs_Restart")
def restart(world: World, request: Request, **path: str) -> Response:
    """Restart a failed job, if its item still allows the operation."""
    job = _require_allowed(world, path, "Restart")
    items.restart(world, job)
    return _accept(world, request, job, RESTART_JOB, "ReplicationJobs_Restart")


@routes.route("POST", f"{JOBS.template}/resume", "ReplicationJobs_Resume")
def resume(world: World, request: Request, **path: str) -> Response:
    """Resume a job that waits for a person, which only a recovery plan's manual action does."""
    comments = bodies.parse(bodies.ResumeBody, request).properties.comments
    job = _require_allowed(world, path, "Resume")
    flow = flows.flow_of(job)
    assert flow is not None  # No other job ever allows it.
    flow.resumed(world, job, comments)
    return _accept(world, request, job, RESUME_JOB, "ReplicationJobs_Resume")


@view(JOBS)
def _shown(world: World, job: Document) -> Document:
    return answers.presented(world, job)


def _require_allowed(world: World, path: dict[str, str], action: str) -> Document:
    job = require(world, JOBS, path)
    allowed = job["properties"]["allowedActions"]
    if action not in allowed:
        raise ArmError(
            400,
            "JobActionNotAllowed",
            f"The action '{action}' is not allowed on the job '{job['name']}' "
            f"({job['properties']['scenarioName']}) in its state '{job['properties']['state']}'. "
            f"Allowed actions: {', '.join(allowed) or 'none'}.",
        )
    return job


def _accept(
    world: World, request: Request, job: Document, scenario: Scenario, operation: str
) -> Response:
    properties = job["properties"]
    target = jobs.Target(
        job["id"],
        properties["targetObjectId"],
        properties["targetObjectName"],
        job[PRIVATE]["machine"],
    )
    begun = jobs.begin(world, scenario, target, operation=operation)
    return answers.accepted(world, request, begun)


def _test(term: filters.Term) -> Callable[[Document], bool]:
    """The test of a job's properties by a term of the filter."""
    compared = _COMPARED.get(term.name)
    if compared is not None:
        return lambda properties: filters.compare(term, properties[compared])
    moment = filters.moment(term)
    if term.name == "endTime":
        return lambda properties: datetime.fromisoformat(properties["startTime"]) <= moment
    return lambda properties: datetime.fromisoformat(properties["startTime"]) >= moment
