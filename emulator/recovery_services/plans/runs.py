"""The run of a recovery plan: stage by stage, with one job for each machine.

The order is the documentation's ("About recovery plans"): machines of one group fail over
together, those of a later group only after all of the group before have failed over and started.
What the documentation leaves open is decided here and [inferred]:

- A machine that fails ends the plan after the other machines of its group are done; later groups
  do not start and their machines are as before. The plan can be run again: what is failed over
  already is skipped, as documented of machines that another plan failed over.
- A script or runbook that fails does not stop an unplanned failover (documented of scripts); the
  job then ends as `PartiallySucceeded`. It stops a test failover, as a planned one.
- A cancelled plan starts nothing more; what its machines are doing is done to the end.
- While a plan runs all its machines are held: nothing else can be started on them.
"""

from __future__ import annotations

from datetime import timedelta

from emulator import faults
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World
from emulator.recovery_services.items import items
from emulator.recovery_services.jobs import flows, jobs, outcomes
from emulator.recovery_services.jobs.scenarios import (
    COMMIT,
    FAILOVER,
    TEST_FAILOVER,
    TEST_FAILOVER_CLEANUP,
)
from emulator.recovery_services.plans import actions as plan_actions
from emulator.recovery_services.plans import stages as plan_stages
from emulator.recovery_services.plans import state as plan_state
from emulator.recovery_services.plans.stages import ENDED
from emulator.recovery_services.replication import recovery_points as points
from emulator.recovery_services.wire.paths import JOBS, PROTECTED_ITEMS, RECOVERY_PLANS, put

FLOW = "recovery-plan"
_EVENT = "site-recovery-plan"
_CHECK = timedelta(seconds=15)

_SCENARIOS = {
    "TestFailover": TEST_FAILOVER,
    "TestFailoverCleanup": TEST_FAILOVER_CLEANUP,
    "UnplannedFailover": FAILOVER,
    "Commit": COMMIT,
}
_OF_MACHINES = {
    "TestFailover": "ReplicationProtectedItems_TestFailover",
    "TestFailoverCleanup": "ReplicationProtectedItems_TestFailoverCleanup",
    "UnplannedFailover": "ReplicationProtectedItems_UnplannedFailover",
    "Commit": "ReplicationProtectedItems_FailoverCommit",
}
_POINT_KINDS = {
    "LatestCrashConsistent": points.CRASH_CONSISTENT,
    "LatestApplicationConsistent": points.APP_CONSISTENT,
}


def register(world: World) -> None:
    """Register the event handler that ends the stages of plans."""
    flows.run_by(FLOW, PlanFlow())
    world.on(_EVENT, _on_time)


def start(
    world: World, plan: Document, operation: str, operation_id: str, arguments: Document
) -> Document:
    """Start an operation of a plan whose machines were checked, and return the plan's job."""
    fault = faults.take(world, operation=operation_id, match=[plan["id"]]) or {}
    stages, groups = plan_stages.of(world, plan, operation)
    job = jobs.begin_open(
        world,
        _SCENARIOS[operation],
        jobs.Target(
            plan["id"],
            world.guid("plan", plan["id"]),
            plan["name"],
            instance_type="RecoveryPlan",
        ),
        operation=operation_id,
        flow=FLOW,
        payload={
            "plan": plan["id"],
            "operation": operation,
            "arguments": arguments,
            "groups": groups,
            "stages": stages,
            "at": 0,
        },
    )
    job[PRIVATE]["fault"] = fault.get("job")
    job[PRIVATE]["delay"] = float(fault.get("delaySeconds", 0))
    for item in plan_state.machines(world, plan):
        item[PRIVATE]["plan"] = job["id"]
        put(world, PROTECTED_ITEMS, item)
    plan[PRIVATE]["job"] = job["id"]
    put(world, RECOVERY_PLANS, plan)
    _advance(world, job)
    return job


