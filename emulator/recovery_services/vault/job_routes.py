"""Jobs: list, get, cancel, restart, resume."""

from __future__ import annotations

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
    page,
    require,
    require_vault,
    stored,
    vault_id,
)
from emulator.recovery_services.wire.views import view

routes = Routes(API_VERSIONS)

_CANCELLING = timedelta(seconds=8)
_FILTERS = ("startTime", "endTime", "jobStatus", "jobName", "affectedObjectTypes")


@routes.route("GET", JOBS.collection, "ReplicationJobs_List")
def list_jobs(world: World, request: Request, **path: str) -> Response:
    """The jobs of the vault, newest first, without their tasks.

    `$filter` takes `startTime`, `endTime` (a job that ran since, or until, then), `jobStatus`,
    `jobName` and `affectedObjectTypes`.
    """
    require_vault(world, path)
    wanted = filters.parse(request, _FILTERS)
    keys = child_keys(world, JOBS, vault_id(path))[::-1]
    if wanted:
        keys = [
            key
            for key in keys
            for properties in [stored(world, JOBS, key)["properties"]]
            if all(_keeps(term, properties) for term in wanted)
        ]
    return Response(200, page(request, keys, lambda key: answers.listed(stored(world, JOBS, key))))


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


def _keeps(term: filters.Term, properties: Document) -> bool:
    if term.name == "jobStatus":
        return filters.compare(term, properties["state"])
    if term.name == "jobName":
        return filters.compare(term, properties["scenarioName"])
    if term.name == "affectedObjectTypes":
        return filters.compare(term, properties["targetInstanceType"])
    moment = filters.moment(term)
    if term.name == "endTime":
        return datetime.fromisoformat(properties["startTime"]) <= moment
    # A job that runs has no end yet, so it ran since every time.
    ended = properties.get("endTime")
    return ended is None or datetime.fromisoformat(ended) >= moment
