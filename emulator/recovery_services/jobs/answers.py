"""Responses about a job: the 202, the job in a GET and in a list, and the operation's status."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime

from emulator.kernel.long_running import retry_after
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.jobs import jobs
from emulator.recovery_services.jobs.flows import flow_of
from emulator.recovery_services.wire import polling
from emulator.recovery_services.wire.paths import JOBS, put, vault_of
from emulator.recovery_services.wire.refusals import CLIENT, CORRELATION
from emulator.recovery_services.wire.times import UNSET, coarse, stamp

_SKIPPED_AFTER = timedelta(seconds=2)
"""The time for which the tasks after a failed one are still shown as not started (recorded)."""


def accepted(world: World, request: Request, job: Document) -> Response:
    """The 202 response with an empty body, and the headers for polling.

    The job notes which request began it. Its `activityId` is
    `<x-ms-client-request-id> ActivityId: <x-ms-correlation-request-id>` of that request
    (recorded). An id that the caller did not send is made up here.
    """
    client = request.headers.get(CLIENT) or world.guid("activity", job["name"])
    correlation = request.headers.get(CORRELATION) or world.guid("act", job["name"])
    job["properties"]["activityId"] = jobs.activity(client, correlation)
    put(world, JOBS, job)
    headers = {
        "Location": polling.signed_url(
            world, request, f"{job[PRIVATE]['polledAt']}/operationresults/{job['name']}"
        ),
        "Azure-AsyncOperation": polling.signed_url(
            world, request, f"{vault_of(job['id'])}/replicationOperationStatus/{job['name']}"
        ),
        CLIENT: client,
        CORRELATION: correlation,
        **retry_after(world),
    }
    if jobs.scenario_of(job).workflow:
        headers["x-ms-request-id"] = job["id"]
    else:
        headers["x-ms-request-id"] = f"{client} {format_datetime(world.now, usegmt=True)}"
    return Response(202, None, headers)


def presented(world: World, job: Document) -> Document:
    """The job as GET returns it now, with the current state of its tasks."""
    private = job[PRIVATE]
    properties = dict(job["properties"])
    flow = flow_of(job)
    if flow is not None:
        properties |= flow.presented(world, job)
    else:
        begins = datetime.fromisoformat(private["begins"])
        ends = datetime.fromisoformat(private["ends"])
        properties["tasks"] = _tasks(world, job, begins, ends)
    shown = {name: value for name, value in job.items() if name != PRIVATE}
    shown["properties"] = properties
    return shown


def listed(job: Document) -> Document:
    """The job as a list returns it: tasks, errors and details are in a GET only (recorded)."""
    less: Document = {"activityId": None, "tasks": [], "errors": [], "customDetails": None}
    shown = {name: value for name, value in job.items() if name != PRIVATE}
    shown["properties"] = job["properties"] | less
    return shown


def status(world: World, job: Document) -> Document:
    """The body of `replicationOperationStatus` for the job."""
    properties, private = job["properties"], job[PRIVATE]
    state = properties["state"]
    words = {"Succeeded": "Succeeded", "Failed": "Failed", "Cancelled": "Canceled"}
    word = words.get(state, "InProgress")
    waits = timedelta(seconds=jobs.scenario_of(job).waits)
    if word == "InProgress" and world.now - datetime.fromisoformat(private["begins"]) < waits:
        word = "NotStarted"
    return {
        "error": _status_error(job),
        "id": None,
        "name": job["name"],
        "properties": None,
        "status": word,
        "startTime": None if word == "NotStarted" else properties["startTime"],
        "endTime": coarse(datetime.fromisoformat(private["ends"]))
        if "endTime" in properties
        else None,
        "percentComplete": None,
    }


def _status_error(job: Document) -> Document | None:
    note = job[PRIVATE]["note"] or job[PRIVATE]["payload"].get("note")
    if note:
        return {"code": note["code"], "message": note["message"], "details": None}
    for error in job["properties"]["errors"]:
        details = error["serviceErrorDetails"]
        return {"code": details["code"], "message": details["message"], "details": None}
    return None


def _tasks(world: World, job: Document, begins: datetime, ends: datetime) -> list[Document]:
    scenario = jobs.scenario_of(job)
    arguments = job[PRIVATE]["payload"].get("arguments", {})
    skipped = [bool(task.asked) and not arguments.get(task.asked) for task in scenario.tasks]
    span = (ends - begins).total_seconds()
    # For about one poll before a job is done all its tasks are, or a task lags behind its job.
    lead = min(scenario.lead, span / 4) if scenario.lead > 0 else scenario.lead
    whole = sum(t.seconds for t, skip in zip(scenario.tasks, skipped, strict=True) if not skip)
    second = (span - lead) / whole
    moments = []
    start = begins
    for task, skip in zip(scenario.tasks, skipped, strict=True):
        end = start + timedelta(seconds=0 if skip else task.seconds * second)
        moments.append((start, end))
        start = end
    return [
        _task(world, job, position, ends, moments)
        if not skip
        else _skipped(world, job, position, moments[position][0])
        for position, skip in enumerate(skipped)
    ]


def _task(
    world: World,
    job: Document,
    position: int,
    ends: datetime,
    moments: list[tuple[datetime, datetime]],
) -> Document:
    """The current state of a task, by its own times unless its job failed or was cancelled."""
    task = jobs.scenario_of(job).tasks[position]
    state, failed = job["properties"]["state"], job[PRIVATE]["failedTask"]
    start, end = moments[position]
    if failed is not None and position == failed:
        return _as(world, job, position, "Failed", start, ends)
    if failed is not None and position > failed:
        return _skipped(world, job, position, ends + _SKIPPED_AFTER)
    if state == "Cancelled" and end > ends:
        return _as(world, job, position, "Cancelled", min(start, ends), ends)
    if start > world.now or (task.waits and jobs.running(job)):
        return _as(world, job, position, "NotStarted", None, None)
    if end > world.now:
        return _as(world, job, position, "InProgress", start, None)
    early = start - timedelta(seconds=0.2) if task.ends_early else end
    if task.corrected and moments[position + 1][1] <= world.now:
        early = end
    if task.restarts:
        start = max(start, end - timedelta(seconds=0.1))
    return _as(world, job, position, "Succeeded", start, early)


def _skipped(world: World, job: Document, position: int, since: datetime) -> Document:
    """A task that is not done; that it is skipped shows after a moment only (recorded)."""
    state = "Skipped" if world.now >= since else "NotStarted"
    return _as(world, job, position, state, None, None)


def _as(
    world: World,
    job: Document,
    position: int,
    state: str,
    start: datetime | None,
    end: datetime | None,
) -> Document:
    task = jobs.scenario_of(job).tasks[position]
    identifier = jobs.task_id(world, job, position)
    return {
        "taskId": identifier,
        "name": task.name or task.id,
        "startTime": UNSET if start is None else stamp(start),
        "endTime": UNSET if end is None else stamp(end),
        "allowedActions": [],
        "friendlyName": task.friendly,
        "state": "Other" if state == "Skipped" else state,
        "stateDescription": "Completed" if state == "Succeeded" else state,
        "taskType": "TaskDetails",
        "customDetails": {"instanceType": "TaskDetails"},
        "groupTaskCustomDetails": None,
        "errors": [e for e in job["properties"]["errors"] if e["taskId"] == identifier],
    }
