"""Jobs of a vault: begun by an accepted request, finished by an event, polled meanwhile.

A job is one document. What a reader sees of a running job (tasks, states) is computed from the
present time; what a job changes happens once, in the event at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Protocol, TypeAlias

from emulator import faults
from emulator.kernel.long_running import retry_after
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.jobs.scenarios import SCENARIOS, Scenario, Task
from emulator.recovery_services.wire import polling
from emulator.recovery_services.wire.paths import JOBS, put, service_id, vault_of
from emulator.recovery_services.wire.times import UNSET, coarse, stamp

_EVENT = "site-recovery-job"
_CLIENT = "x-ms-client-request-id"
_CORRELATION = "x-ms-correlation-request-id"

RUNNING = ("NotStarted", "InProgress", "Cancelling", "Suspended")


@dataclass(eq=False)
class JobError(Exception):
    """Why a job fails, as the service tells it.

    Attributes:
        code: the service's error code.
        message: what went wrong.
        causes: possible causes.
        action: the recommended action.
        provider: what the provider below said, where it said something.
        task: the index of the task that failed; the last one by default.
    """

    code: str
    message: str
    causes: str = ""
    action: str = ""
    provider: ProviderError | None = None
    task: int = -1


@dataclass(frozen=True)
class ProviderError:
    """The provider's part of a failure; `code` is a number on the wire."""

    code: int
    message: str
    causes: str
    action: str


@dataclass(frozen=True)
class Note:
    """What a job says although it succeeded (the operation's `error` is not null then)."""

    code: str
    message: str


@dataclass(frozen=True)
class Target:
    """What a job is about.

    Attributes:
        resource: the id under which `Location` lies, and which the operation results in.
        object_id: `targetObjectId`.
        name: `targetObjectName`; also what a fault's match and the audit call the machine.
        machine: the machine's name where it is one machine's job.
        polled_at: where `Location` lies instead, where that is not under the resource.
        instance_type: `targetInstanceType`, where it is not the scenario's usual one.
    """

    resource: str
    object_id: str
    name: str
    machine: str | None = None
    polled_at: str | None = None
    instance_type: str | None = None


class Flow(Protocol):
    """What runs jobs that have no set end, such as those of recovery plans."""

    def presented(self, world: World, job: Document) -> Document:
        """What the job's properties say at this moment instead of what is stored."""

    def child_ended(self, world: World, job: Document) -> None:
        """A job that was begun for this one ended, one way or another."""

    def cancelled(self, world: World, job: Document) -> None:
        """The time that a cancellation takes has passed."""

    def resumed(self, world: World, job: Document, comments: str | None) -> None:
        """A person lets the job go on."""


Outcome: TypeAlias = Callable[[World, Document], "Note | None"]
Reversal: TypeAlias = Callable[[World, Document, JobError | None], None]


@dataclass
class _Registry:
    """What the services that own scenarios said they do."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    reversals: dict[str, Reversal] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)


_registry = _Registry()


def when_done(*scenarios: Scenario) -> Callable[[Outcome], Outcome]:
    """Decorate what a scenario changes: `outcome(world, job)`, at the job's end.

    It may return a note, or raise JobError: then nothing that it changed remains.
    """

    def register_outcome(outcome: Outcome) -> Outcome:
        for scenario in scenarios:
            _registry.outcomes[scenario.name] = outcome
        return outcome

    return register_outcome


def when_undone(*scenarios: Scenario) -> Callable[[Reversal], Reversal]:
    """Decorate what happens when a scenario fails, or is cancelled (then without a failure)."""

    def register_reversal(reversal: Reversal) -> Reversal:
        for scenario in scenarios:
            _registry.reversals[scenario.name] = reversal
        return reversal

    return register_reversal


def run_by(name: str, flow: Flow) -> None:
    """Say what runs the open-ended jobs of a flow's name."""
    _registry.flows[name] = flow


def flow_of(job: Document) -> Flow | None:
    """What runs a job that has no set end, or None."""
    return _registry.flows.get(job[PRIVATE].get("flow", ""))


