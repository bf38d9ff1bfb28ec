"""Jobs of a vault: begun by an accepted request, finished by an event, polled meanwhile.

A job is one document. What a reader sees of a running job (tasks, states) is computed from the
present time; what a job changes happens once, in the event at its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from emulator import faults
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World
from emulator.recovery_services.jobs import outcomes
from emulator.recovery_services.jobs.flows import flow_of
from emulator.recovery_services.jobs.outcomes import JobError
from emulator.recovery_services.jobs.scenario import Scenario
from emulator.recovery_services.jobs.scenarios import SCENARIOS
from emulator.recovery_services.wire.paths import JOBS, put, service_id, vault_of
from emulator.recovery_services.wire.times import seconds, stamp

_EVENT = "site-recovery-job"

RUNNING = ("NotStarted", "InProgress", "Cancelling", "Suspended")


@dataclass(frozen=True)
class Target:
    """The resource that a job works on, as the job names it.

    Attributes:
        resource: the resource id that is the result of the operation, and the base of `Location`.
        object_id: `targetObjectId`.
        name: `targetObjectName`; also what a fault's match and the audit call the machine.
        machine: the machine's name, if the job works on one machine.
        polled_at: the base of `Location`, if it is not the resource.
        instance_type: `targetInstanceType`, if it differs from the scenario's default.
        affected: `customDetails.affectedObjectDetails`: the names and ids around the target.
    """

    resource: str
    object_id: str
    name: str
    machine: str | None = None
    polled_at: str | None = None
    instance_type: str | None = None
    affected: Document = field(default_factory=dict)


def begin(
    world: World,
    scenario: Scenario,
    target: Target,
    *,
    operation: str,
    payload: Document | None = None,
    details: Document | None = None,
    parent: str | None = None,
) -> Document:
    """Start a job; it ends by itself, after a time that depends on the scenario and the seed.

    Args:
        world: the world; a transaction must be open.
        scenario: what the job does.
        target: the resource that it works on.
        operation: the operation id of the request that was accepted, for audit and faults.
        payload: what the scenario's outcome needs; kept with the job.
        details: what `customDetails` has from the beginning, besides what the target says.
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
    takes = timedelta(seconds=scenario.seconds * (1 + spread) + float(fault.get("delaySeconds", 0)))
    ends = world.now + takes
    job = _document(world, scenario, target, name, operation, payload, details)
    job[PRIVATE] |= {"ends": ends.isoformat(), "fault": fault.get("job"), "parent": parent}
    put(world, JOBS, job)
    world.schedule(takes, _EVENT, {"job": job["id"]})
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
    details: Document | None = None,
) -> Document:
    vault = service_id(vault_of(target.resource))
    return {
        "id": f"{vault}/replicationJobs/{name}",
        "name": name,
        "type": JOBS.type,
        "properties": {
            "activityId": activity(world.guid("activity", name), world.guid("act", name)),
            "scenarioName": scenario.name,
            "friendlyName": scenario.friendly,
            "state": "InProgress",
            "stateDescription": "InProgress",
            "tasks": [],
            "errors": [],
            "startTime": stamp(world.now),
            "allowedActions": ["Cancel"] if scenario.cancellable else [],
            "targetObjectId": target.object_id,
            "targetObjectName": target.name,
            "targetInstanceType": target.instance_type or scenario.target,
            "customDetails": {
                "instanceType": scenario.details,
                **(details or {}),
                "affectedObjectDetails": target.affected,
            },
        },
        PRIVATE: {
            "resource": target.resource,
            "polledAt": target.polled_at or target.resource,
            "machine": target.machine,
            "operation": operation,
            "variant": scenario.variant,
            "payload": payload or {},
            "begins": world.now.isoformat(),
            "ends": None,
            "fault": None,
            "note": None,
            "failedTask": None,
        },
    }


def activity(client: str, correlation: str) -> str:
    """`activityId`, from the ids of the request that began a job."""
    return f"{client} ActivityId: {correlation}"


def _audit(world: World, job: Document) -> None:
    private = job[PRIVATE]
    if private["operation"].startswith("_"):  # The service's own steps are nobody's change.
        return
    facts = {"machine": private["machine"]} if private["machine"] else {}
    if private.get("parent"):
        facts["parent"] = private["parent"].rsplit("/", 1)[-1]
    world.audit(private["operation"], resource=private["resource"], job=job["name"], **facts)


def scenario_of(job: Document) -> Scenario:
    """The scenario of a job."""
    return SCENARIOS[job["properties"]["scenarioName"], job[PRIVATE]["variant"]]


def task_id(world: World, job: Document, position: int) -> str:
    """`taskId` of a job's task; the service writes a GUID where the scenario has no name for it."""
    return scenario_of(job).tasks[position].id or world.guid("task", job["name"], position)


def running(job: Document) -> bool:
    """Whether the job has not ended yet."""
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
    """Store a job that its outcome has changed."""
    put(world, JOBS, job)


def cancel(world: World, job: Document, ends: timedelta) -> None:
    """Start the cancellation of a running job; it is `Cancelled` after the time `ends`."""
    job["properties"] |= {
        "state": "Cancelling",
        "stateDescription": "Cancelling",
        "allowedActions": [],
    }
    put(world, JOBS, job)
    world.schedule(ends, _EVENT, {"job": job["id"]})


def abandon(world: World, job: Document) -> None:
    """End a running job at once because its item was purged."""
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
        note: the code and message of a warning, if the job succeeded with information.
    """
    job["properties"]["errors"] = errors or []
    job[PRIVATE]["note"] = note
    _close(world, job, state, description)


def register(world: World) -> None:
    """Register the event handler that ends jobs."""
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
    reverse = outcomes.reversal_of(job)
    if job["properties"]["state"] == "Cancelling":
        _close(world, job, "Cancelled", "Cancelled")
        if reverse is not None:
            reverse(world, job, None)
        return
    try:
        with world.store.savepoint():
            fault = job[PRIVATE]["fault"]
            if fault:
                raise outcomes.failure_of(fault)
            work = outcomes.outcome_of(job)
            note = work(world, job) if work is not None else None
    except (JobError, ArmError) as refused:
        # What a request is refused for also fails its job, if it comes true in between.
        failure = (
            JobError(refused.code, refused.message) if isinstance(refused, ArmError) else refused
        )
        _fail(world, job, failure)
        if reverse is not None:
            reverse(world, job, failure)
        return
    job = world.store.get(JOBS.kind, job["id"]) or job
    job[PRIVATE]["note"] = {"code": note.code, "message": note.message} if note else None
    _close(world, job, "Succeeded", "Completed" if note is None else "CompletedWithInformation")


def _fail(world: World, job: Document, failure: JobError) -> None:
    scenario = scenario_of(job)
    task = scenario.fails_at if failure.task is None else failure.task
    position = range(len(scenario.tasks))[task]
    failed = task_id(world, job, position)
    job["properties"]["errors"] = [outcomes.error_of(world, job, failure, failed)]
    job[PRIVATE]["failedTask"] = position
    _close(world, job, "Failed", "Failed")


def _close(world: World, job: Document, state: str, description: str) -> None:
    job[PRIVATE]["ends"] = world.now.isoformat()
    job["properties"] |= {
        "state": state,
        "stateDescription": description,
        "endTime": seconds(world.now),
        "allowedActions": ["Restart"] if _restartable(job, state) else [],
    }
    put(world, JOBS, job)


def _restartable(job: Document, state: str) -> bool:
    return state == "Failed" and bool(job[PRIVATE]["machine"]) and scenario_of(job).restartable
