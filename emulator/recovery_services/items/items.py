"""The life of a protected item: jobs begin on it, and their ends move it from state to state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from emulator.guests import machine
from emulator.kernel import resources
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.experiences import registry
from emulator.recovery_services.experiences.registry import Experience
from emulator.recovery_services.items.health import enabling_failed
from emulator.recovery_services.jobs import answers, jobs, outcomes, scenarios
from emulator.recovery_services.jobs.scenario import Scenario
from emulator.recovery_services.replication import affected, azure_machines, recovery_points
from emulator.recovery_services.replication.states import GONE, STAYS, Transition
from emulator.recovery_services.wire.paths import (
    PROTECTED_ITEMS,
    PROVIDERS,
    name_of,
    put,
    vault_of,
)
from emulator.recovery_services.wire.times import stamp

_RESTED = "replicated item proceeds"
_RETRY_SYNC = timedelta(minutes=5)

_SCENARIOS = (
    scenarios.ENABLE,
    scenarios.COMPLETE_ON_PRIMARY,
    scenarios.COMPLETE_ON_RECOVERY,
    scenarios.UPDATE,
    scenarios.TEST_FAILOVER,
    scenarios.TEST_FAILOVER_CLEANUP,
    scenarios.FAILOVER,
    scenarios.COMMIT,
    scenarios.FINALIZE_FAILBACK,
    scenarios.CHANGE_POINT,
    scenarios.DISABLE,
    scenarios.PURGE,
)


def register(world: World) -> None:
    """Let initial replications go on and end."""
    world.on(_RESTED, _on_rested)


_forgetting: list[Callable[[World, Document], None]] = []


def when_gone(forget: Callable[[World, Document], None]) -> Callable[[World, Document], None]:
    """Decorate what is done once an item left its vault: `forget(world, item)`."""
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
    """A new item, not stored yet and in no state; `start` takes it from there."""
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
    """Begin an operation on an item without answering anybody; the job.

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
        details=_details(transition.scenario, item, payload["arguments"]),
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
    """End whatever works on an item, because it is purged."""
    private = item[PRIVATE]
    job = jobs.find(world, vault_of(item["id"]), private["job"]) if private["job"] else None
    private |= {"job": None, "plan": None}
    put(world, PROTECTED_ITEMS, item)
    if job is not None:
        jobs.abandon(world, job)


def restart(world: World, job: Document) -> None:
    """Begin again what a failed job was for.

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


@outcomes.when_done(*_SCENARIOS)
def _done(world: World, job: Document) -> outcomes.Note | None:
    payload = job[PRIVATE]["payload"]
    item = world.store.get(PROTECTED_ITEMS.kind, payload["item"])
    if item is None:
        raise outcomes.JobError("28001", "The replicated item is gone.")
    experience = registry.of(item[PRIVATE]["experience"])
    transition = experience.table.find(payload["from"], payload["operation"])
    assert transition is not None
    note = _EFFECTS[job["properties"]["scenarioName"]](world, item, job, experience)
    if transition.target is GONE:
        world.store.delete(PROTECTED_ITEMS.kind, item["id"])
        for forget in _forgetting:
            forget(world, item)
        return note
    target = payload["from"] if transition.target == STAYS else transition.target
    item[PRIVATE]["errors"] = []
    _settle(world, item, target, job)
    return note


@outcomes.when_undone(*_SCENARIOS)
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
    """Let an item rest in a state; nothing works on it any more."""
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
    """Let what follows the item's state by itself follow; a job in between does not delay it."""
    private = item[PRIVATE]
    state = private["state"]
    if state not in private["rests"]:
        takes = registry.of(private["experience"]).rest(world, item, state)
        private["rests"][state] = {
            "begins": world.now.isoformat(),
            "ends": (world.now + takes).isoformat(),
        }
    remaining = datetime.fromisoformat(private["rests"][state]["ends"]) - world.now
    payload = {"item": item["id"], "cycle": private["cycle"], "state": state}
    world.schedule(max(remaining, timedelta()), _RESTED, payload)


