"""The effect of each scenario on its item when its job ends, and the job's details."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from emulator.kernel import resources
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.experiences.registry import Experience
from emulator.recovery_services.jobs import jobs, outcomes, scenarios
from emulator.recovery_services.jobs.scenario import Scenario
from emulator.recovery_services.replication import azure_machines, interfaces, recovery_points
from emulator.recovery_services.wire.paths import name_of
from emulator.recovery_services.wire.times import stamp

Effect: TypeAlias = Callable[[World, Document, Document, Experience], "outcomes.Note | None"]
"""`effect(world, item, job, experience)`; it may return a note, or raise JobError."""


def _enable(world: World, item: Document, job: Document, experience: Experience) -> None:
    experience.enable(world, item)


def _complete_on_primary(
    world: World, item: Document, job: Document, experience: Experience
) -> None:
    """Change nothing but the state."""


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
        f"{private['target']['vmName']}-test",
        tuple(
            azure_machines.Place(
                azure_machines.subnet_for_test(world, network, one.test_subnet or one.subnet),
                one.test_address,
            )
            for one in interfaces.of(item)
            if one.selected
        ),
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
        target["networkId"],
        target["vmName"],
        tuple(
            azure_machines.Place(one.subnet, one.address)
            for one in interfaces.of(item)
            if one.selected
        ),
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
    """Change nothing but the state."""


def _finalize_failback(world: World, item: Document, job: Document, experience: Experience) -> None:
    """Fail: a commit after a failed failover runs as FinalizeFailback, which fails (recorded)."""
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


def _chosen(world: World, item: Document, job: Document) -> recovery_points.Point:
    """The requested recovery point, or the latest one that existed when the job began."""
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


def details(scenario: Scenario, item: Document, arguments: Document) -> Document:
    """The initial `customDetails` of a job, with the properties of the contract's class."""
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
    """Fill in the job's `protectedItemDetails`, if the experience returns any."""
    interface = resources.find(world, made[PRIVATE]["interfaces"][0])
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


_EFFECTS: tuple[tuple[Scenario, Effect], ...] = (
    (scenarios.ENABLE, _enable),
    (scenarios.COMPLETE_ON_PRIMARY, _complete_on_primary),
    (scenarios.COMPLETE_ON_RECOVERY, _complete_on_recovery),
    (scenarios.UPDATE, _update),
    (scenarios.TEST_FAILOVER, _test),
    (scenarios.TEST_FAILOVER_CLEANUP, _clean_up),
    (scenarios.FAILOVER, _fail_over),
    (scenarios.COMMIT, _commit),
    (scenarios.FINALIZE_FAILBACK, _finalize_failback),
    (scenarios.CHANGE_POINT, _change_point),
    (scenarios.DISABLE, _disable),
    (scenarios.PURGE, _purge),
)

SCENARIOS = tuple(scenario for scenario, _ in _EFFECTS)
"""The scenarios that work on one item."""

_BY_NAME = {scenario.name: effect for scenario, effect in _EFFECTS}


def of(job: Document) -> Effect:
    """The effect of an item's job, to be applied when the job ends."""
    return _BY_NAME[job["properties"]["scenarioName"]]