def begin(
    world: World,
    scenario: Scenario,
    target: Target,
    *,
    operation: str,
    payload: Document | None = None,
    parent: str | None = None,
) -> Document:
    """Start a job; it ends by itself, after a time that depends on the scenario and the seed.

    Args:
        world: the world; a transaction must be open.
        scenario: what the job does.
        target: what it is about.
        operation: the operation id of the request that was accepted, for audit and faults.
        payload: what the scenario's outcome needs; kept with the job.
        parent: the id of the open-ended job that this one is a part of.

    Returns:
        The job's document.
    """
    name = world.guid()
    match = [target.resource, target.name]
    fault = faults.take(world, operation=scenario.name, match=match)
    if fault is None:
        fault = faults.take(world, operation=operation, match=match)
    fault = fault or {}
    spread = world.random("duration", name).uniform(-scenario.jitter, scenario.jitter)
    seconds = scenario.seconds * (1 + spread) + float(fault.get("delaySeconds", 0))
    ends = world.now + timedelta(seconds=seconds)
    job = _document(world, scenario, target, name, operation, payload)
    job[PRIVATE] |= {"ends": ends.isoformat(), "fault": fault.get("job"), "parent": parent}
    put(world, JOBS, job)
    world.schedule(timedelta(seconds=seconds), _EVENT, {"job": job["id"]})
    _audit(world, job)
    return job


def begin_open(
    world: World,
    scenario: Scenario,
    target: Target,
    *,
    operation: str,
    flow: str,
    payload: Document,
) -> Document:
    """Start a job that ends when its flow closes it; arguments as of `begin`."""
    job = _document(world, scenario, target, world.guid(), operation, payload)
    job[PRIVATE]["flow"] = flow
    put(world, JOBS, job)
    _audit(world, job)
    return job


def _document(
    world: World,
    scenario: Scenario,
    target: Target,
    name: str,
    operation: str,
    payload: Document | None,
) -> Document:
    vault = service_id(vault_of(target.resource))
    return {
        "id": f"{vault}/replicationJobs/{name}",
        "name": name,
        "type": JOBS.type,
        "properties": {
            "activityId": _activity(world.guid("activity", name), world.guid("act", name)),
            "scenarioName": scenario.name,
            "friendlyName": scenario.friendly,
            "state": "InProgress",
            "stateDescription": "InProgress",
            "tasks": [],
            "errors": [],
            "startTime": stamp(world.now),
            "endTime": None,
            "allowedActions": ["Cancel"] if scenario.cancellable else [],
            "targetObjectId": target.object_id,
            "targetObjectName": target.name,
            "targetInstanceType": target.instance_type or scenario.target,
            "customDetails": {"instanceType": scenario.details, "affectedObjectDetails": {}},
        },
        PRIVATE: {
            "resource": target.resource,
            "polledAt": target.polled_at or target.resource,
            "machine": target.machine,
            "operation": operation,
            "payload": payload or {},
            "begins": world.now.isoformat(),
            "ends": None,
            "fault": None,
            "note": None,
            "failedTask": None,
        },
    }


def _activity(client: str, correlation: str) -> str:
    return f"{client} ActivityId: {correlation}"


def _audit(world: World, job: Document) -> None:
    private = job[PRIVATE]
    if private["operation"].startswith("_"):  # The service's own steps are nobody's change.
        return
    facts = {"machine": private["machine"]} if private["machine"] else {}
    if private.get("parent"):
        facts["parent"] = private["parent"].rsplit("/", 1)[-1]
    world.audit(private["operation"], resource=private["resource"], job=job["name"], **facts)


def accepted(world: World, request: Request, job: Document) -> Response:
    """The 202 with an empty body that the service answers: where to poll, and when.

    The job notes which request began it. Its `activityId` is
    `<x-ms-client-request-id> ActivityId: <x-ms-correlation-request-id>` of that request
    (recorded). An id that the caller did not send is made up here.
    """
    client = request.headers.get(_CLIENT) or world.guid("activity", job["name"])
    correlation = request.headers.get(_CORRELATION) or world.guid("act", job["name"])
    job["properties"]["activityId"] = _activity(client, correlation)
    put(world, JOBS, job)
    headers = {
        "Location": polling.signed_url(
            world, request, f"{job[PRIVATE]['polledAt']}/operationresults/{job['name']}"
        ),
        "Azure-AsyncOperation": polling.signed_url(
            world, request, f"{vault_of(job['id'])}/replicationOperationStatus/{job['name']}"
        ),
        _CLIENT: client,
        _CORRELATION: correlation,
        **retry_after(world),
    }
    if scenario_of(job).workflow:
        headers["x-ms-request-id"] = job["id"]
    else:
        headers["x-ms-request-id"] = f"{client} {format_datetime(world.now, usegmt=True)}"
    return Response(202, None, headers)