class PlanFlow:
    """The flow of recovery plans' jobs."""

    def presented(self, world: World, job: Document) -> Document:
        """The job's properties with its task tree and the details of its machines."""
        return plan_stages.presented(world, job)

    def child_ended(self, world: World, job: Document) -> None:
        """Continue with the next stage after the last machine of this stage has ended."""
        stage = _current(job)
        if stage["kind"] == "machines" and not _working(world, stage):
            _end_machines(world, job, stage)
        _advance(world, job)

    def cancelled(self, world: World, job: Document) -> None:
        """End the job, or leave that to the last machine that is still running."""
        if not _working(world, _current(job)):
            _close(world, job, "Cancelled", "Cancelled")

    def resumed(self, world: World, job: Document, comments: str | None) -> None:
        """Continue after a manual action."""
        stage = _current(job)
        stage["observation"] = comments
        _end(world, stage, "Succeeded")
        job["properties"] |= _words("InProgress", "InProgress", ["Cancel"])
        _advance(world, job)


def _on_time(world: World, payload: Document) -> None:
    job = world.store.get(JOBS.kind, payload["job"])
    if job is None or not jobs.running(job) or job[PRIVATE]["payload"]["at"] != payload["stage"]:
        return
    stage = _current(job)
    fault = job[PRIVATE]["fault"] if stage["kind"] == "check" else stage.get("fault")
    if fault is None:
        _end(world, stage, "Succeeded")
    else:
        failure = outcomes.failure_of(fault)
        stage["errors"] = [outcomes.error_of(world, job, failure, stage["id"])]
        _end(world, stage, "Failed")
    _advance(world, job)


def _advance(world: World, job: Document) -> None:
    run = job[PRIVATE]["payload"]
    while True:
        if job["properties"]["state"] == "Cancelling":
            if not _working(world, _current(job)):
                _close(world, job, "Cancelled", "Cancelled")
            else:
                jobs.save(world, job)
            return
        stage = _current(job)
        if stage["state"] == "NotStarted":
            _begin(world, job, stage)
        if stage["state"] not in ENDED:
            jobs.save(world, job)
            return
        if stage["state"] == "Failed" and not _goes_on(run, stage):
            _close(world, job, "Failed", "Failed")
            return
        if run["at"] == len(run["stages"]) - 1:
            _finish(world, job)
            return
        run["at"] += 1


def _begin(world: World, job: Document, stage: Document) -> None:
    stage |= {"state": "InProgress", "start": world.now.isoformat()}
    run = job[PRIVATE]["payload"]
    if stage["kind"] == "check":
        delay = timedelta(seconds=job[PRIVATE]["delay"])
        world.schedule(_CHECK + delay, _EVENT, {"job": job["id"], "stage": run["at"]})
    elif stage["kind"] == "group":
        _end(world, stage, "Succeeded")
    elif stage["kind"] == "machines":
        _begin_machines(world, job, stage)
    elif plan_actions.is_manual(stage["action"]):
        stage["state"] = "Suspended"
        job["properties"] |= _words("Suspended", plan_stages.WAITING, ["Cancel", "Resume"])
    else:
        takes, stage["fault"] = plan_actions.begin(world, stage["action"], run["plan"])
        world.schedule(takes, _EVENT, {"job": job["id"], "stage": run["at"]})


def _begin_machines(world: World, job: Document, stage: Document) -> None:
    run = job[PRIVATE]["payload"]
    operation = run["operation"]
    for machine in stage["machines"]:
        item = world.store.get(PROTECTED_ITEMS.kind, machine["item"])
        if machine["skipped"] is not None:
            continue
        if item is None:
            machine["skipped"] = plan_stages.GONE
            continue
        try:
            arguments = _arguments(world, item, run)
            begun = items.begin(
                world, item, operation, _OF_MACHINES[operation], arguments, job["id"]
            )
        except ArmError as refusal:
            failure = outcomes.JobError(refusal.code, refusal.message)
            machine["errors"] = [outcomes.error_of(world, job, failure, machine["id"])]
            continue
        machine["job"] = begun["id"]
    if not _working(world, stage):
        _end_machines(world, job, stage)


