"""A request without an answer is settled by the job that it started, and never sent twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from site_recovery.azure.answers import jobs
from site_recovery.convergence.outcome import Status
from site_recovery.observation import observe
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.request_ids import RequestIds
from tests.convergence.fleet import Fleet
from tests.copies import copied
from tests.emulator.recovery_services.site_recovery_support import BOTH, Classic, windows

MACHINE = "web-01"
ITEMS = "ReplicationProtectedItems"


@dataclass(frozen=True)
class Change:
    """An operation, with the steps that lead up to it."""

    operation: Operation
    accepted_as: str
    before: Phase | None
    desired: Phase | None
    target: dict[str, Any] = field(default_factory=dict)


CHANGES = [
    Change(
        Operation.DISCOVER,
        "ReplicationProtectionContainers_DiscoverProtectableItem",
        None,
        Phase.PROTECTED,
    ),
    Change(Operation.ENABLE_PROTECTION, f"{ITEMS}_Create", None, Phase.PROTECTED),
    Change(
        Operation.UPDATE_TARGET,
        f"{ITEMS}_Update",
        Phase.PROTECTED,
        Phase.PROTECTED,
        {"vm_size": "Standard_D8s_v5"},
    ),
    Change(Operation.TEST_FAILOVER, f"{ITEMS}_TestFailover", Phase.PROTECTED, Phase.TEST_FAILOVER),
    Change(
        Operation.TEST_FAILOVER_CLEANUP,
        f"{ITEMS}_TestFailoverCleanup",
        Phase.TEST_FAILOVER,
        Phase.PROTECTED,
    ),
    Change(
        Operation.UNPLANNED_FAILOVER,
        f"{ITEMS}_UnplannedFailover",
        Phase.PROTECTED,
        Phase.FAILED_OVER,
    ),
    Change(Operation.COMPLETE_MIGRATION, f"{ITEMS}_Delete", Phase.FAILED_OVER, Phase.MIGRATED),
    Change(Operation.DISABLE_PROTECTION, f"{ITEMS}_Delete", Phase.PROTECTED, None),
]


CASES = [
    (experience, change)
    for experience in BOTH
    for change in CHANGES
    # Modernized has no discovery: machines report by themselves.
    if change.operation is not Operation.DISCOVER or experience.name == "classic"
]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0].name}-{case[1].operation}")
def case(request: pytest.FixtureRequest) -> tuple[Classic, Change]:
    found: tuple[Classic, Change] = request.param
    return found


@copied
def one_machine(experience: Classic, phase: Phase | None) -> Fleet:
    """One machine in a phase; in none, nothing was done to it."""
    fleet = Fleet([windows(1)], experience=experience)
    if phase is not None:
        fleet.drive(phase)
    return fleet


@pytest.fixture
def machine_fleet(case: tuple[Classic, Change]) -> Fleet:
    """One machine in the state before the change."""
    experience, change = case
    fleet = one_machine(experience, change.before)
    fleet.targets[MACHINE] = dict(change.target)
    return fleet


@pytest.fixture
def change(case: tuple[Classic, Change]) -> Change:
    return case[1]


class Killed(BaseException):
    """Ends a run at once, so that everything it remembered is lost."""


def own_request(fleet: Fleet, change: Change) -> str:
    return RequestIds("dev").of(fleet.machines[MACHINE].id, change.operation, 1)


def requests_of_jobs(fleet: Fleet, change: Change) -> list[str]:
    """The ids of the requests that started the jobs of an operation, newest first."""
    vault = fleet.migration_site.container.vault
    listed = fleet.site.get(f"{vault}/replicationJobs")["value"]
    jobs = [job for job in listed if job["properties"]["scenarioName"] == change.operation.scenario]
    read = [fleet.site.get(job["id"])["properties"]["activityId"] for job in jobs]
    return [activity.partition(" ActivityId: ")[0] for activity in read]


def accepted_once(fleet: Fleet, change: Change) -> bool:
    return fleet.accepted(MACHINE).count(change.accepted_as) == 1


def is_satisfied(fleet: Fleet, change: Change) -> bool:
    return fleet.drive(change.desired)[MACHINE].status is Status.SATISFIED


def test_a_request_carries_the_id_that_is_derived_from_what_it_asks_for(
    machine_fleet: Fleet, change: Change
) -> None:
    assert is_satisfied(machine_fleet, change)
    assert requests_of_jobs(machine_fleet, change) == [own_request(machine_fleet, change)]


def test_a_reply_that_was_lost_is_found_by_its_job(machine_fleet: Fleet, change: Change) -> None:
    machine_fleet.fault(operation=change.accepted_as, drop="after")
    assert is_satisfied(machine_fleet, change)
    assert accepted_once(machine_fleet, change)
    assert any("its reply was lost" in event for event in machine_fleet.reporter.events)


@pytest.mark.parametrize("says", [{}, {"retryAfterSeconds": 5}], ids=["", "try-again"])
def test_an_error_after_acceptance_is_found_by_its_job(
    machine_fleet: Fleet, change: Change, says: dict[str, float]
) -> None:
    error = {"status": 500, "code": "Internal", "message": "sorry", **says}
    machine_fleet.fault(operation=change.accepted_as, accepted=True, **error)
    assert is_satisfied(machine_fleet, change)
    assert accepted_once(machine_fleet, change)


def test_a_request_that_never_arrived_is_sent_again_with_its_id(
    machine_fleet: Fleet, change: Change
) -> None:
    machine_fleet.fault(operation=change.accepted_as, drop="before")
    assert is_satisfied(machine_fleet, change)
    assert accepted_once(machine_fleet, change)
    assert requests_of_jobs(machine_fleet, change) == [own_request(machine_fleet, change)]


@pytest.mark.parametrize("lists", ["fresh", "stale"])
def test_a_driver_that_died_after_acceptance_is_followed_by_one_that_knows(
    machine_fleet: Fleet, change: Change, lists: str
) -> None:
    machine_fleet.fault(operation=change.accepted_as, drop="after")

    async def die_once_accepted() -> None:
        if change.accepted_as in machine_fleet.accepted(MACHINE):
            raise Killed

    with pytest.raises(Killed):
        machine_fleet.drive(change.desired, between_rounds=die_once_accepted)
    if lists == "stale":
        machine_fleet.fault(operation=f"{ITEMS}_List", stale=True, times=6)
    assert is_satisfied(machine_fleet, change)
    assert accepted_once(machine_fleet, change)


def test_a_job_of_somebody_else_is_never_taken_for_ours(
    machine_fleet: Fleet, change: Change
) -> None:
    machine_fleet.fault(operation=change.accepted_as, drop="before")
    begun: list[str] = []

    async def somebody_else_asks() -> None:
        faults = machine_fleet.site.get("/_emulator/faults")["value"]
        if begun or not any(fault["taken"] for fault in faults):
            return
        (assignment,) = machine_fleet.assignments(change.desired)
        async with machine_fleet.service() as service:
            seen = observe(assignment.machine, await service.observe(), assignment.settings)
            job = await service.submit(change.operation, assignment, seen, "somebody-else")
        begun.append(job or "")

    machine_fleet.drive(change.desired, between_rounds=somebody_else_asks)
    assert is_satisfied(machine_fleet, change)
    assert accepted_once(machine_fleet, change)
    assert begun
    assert requests_of_jobs(machine_fleet, change) == ["somebody-else"]
    assert not any("its reply was lost" in event for event in machine_fleet.reporter.events)


@pytest.mark.parametrize("drop", ["before", "after"])
def test_a_service_that_does_not_name_the_request_is_observed_instead(
    machine_fleet: Fleet, change: Change, drop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_request_id", lambda activity: "")
    machine_fleet.fault(operation=change.accepted_as, drop=drop)
    assert is_satisfied(machine_fleet, change)
    assert accepted_once(machine_fleet, change)
    if drop == "after":
        events = machine_fleet.reporter.events
        assert any("does not tell which request began its jobs" in event for event in events)


@pytest.mark.parametrize("experience", BOTH, ids=lambda each: each.name)
def test_a_job_of_another_operation_is_never_taken_for_a_request_that_was_lost(
    experience: Classic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_request_id", lambda activity: "")
    fleet = one_machine(experience, Phase.TEST_FAILOVER)
    fleet.drive(Phase.PROTECTED)
    before = fleet.accepted(MACHINE)
    fleet.fault(operation=f"{ITEMS}_TestFailover", drop="before")
    begun: list[str | None] = []

    async def somebody_else_updates_it() -> None:
        faults = fleet.site.get("/_emulator/faults")["value"]
        if begun or not any(fault["taken"] for fault in faults):
            return
        (assignment,) = fleet.assignments(Phase.TEST_FAILOVER)
        async with fleet.service() as service:
            seen = observe(assignment.machine, await service.observe(), assignment.settings)
            begun.append(await service.submit(Operation.UPDATE_TARGET, assignment, seen, "theirs"))

    outcome = fleet.drive(Phase.TEST_FAILOVER, between_rounds=somebody_else_updates_it)[MACHINE]
    assert begun
    assert (outcome.status, outcome.message) == (Status.SATISFIED, "")
    assert fleet.accepted(MACHINE)[len(before) :] == [f"{ITEMS}_Update", f"{ITEMS}_TestFailover"]
