"""The stages of a recovery plan's run, and the task tree that shows them.

A run is a list of stages that follow one another: a check, then for each group its beginning, its
start actions one by one, its machines at once, its end actions one by one. Clean-up and commit
have no groups: all machines are one stage [inferred]. Of the tree the contract gives the classes;
names and texts of tasks are the portal's as far as documented, else [inferred].
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.jobs import jobs
from emulator.recovery_services.plans import state as plan_state
from emulator.recovery_services.wire.paths import JOBS, PROTECTED_ITEMS, name_of
from emulator.recovery_services.wire.times import UNSET, stamp

ENDED = ("Succeeded", "Failed", "Cancelled")

WAITING = "WaitingForManualAction"
"""`stateDescription` of a plan's job that waits for a person; the word is [inferred] after
`WaitingForStopTestFailover` of the published examples."""

DONE = ("AlreadyDone", "The machine is already where the operation would bring it.")
GONE = ("NotFound", "The machine was removed from the vault.")

_WITH_GROUPS = ("TestFailover", "UnplannedFailover")


def of(world: World, plan: Document, operation: str) -> tuple[list[Document], list[Document]]:
    """The stages of an operation on a plan, and its groups as `{"name", "title", "type"}`."""
    stages: list[Document] = [_stage("check", None)]
    if operation not in _WITH_GROUPS:
        machines = [_machine(item, operation) for item in plan_state.machines(world, plan)]
        stages.append(_stage("machines", None, machines=machines))
        return _numbered(stages), []
    groups: list[Document] = []
    for group in plan["properties"]["groups"]:
        if group["groupType"] == "Shutdown" and operation == "TestFailover":
            continue  # A test leaves the source running (documented).
        position = len(groups)
        groups.append(_title(group["groupType"], groups))
        stages.append(_stage("group", position))
        stages += _actions(group["startGroupActions"], position, operation)
        members = (
            world.store.get(PROTECTED_ITEMS.kind, member["id"])
            for member in group["replicationProtectedItems"]
        )
        machines = [_machine(item, operation) for item in members if item is not None]
        if machines:
            stages.append(_stage("machines", position, machines=machines))
        stages += _actions(group["endGroupActions"], position, operation)
    return _numbered(stages), groups


def parts(world: World, job: Document) -> Iterator[Document]:
    """The jobs of the machines that a plan's job began, in order."""
    for stage in job[PRIVATE]["payload"]["stages"]:
        for machine in stage.get("machines", ()):
            part = world.store.get(JOBS.kind, machine["job"] or "")
            if part is not None:
                yield part


def errors(run: Document) -> list[Document]:
    """All errors of a run."""
    return [
        error
        for stage in run["stages"]
        for source in (stage, *stage.get("machines", ()))
        for error in source["errors"]
    ]


def presented(world: World, job: Document) -> Document:
    """The current tasks and details of a plan's job."""
    run = job[PRIVATE]["payload"]
    details = dict(job["properties"]["customDetails"])
    if run["operation"] in _WITH_GROUPS:
        details["protectedItemDetails"] = [
            told
            for part in parts(world, job)
            for told in part["properties"]["customDetails"].get("protectedItemDetails", ())
        ]
    if run["operation"] == "TestFailover":
        network = name_of(run["arguments"]["network"] or "")
        details |= {
            "testFailoverStatus": "Active",
            "comments": None,
            "networkName": network,
            "networkFriendlyName": network,
            "networkType": run["arguments"]["networkType"],
        }
    return {"tasks": _tasks(world, job), "customDetails": details}


# -- stages ---------------------------------------------------------------------------------------


def _stage(kind: str, group: int | None, **more: Any) -> Document:
    kept = {"kind": kind, "group": group, "state": "NotStarted", "start": None, "end": None}
    return {**kept, "errors": [], **more}


def _actions(actions: list[Document], group: int, operation: str) -> list[Document]:
    return [
        _stage("action", group, action=action, observation=None)
        for action in actions
        if operation in action["failoverTypes"]
        and "PrimaryToRecovery" in action["failoverDirections"]
    ]


def _machine(item: Document, operation: str) -> Document:
    return {
        "item": item["id"],
        "name": item[PRIVATE]["machine"]["name"],
        "vmId": item[PRIVATE]["vmId"],
        "job": None,
        "skipped": None if operation in plan_state.allowed_to(item) else DONE,
        "errors": [],
    }


def _title(kind: str, before: list[Document]) -> Document:
    if kind == "Boot":
        number = 1 + sum(group["type"] == "Boot" for group in before)
        return {"name": f"Group {number}", "title": f"Group {number}: Start", "type": kind}
    return {"name": kind, "title": f"All groups {kind.lower()}", "type": kind}


def _numbered(stages: list[Document]) -> list[Document]:
    for position, stage in enumerate(stages):
        stage["id"] = f"RecoveryPlanTask{position}"
        for number, machine in enumerate(stage.get("machines", ())):
            machine["id"] = f"RecoveryPlanTask{position}.{number}"
    return stages


# -- tasks ----------------------------------------------------------------------------------------