def _on_rested(world: World, payload: Document) -> None:
    item = world.store.get(PROTECTED_ITEMS.kind, payload["item"])
    if item is None or item[PRIVATE]["cycle"] != payload["cycle"]:
        return
    private = item[PRIVATE]
    if private["state"] != payload["state"] or private["job"] is not None:
        return  # What works on it now rests it again, should it leave the item in this state.
    machine.look(world)
    guest = machine.of(world, private["machine"]["instance"])
    if guest is not None and guest["stopped"] is not None:
        world.schedule(_RETRY_SYNC, _RESTED, payload)
        return
    state = registry.of(private["experience"]).table.states[private["state"]]
    if state.becomes is not None:
        _enter(world, item, state.becomes)
    elif state.begins is not None:
        begin(world, item, state.begins, "_ReplicationProtectedItems_Proceed")


# -- what each scenario does --------------------------------------------------------------------


def _enable(world: World, item: Document, job: Document, experience: Experience) -> None:
    experience.enable(world, item)


def _complete_on_primary(
    world: World, item: Document, job: Document, experience: Experience
) -> None:
    """The state says it all."""


def _complete_on_recovery(
    world: World, item: Document, job: Document, experience: Experience
) -> None:
    item[PRIVATE]["protected"] = world.now.isoformat()


def _update(world: World, item: Document, job: Document, experience: Experience) -> None:
    item[PRIVATE]["target"] = job[PRIVATE]["payload"]["arguments"]["target"]
    item[PRIVATE]["validated"] = world.now.isoformat()


def _test(
    world: World, item: Document, job: Document, experience: Experience
) -> outcomes.Note | None:
    private, arguments = item[PRIVATE], job[PRIVATE]["payload"]["arguments"]
    point = _chosen(world, item, job)
    network = _test_network(item, arguments)
    placement = azure_machines.Placement(
        network,
        azure_machines.subnet_for_test(
            world, network, private["target"].get("testSubnet") or private["target"]["subnet"]
        ),
        f"{private['target']['vmName']}-test",
        private["target"].get("testAddress"),
    )
    made, note = azure_machines.create(world, item, placement, point, production=False)
    if arguments["point"] is None:
        recovery_points.keep(item, point)
    private["recoveryPoint"] = point.name
    private["testVm"] = made["id"]
    private["lastTest"] = job["properties"]["startTime"]
    _describe(world, item, job, experience, made, point)
    return note


def _clean_up(world: World, item: Document, job: Document, experience: Experience) -> None:
    azure_machines.delete(world, item[PRIVATE]["testVm"])
    item[PRIVATE]["testVm"] = None


def _fail_over(
    world: World, item: Document, job: Document, experience: Experience
) -> outcomes.Note | None:
    private = item[PRIVATE]
    chosen = job[PRIVATE]["payload"]["arguments"]["point"]
    point = _chosen(world, item, job)
    target = private["target"]
    placement = azure_machines.Placement(
        target["networkId"], target["subnet"], target["vmName"], target.get("address")
    )
    made, note = azure_machines.create(world, item, placement, point, production=True)
    if chosen is None:
        recovery_points.keep(item, point)
    private["vm"] = made["id"]
    private["recoveryPoint"] = point.name
    private["failedOver"] = job[PRIVATE]["begins"]
    private["lastFailover"] = job["properties"]["startTime"]
    _describe(world, item, job, experience, made, point)
    if note is None and job[PRIVATE]["payload"]["arguments"].get("shutdown"):
        return _not_shut_down(private["machine"]["name"])
    return note


def _not_shut_down(name: str) -> outcomes.Note:
    return outcomes.Note(
        "28174",  # [inferred]: no recording has a failover whose shutdown failed.
        f"The machine '{name}' was not shut down: it is a physical server, which Site Recovery "
        "cannot shut down. The failover went on.",
    )


def _change_point(world: World, item: Document, job: Document, experience: Experience) -> None:
    point = _chosen(world, item, job)
    azure_machines.apply(world, item[PRIVATE]["vm"], point)
    item[PRIVATE]["recoveryPoint"] = point.name