def scenario_of(job: Document) -> Scenario:
    """The scenario of a job."""
    return SCENARIOS[job["properties"]["scenarioName"]]


def running(job: Document) -> bool:
    """Whether the job is still on its way."""
    return job["properties"]["state"] in RUNNING


def find(world: World, vault: str, name: str) -> Document | None:
    """The job of that name in a vault, or None."""
    return world.store.get(JOBS.kind, f"{vault}/replicationJobs/{name}")


def busy_with(world: World, item: Document) -> Document | None:
    """The job that works on an item, or that of the recovery plan that holds it, or None."""
    private = item[PRIVATE]
    own = find(world, vault_of(item["id"]), private["job"]) if private["job"] else None
    if own is not None or not private.get("plan"):
        return own
    return world.store.get(JOBS.kind, private["plan"])


def save(world: World, job: Document) -> None:
    """Keep what an outcome wrote into its job."""
    put(world, JOBS, job)


def cancel(world: World, job: Document, ends: timedelta) -> None:
    """Begin to cancel a running job; it is `Cancelled` after `ends`."""
    job["properties"] |= {
        "state": "Cancelling",
        "stateDescription": "Cancelling",
        "allowedActions": [],
    }
    put(world, JOBS, job)
    world.schedule(ends, _EVENT, {"job": job["id"]})


def abandon(world: World, job: Document) -> None:
    """End a running job at once because what it worked on is purged."""
    _close(world, job, "Cancelled", "Cancelled")
    _tell_parent(world, job)


def close(
    world: World,
    job: Document,
    state: str,
    description: str,
    *,
    errors: list[Document] | None = None,
    note: Document | None = None,
) -> None:
    """End an open-ended job.

    Args:
        world: the world.
        job: the job.
        state: its last state.
        description: `stateDescription`.
        errors: entries of `errors`, as `error_of` makes them.
        note: a code and a message for what went otherwise than asked, though it went well.
    """
    job["properties"]["errors"] = errors or []
    job[PRIVATE]["note"] = note
    _close(world, job, state, description)


def register(world: World) -> None:
    """Let jobs end."""
    world.on(_EVENT, _end)


def _end(world: World, payload: Document) -> None:
    job = world.store.get(JOBS.kind, payload["job"])
    if job is None or not running(job):
        return
    flow = flow_of(job)
    if flow is not None:
        flow.cancelled(world, job)
        return
    _conclude(world, job)
    _tell_parent(world, job)


def _tell_parent(world: World, job: Document) -> None:
    parent = world.store.get(JOBS.kind, job[PRIVATE].get("parent") or "")
    flow = flow_of(parent) if parent is not None else None
    if parent is not None and flow is not None and running(parent):
        flow.child_ended(world, parent)


def _conclude(world: World, job: Document) -> None:
    name = job["properties"]["scenarioName"]
    reverse = _registry.reversals.get(name)
    if job["properties"]["state"] == "Cancelling":
        _close(world, job, "Cancelled", "Cancelled")
        if reverse is not None:
            reverse(world, job, None)
        return
    try:
        with world.store.savepoint():
            fault = job[PRIVATE]["fault"]
            if fault:
                raise failure_of(fault)
            note = _registry.outcomes[name](world, job) if name in _registry.outcomes else None
    except JobError as failure:
        _fail(world, job, failure)
        if reverse is not None:
            reverse(world, job, failure)
        return
    job = world.store.get(JOBS.kind, job["id"]) or job
    job[PRIVATE]["note"] = {"code": note.code, "message": note.message} if note else None
    _close(world, job, "Succeeded", "Completed" if note is None else "CompletedWithInformation")


def failure_of(fault: Document) -> JobError:
    """The failure that a fault's `job` asks for."""
    code = str(fault.get("errorCode", ""))
    message = str(fault.get("errorMessage", "The operation failed."))
    causes = str(fault.get("possibleCauses", ""))
    action = str(fault.get("recommendedAction", ""))
    provider = ProviderError(int(code), message, causes, action) if code.isdigit() else None
    return JobError(code, message, causes, action, provider)


def _fail(world: World, job: Document, failure: JobError) -> None:
    scenario = scenario_of(job)
    position = range(len(scenario.tasks))[failure.task]
    job["properties"]["errors"] = [error_of(world, job, failure, scenario.tasks[position].name)]
    job[PRIVATE]["failedTask"] = position
    _close(world, job, "Failed", "Failed")