def _tasks(world: World, job: Document) -> list[Document]:
    run = job[PRIVATE]["payload"]
    scenario = jobs.scenario_of(job)
    check = scenario.tasks[0]
    tasks = [_task(run["stages"][0], check.id, check.friendly)]
    if not run["groups"]:
        stage = run["stages"][1]
        children = [_machine_task(world, job, stage, machine) for machine in stage["machines"]]
        workflows = [machine["job"] for machine in stage["machines"] if machine["job"]]
        details = {"instanceType": "InlineWorkflowTaskDetails", "workflowIds": workflows}
        task = _task(stage, f"{scenario.name}Task", scenario.friendly)
        return [*tasks, _parent(task, {**details, "childTasks": children})]
    for position, group in enumerate(run["groups"]):
        stages = [stage for stage in run["stages"] if stage["group"] == position]
        tasks.append(_group_task(world, job, group, position, stages))
    return tasks


def _group_task(
    world: World, job: Document, group: Document, position: int, stages: list[Document]
) -> Document:
    children: list[Document] = []
    for stage in stages:
        if stage["kind"] == "action":
            children.append(_action_task(stage))
        members = stage.get("machines", ())
        children += [_machine_task(world, job, stage, machine) for machine in members]
    shutdown = group["type"] == "Shutdown"
    details = {
        "instanceType": f"RecoveryPlan{'Shutdown' if shutdown else ''}GroupTaskDetails",
        "childTasks": children,
        "name": group["name"],
        "groupId": str(position),
        "rpGroupType": group["type"],
    }
    whole = {"id": f"RecoveryPlanGroupTask{position}", "errors": [], **_whole(stages)}
    return _parent(_task(whole, whole["id"], group["title"]), details)


def _whole(stages: list[Document]) -> Document:
    """State and times of a group, from those of its stages."""
    states = [stage["state"] for stage in stages]
    ended = all(state in ENDED for state in states)
    waiting = next((state for state in ("Suspended", "Cancelled") if state in states), None)
    state = waiting or ("NotStarted" if states[0] == "NotStarted" else "InProgress")
    if "Failed" in states and (ended or "InProgress" not in states):
        state = "Failed"
    elif ended and waiting is None:
        state = "Succeeded"
    over = state in ENDED
    ends = [stage["end"] for stage in stages if stage["end"] is not None]
    return {"state": state, "start": stages[0]["start"], "end": ends[-1] if over else None}


def _action_task(stage: Document) -> Document:
    action = stage["action"]
    kind = action["customDetails"]
    name = action["actionName"]
    if kind["instanceType"] == "ManualActionDetails":
        details = {
            "instanceType": "ManualActionTaskDetails",
            "name": name,
            "instructions": kind.get("description"),
            "observation": stage["observation"],
        }
    elif kind["instanceType"] == "ScriptActionDetails":
        details = {
            "instanceType": "ScriptActionTaskDetails",
            "name": name,
            "path": kind["path"],
            "output": None,
            "isPrimarySideScript": kind["fabricLocation"] == "Primary",
        }
    else:
        runbook = kind["runbookId"].split("/")
        details = {
            "instanceType": "AutomationRunbookTaskDetails",
            "name": name,
            "subscriptionId": runbook[2],
            "accountName": runbook[-3],
            "runbookId": kind["runbookId"],
            "runbookName": runbook[-1],
            "isPrimarySideScript": kind["fabricLocation"] == "Primary",
        }
    return _task(stage, name, name, details)


def _machine_task(world: World, job: Document, stage: Document, machine: Document) -> Document:
    part = world.store.get(JOBS.kind, machine["job"] or "")
    details: Document = {
        "instanceType": "VirtualMachineTaskDetails",
        "jobTask": None,
        "skippedReason": None,
        "skippedReasonString": None,
    }
    told = {**stage, "id": machine["id"], "errors": machine["errors"]}
    if part is not None:
        properties = part["properties"]
        details["jobTask"] = {
            "jobId": part["id"],
            "jobFriendlyName": properties["friendlyName"],
            "targetObjectId": properties["targetObjectId"],
            "targetObjectName": properties["targetObjectName"],
            "targetInstanceType": properties["targetInstanceType"],
            "jobScenarioName": properties["scenarioName"],
        }
        over = "endTime" in properties
        told["state"] = properties["state"]
        told["start"] = part[PRIVATE]["begins"]
        told["end"] = part[PRIVATE]["ends"] if over else None
    elif machine["errors"]:
        told["state"] = "Failed"
    elif machine["skipped"] is not None and stage["start"] is not None:
        details["skippedReason"], details["skippedReasonString"] = machine["skipped"]
        told |= {"state": "Skipped", "end": stage["start"]}
    friendly = jobs.scenario_of(job).friendly
    return _task(told, machine["name"], f"{friendly}: {machine['name']}", details)


def _parent(task: Document, details: Document) -> Document:
    return {**task, "taskType": details["instanceType"], "groupTaskCustomDetails": details}


def _task(stage: Document, name: str, friendly: str, details: Document | None = None) -> Document:
    state = stage["state"]
    descriptions = {"Succeeded": "Completed", "Suspended": WAITING}
    custom = details or {"instanceType": "TaskDetails"}
    return {
        "taskId": stage["id"],
        "name": name,
        "startTime": _time(stage["start"]),
        "endTime": _time(stage["end"]),
        "allowedActions": ["Resume"] if state == "Suspended" and details else [],
        "friendlyName": friendly,
        "state": "Succeeded" if state == "Skipped" else state,
        "stateDescription": descriptions.get(state, state),
        "taskType": custom["instanceType"],
        "customDetails": custom,
        "groupTaskCustomDetails": None,
        "errors": stage["errors"],
    }


def _time(moment: str | None) -> str:
    return UNSET if moment is None else stamp(datetime.fromisoformat(moment))