def _arguments(world: World, item: Document, run: Document) -> Document:
    given = dict(run["arguments"])
    if "network" in given:
        given["network"] = given["network"] or item[PRIVATE]["target"]["testNetworkId"]
    if "pointType" in given:
        given["point"] = _point(world, item, given.pop("pointType"))
    return given


def _point(world: World, item: Document, kind: str) -> str | None:
    """The recovery point of a kind, or None for the latest data.

    Raises:
        ArmError: the machine has no point of that kind.
    """
    if kind == "Latest":
        return None
    wanted = _POINT_KINDS.get(kind)
    for point in points.points(world, item):
        if wanted in (None, point.kind):
            return point.name
    raise ArmError(
        400,
        "RecoveryPointNotFound",
        f"The replicated item '{item['name']}' has no recovery point of the type '{kind}'.",
    )


def _working(world: World, stage: Document) -> bool:
    found = (
        world.store.get(JOBS.kind, machine["job"])
        for machine in stage.get("machines", ())
        if machine["job"] is not None
    )
    return any(job is not None and jobs.running(job) for job in found)


def _end_machines(world: World, job: Document, stage: Document) -> None:
    for machine in stage["machines"]:
        part = world.store.get(JOBS.kind, machine["job"] or "")
        if part is None or part["properties"]["state"] == "Succeeded":
            continue
        told = part["properties"]["errors"]
        machine["errors"] = [{**error, "taskId": machine["id"]} for error in told]
        if not told:
            ended = outcomes.JobError(
                "28002",
                f"The job of the machine '{machine['name']}' ended: {part['properties']['state']}.",
            )
            machine["errors"] = [outcomes.error_of(world, job, ended, machine["id"])]
    failed = any(machine["errors"] for machine in stage["machines"])
    _end(world, stage, "Failed" if failed else "Succeeded")


def _goes_on(run: Document, stage: Document) -> bool:
    return (stage["kind"], run["operation"]) == ("action", "UnplannedFailover")


def _finish(world: World, job: Document) -> None:
    run = job[PRIVATE]["payload"]
    plan = world.store.get(RECOVERY_PLANS.kind, run["plan"])
    last = {"TestFailover": "lastTest", "UnplannedFailover": "lastFailover"}.get(run["operation"])
    if plan is not None and last is not None:
        plan[PRIVATE][last] = job["properties"]["startTime"]
        put(world, RECOVERY_PLANS, plan)
    notes = [
        part[PRIVATE]["note"]
        for part in plan_stages.parts(world, job)
        if part[PRIVATE]["note"] is not None
    ]
    description = "CompletedWithInformation" if notes else "Completed"
    if any(stage["state"] == "Failed" for stage in run["stages"]):
        description = "PartiallySucceeded"
    _close(world, job, "Succeeded", description, note=notes[0] if notes else None)


def _close(
    world: World, job: Document, state: str, description: str, note: Document | None = None
) -> None:
    run = job[PRIVATE]["payload"]
    for stage in run["stages"]:
        if stage["state"] in ("InProgress", "Suspended"):
            _end(world, stage, "Cancelled")
    for stage in run["stages"]:
        for machine in stage.get("machines", ()):
            _release(world, machine["item"], job)
    errors = plan_stages.errors(run)
    jobs.close(world, job, state, description, errors=errors, note=note)


def _release(world: World, identifier: str, job: Document) -> None:
    item = world.store.get(PROTECTED_ITEMS.kind, identifier)
    if item is not None and item[PRIVATE].get("plan") == job["id"]:
        item[PRIVATE]["plan"] = None
        put(world, PROTECTED_ITEMS, item)


def _current(job: Document) -> Document:
    run = job[PRIVATE]["payload"]
    stage: Document = run["stages"][run["at"]]
    return stage


def _end(world: World, stage: Document, state: str) -> None:
    stage |= {"state": state, "end": world.now.isoformat()}


def _words(state: str, description: str, actions: list[str]) -> Document:
    return {"state": state, "stateDescription": description, "allowedActions": actions}