def _commit(world: World, item: Document, job: Document, experience: Experience) -> None:
    """The state says it all."""


def _finalize_failback(world: World, item: Document, job: Document, experience: Experience) -> None:
    """What a commit after a failed failover runs; it fails (recorded)."""
    raise outcomes.JobError(
        "25037",
        f"The virtual machine '{item[PRIVATE]['machine']['name']}' isn't ready for committing "
        "failback.",
        "Check the Provider error for more information.",
        "Resolve the issue and retry the operation.",
        task=0,
    )


def _disable(world: World, item: Document, job: Document, experience: Experience) -> None:
    experience.release(world, item, clean=True)


def _purge(world: World, item: Document, job: Document, experience: Experience) -> None:
    experience.release(world, item, clean=False)


_EFFECTS = {
    scenarios.ENABLE.name: _enable,
    scenarios.COMPLETE_ON_PRIMARY.name: _complete_on_primary,
    scenarios.COMPLETE_ON_RECOVERY.name: _complete_on_recovery,
    scenarios.UPDATE.name: _update,
    scenarios.TEST_FAILOVER.name: _test,
    scenarios.TEST_FAILOVER_CLEANUP.name: _clean_up,
    scenarios.FAILOVER.name: _fail_over,
    scenarios.COMMIT.name: _commit,
    scenarios.FINALIZE_FAILBACK.name: _finalize_failback,
    scenarios.CHANGE_POINT.name: _change_point,
    scenarios.DISABLE.name: _disable,
    scenarios.PURGE.name: _purge,
}


def _chosen(world: World, item: Document, job: Document) -> recovery_points.Point:
    """The point that was asked for, or the latest data that was there when the job began."""
    name = job[PRIVATE]["payload"]["arguments"]["point"]
    if name is None:
        began = datetime.fromisoformat(job[PRIVATE]["begins"])
        return recovery_points.latest(world, item, began)
    point = recovery_points.find(world, item, name)
    if point is None:
        raise outcomes.JobError(
            "28172",
            f"The recovery point '{name}' is not available any more.",
            "The retention of the replication policy has passed.",
            "Choose a newer recovery point.",
            task=0,
        )
    return point


def _details(scenario: Scenario, item: Document, arguments: Document) -> Document:
    """What the job's `customDetails` has from the beginning, by the class of the contract."""
    if scenario.name == scenarios.FAILOVER.name:
        return {"protectedItemDetails": []}
    if scenario.details != scenarios.TEST_FAILOVER.details:
        return {}
    tests = scenario.name == scenarios.TEST_FAILOVER.name
    network = _test_network(item, arguments) if tests else None
    name = name_of(network) if network else None
    return {
        "testFailoverStatus": "Active" if tests else None,
        "comments": arguments.get("comments"),
        "networkName": name,
        "networkFriendlyName": name,
        "networkType": arguments["networkType"] if tests else None,
        "protectedItemDetails": [],
    }


def _test_network(item: Document, arguments: Document) -> str:
    network: str = arguments["network"] or item[PRIVATE]["target"]["networkId"]
    return network


def _describe(
    world: World,
    item: Document,
    job: Document,
    experience: Experience,
    made: Document,
    point: recovery_points.Point,
) -> None:
    """Let the job say what became of its machine, as far as the experience tells it."""
    interface = resources.find(world, made[PRIVATE]["interface"])
    assert interface is not None
    subnet = interface["properties"]["ipConfigurations"][0]["properties"]["subnet"]["id"]
    tests = job["properties"]["scenarioName"] == scenarios.TEST_FAILOVER.name
    told = experience.protected_item_details(item, made["name"], subnet, tests=tests)
    if told is None:
        return
    job["properties"]["customDetails"]["protectedItemDetails"] = [
        {
            "name": item[PRIVATE]["vmId"],
            **told,
            "recoveryPointId": point.name,
            "recoveryPointTime": stamp(point.time),
        }
    ]
    jobs.save(world, job)