def error_of(world: World, job: Document, failure: JobError, task: str) -> Document:
    """One entry of a job's `errors`, told now, for the task of an id."""
    provider = failure.provider
    return {
        "serviceErrorDetails": {
            "code": failure.code,
            "message": failure.message,
            "possibleCauses": failure.causes,
            "recommendedAction": failure.action,
            "activityId": job["properties"]["activityId"],
        },
        "providerErrorDetails": None
        if provider is None
        else {
            "errorCode": provider.code,
            "errorMessage": provider.message,
            "errorId": f"Error{provider.code}",
            "possibleCauses": provider.causes,
            "recommendedAction": provider.action,
        },
        "errorLevel": "Error",
        "creationTime": stamp(world.now),
        "taskId": task,
    }


def _close(world: World, job: Document, state: str, description: str) -> None:
    job[PRIVATE]["ends"] = world.now.isoformat()
    job["properties"] |= {
        "state": state,
        "stateDescription": description,
        "endTime": coarse(world.now),
        "allowedActions": ["Restart"] if state == "Failed" and job[PRIVATE]["machine"] else [],
    }
    put(world, JOBS, job)


# -- what a reader sees -------------------------------------------------------------------------


def presented(world: World, job: Document) -> Document:
    """The job as it is answered now, its tasks computed for this moment."""
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
    """The job as a list has it: its tasks and details are in a get only (recorded)."""
    less: Document = {"activityId": None, "tasks": [], "customDetails": None}
    shown = {name: value for name, value in job.items() if name != PRIVATE}
    shown["properties"] = job["properties"] | less
    return shown


def status(world: World, job: Document) -> Document:
    """The body of `replicationOperationStatus` for the job."""
    properties, private = job["properties"], job[PRIVATE]
    state = properties["state"]
    words = {"Succeeded": "Succeeded", "Failed": "Failed", "Cancelled": "Canceled"}
    word = words.get(state, "InProgress")
    waits = timedelta(seconds=scenario_of(job).waits)
    if word == "InProgress" and world.now - datetime.fromisoformat(private["begins"]) < waits:
        word = "NotStarted"
    return {
        "error": _status_error(job),
        "id": None,
        "name": job["name"],
        "properties": None,
        "status": word,
        "startTime": properties["startTime"],
        "endTime": properties["endTime"],
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
    scenario, state = scenario_of(job), job["properties"]["state"]
    span = (ends - begins).total_seconds()
    # For about one poll before a job is done all its tasks are, or a task lags behind its job.
    lead = min(scenario.lead, span / 4) if scenario.lead > 0 else scenario.lead
    each = (span - lead) / len(scenario.tasks)
    failed = job[PRIVATE]["failedTask"]
    tasks = []
    for position, task in enumerate(scenario.tasks):
        start = begins + timedelta(seconds=each * position)
        end = begins + timedelta(seconds=each * (position + 1))
        if failed is not None and position == failed:
            tasks.append(_task(job, task, "Failed", start, ends))
        elif failed is not None and position > failed:
            tasks.append(_task(job, task, "NotStarted", None, None))
        elif state == "Cancelled" and end > ends:
            tasks.append(_task(job, task, "Cancelled", min(start, ends), ends))
        elif start > world.now:
            tasks.append(_task(job, task, "NotStarted", None, None))
        elif end > world.now:
            tasks.append(_task(job, task, "InProgress", start, None))
        else:
            early = start - timedelta(seconds=1) if task.backdated else end
            tasks.append(_task(job, task, "Succeeded", start, early))
    return tasks


def _task(
    job: Document, task: Task, state: str, start: datetime | None, end: datetime | None
) -> Document:
    errors = job["properties"]["errors"]
    return {
        "taskId": task.name,
        "name": task.name,
        "startTime": UNSET if start is None else stamp(start),
        "endTime": UNSET if end is None else stamp(end),
        "allowedActions": [],
        "friendlyName": task.friendly,
        "state": state,
        "stateDescription": "Completed" if state == "Succeeded" else state,
        "taskType": "TaskDetails",
        "customDetails": {"instanceType": "TaskDetails"},
        "groupTaskCustomDetails": None,
        "errors": [error for error in errors if error["taskId"] == task.name],
    }
