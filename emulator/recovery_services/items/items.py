"""The life cycle of a protected item: jobs start on it, and their ends move it between states."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from emulator.guests import machine
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.experiences import registry
from emulator.recovery_services.experiences.registry import Experience
from emulator.recovery_services.items import effects
from emulator.recovery_services.items.health import enabling_failed
from emulator.recovery_services.jobs import answers, jobs, outcomes, scenarios
from emulator.recovery_services.replication import affected, initial_replication
from emulator.recovery_services.replication.states import GONE, STAYS, Transition
from emulator.recovery_services.wire.paths import (
    PROTECTED_ITEMS,
    PROVIDERS,
    put,
    vault_of,
)

_RESTED = "replicated item proceeds"
_RETRY_SYNC = timedelta(minutes=5)


def register(world: World) -> None:
    """Register the event handler that advances initial replications."""
    world.on(_RESTED, _on_rested)


_forgetting: list[Callable[[World, Document], None]] = []


def when_gone(forget: Callable[[World, Document], None]) -> Callable[[World, Document], None]:
    """Register the decorated `forget(world, item)`, which runs after an item left its vault."""
    _forgetting.append(forget)
    return forget


def new(
    world: World,
    container: Document,
    policy: Document,
    identifier: str,
    experience: Experience,
    admitted: Document,
) -> Document:
    """A new item that is not stored and has no state yet; `start` gives it one."""
    fabric_id = container["id"].rsplit("/", 2)[0]
    return {
        "id": identifier,
        "name": identifier.rsplit("/", 1)[-1],
        "type": PROTECTED_ITEMS.type,
        "properties": {
            "policyId": policy["id"],
            "recoveryServicesProviderId": PROVIDERS.id(
                fabric_id, experience.provider_name(container)
            ),
            "primaryFabricFriendlyName": container["properties"]["fabricFriendlyName"],
            "primaryProtectionContainerFriendlyName": container["properties"]["friendlyName"],
        },
        PRIVATE: {
            "experience": experience.instance_type,
            "cycle": world.guid("cycle", identifier, world.sequence()),
            "state": "",
            "job": None,
            "lastJob": None,
            "rests": {},
            "protected": None,
            "failedOver": None,
            "made": [],
            "vm": None,
            "testVm": None,
            "recoveryPoint": None,
            "lastTest": None,
            "lastFailover": None,
            "testState": "None",
            "testDescription": "None",
            "errors": [],
            "validated": None,
            **admitted,
        },
    }


def require_allowed(
    world: World, item: Document, operation: str, holder: str | None = None
) -> Transition:
    """The transition that an operation makes from the item's present state.

    Args:
        world: the world.
        item: the item.
        operation: the operation's word.
        holder: the id of the recovery plan's job that asks, if one does.

    Raises:
        ArmError: 409 while a job or a recovery plan works on the item, 400 for an operation that
            is not allowed. The service's own codes for these were never recorded: both are
            [inferred].
    """
    private = item[PRIVATE]
    table = registry.of(private["experience"]).table
    running = jobs.busy_with(world, item)
    if running is not None and running["id"] != holder:
        raise ArmError(
            409,
            "OperationInProgress",
            f"The operation cannot be started on the replicated item '{item['name']}': the job "
            f"'{running['name']}' ({running['properties']['scenarioName']}) is in progress on it. "
            "Try again after it ended.",
        )
    transition = table.find(private["state"], operation)
    if transition is None:
        state = table.states[private["state"]]
        raise ArmError(
            400,
            "OperationNotAllowed",
            f"The operation '{operation.lstrip('_')}' is not allowed on the replicated item "
            f"'{item['name']}' in its current state '{state.description}'. Allowed operations: "
            f"{', '.join(state.allowed) or 'none'}.",
        )
    return transition


def start(
    world: World,
    request: Request,
    item: Document,
    operation: str,
    operation_id: str,
    arguments: Document | None = None,
) -> Response:
    """Begin an operation on an item, and answer that it was accepted.

    Raises:
        ArmError: as `require_allowed`.
    """
    job = begin(world, item, operation, operation_id, arguments)
    return answers.accepted(world, request, job)


def begin(
    world: World,
    item: Document,
    operation: str,
    operation_id: str,
    arguments: Document | None = None,
    parent: str | None = None,
) -> Document:
    """Start an operation on an item without a response, and return its job.

    `parent` is the id of the recovery plan's job that this one is a part of.

    Raises:
        ArmError: as `require_allowed`.
    """
    transition = require_allowed(world, item, operation, parent)
    private = item[PRIVATE]
    enabling = transition.scenario.name == scenarios.ENABLE.name
    payload = {
        "item": item["id"],
        "operation": operation,
        "from": private["state"],
        "arguments": arguments or {},
        "note": private["note"] if enabling else None,
    }
    name = private["machine"]["name"]
    job = jobs.begin(
        world,
        transition.scenario,
        jobs.Target(
            item["id"], private["vmId"], name, name, affected=affected.machine(world, item)
        ),
        operation=operation_id,
        payload=payload,
        details=effects.details(transition.scenario, item, payload["arguments"]),
        parent=parent,
    )
    private["job"] = job["name"]
    if transition.during is not None:
        private["state"] = transition.during
    put(world, PROTECTED_ITEMS, item)
    if enabling:
        registry.of(private["experience"]).claim(world, item)
    return job


def interrupt(world: World, item: Document) -> None:
    """End the job that works on an item, because the item is purged."""
    private = item[PRIVATE]
    job = jobs.find(world, vault_of(item["id"]), private["job"]) if private["job"] else None
    private |= {"job": None, "plan": None}
    put(world, PROTECTED_ITEMS, item)
    if job is not None:
        jobs.abandon(world, job)


def restart(world: World, job: Document) -> None:
    """Restart the operation of a failed job.

    Raises:
        ArmError: 400 or 409, where the item's state does not allow it (any more).
    """
    payload = job[PRIVATE]["payload"]
    item = world.store.get(PROTECTED_ITEMS.kind, payload.get("item", ""))
    if item is None:
        raise ArmError(
            400, "OperationNotAllowed", f"What the job '{job['name']}' worked on is gone."
        )
    operation_id = job[PRIVATE]["operation"]
    begin(world, item, payload["operation"], operation_id, payload["arguments"])


# -- how jobs end -------------------------------------------------------------------------------


@outcomes.when_done(*effects.SCENARIOS)
def _done(world: World, job: Document) -> outcomes.Note | None:
    payload = job[PRIVATE]["payload"]
    item = world.store.get(PROTECTED_ITEMS.kind, payload["item"])
    if item is None:
        raise outcomes.JobError("28001", "The replicated item is gone.")
    experience = registry.of(item[PRIVATE]["experience"])
    transition = experience.table.find(payload["from"], payload["operation"])
    assert transition is not None
    note = effects.of(job)(world, item, job, experience)
    if transition.target is GONE:
        world.store.delete(PROTECTED_ITEMS.kind, item["id"])
        for forget in _forgetting:
            forget(world, item)
        return note
    target = payload["from"] if transition.target == STAYS else transition.target
    item[PRIVATE]["errors"] = []
    _settle(world, item, target, job)
    return note


@outcomes.when_undone(*effects.SCENARIOS)
def _undone(world: World, job: Document, failure: outcomes.JobError | None) -> None:
    payload = job[PRIVATE]["payload"]
    item = world.store.get(PROTECTED_ITEMS.kind, payload["item"])
    if item is None:
        return
    table = registry.of(item[PRIVATE]["experience"]).table
    transition = table.find(payload["from"], payload["operation"])
    assert transition is not None
    fallback = transition.cancelled if failure is None else transition.failed
    if failure is not None and transition.scenario.name == scenarios.ENABLE.name:
        item[PRIVATE]["errors"] = [enabling_failed(item)]
    _settle(world, item, fallback or payload["from"], job)


def _settle(world: World, item: Document, state: str, job: Document) -> None:
    """Move an item into a state; no job works on it any more."""
    private = item[PRIVATE]
    private["job"] = None
    private["lastJob"] = {"jobId": job["id"], "startTime": job["properties"]["startTime"]}
    _enter(world, item, state)


def _enter(world: World, item: Document, state: str) -> None:
    private = item[PRIVATE]
    entered = registry.of(private["experience"]).table.states[state]
    if entered.test_state is not None:
        private["testState"] = entered.test_state
        private["testDescription"] = entered.test_description
    private["state"] = state
    if entered.becomes is not None or entered.begins is not None:
        _rest(world, item)
    put(world, PROTECTED_ITEMS, item)


def _rest(world: World, item: Document) -> None:
    """Schedule the next state. A job in the meantime does not delay it, a source that sends nothing
    does."""
    private = item[PRIVATE]
    state = private["state"]
    if state not in private["rests"]:
        takes = registry.of(private["experience"]).rest(world, item, state)
        private["rests"][state] = {
            "begins": world.now.isoformat(),
            "ends": (world.now + takes).isoformat(),
        }
    left = initial_replication.course(world, item, state).left(world.now)
    payload = {"item": item["id"], "cycle": private["cycle"], "state": state}
    world.schedule(left, _RESTED, payload)


def _on_rested(world: World, payload: Document) -> None:
    item = world.store.get(PROTECTED_ITEMS.kind, payload["item"])
    if item is None or item[PRIVATE]["cycle"] != payload["cycle"]:
        return
    private = item[PRIVATE]
    if private["state"] != payload["state"] or private["job"] is not None:
        return  # What works on it now rests it again, should it leave the item in this state.
    machine.look(world)
    course = initial_replication.course(world, item, private["state"])
    left = course.left(world.now)
    if left:
        # It stood still in between. Nobody says when it goes on, so look again.
        world.schedule(left if course.since is not None else _RETRY_SYNC, _RESTED, payload)
        return
    state = registry.of(private["experience"]).table.states[private["state"]]
    if state.becomes is not None:
        _enter(world, item, state.becomes)
    elif state.begins is not None:
        begin(world, item, state.begins, "_ReplicationProtectedItems_Proceed")
