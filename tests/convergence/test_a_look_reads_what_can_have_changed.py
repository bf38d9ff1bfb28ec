"""A look at a vault reads as little of it again as possible, and misses nothing for that."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from azure.core.rest import AsyncHttpResponse, HttpRequest

from emulator.in_process import AsyncWorldTransport
from site_recovery.azure.connection import Connect, connector
from site_recovery.azure.service import VaultService
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.fleet import Hardware
from site_recovery.jobs import Job
from site_recovery.observation import observe
from site_recovery.phases import Phase
from site_recovery.recovery_plan import Group, Plan
from tests.convergence.fleet import Fleet
from tests.copies import copied
from tests.emulator.recovery_services.site_recovery_support import (
    VAULT,
    AsyncCredential,
    Classic,
    linux,
    windows,
)

_T = TypeVar("_T")
JOBS = "replicationJobs"


class CountedFleet(Fleet):
    """A fleet that counts its reads.

    Attributes:
        reads: the number of GET requests by the last part of their path.
    """

    reads: Counter[str]

    def connector(self) -> Connect:
        self.reads = Counter()
        return connector(
            credential=lambda: AsyncCredential(self.site.token),
            transport=lambda: _Counting(self),
        )

    def watch(self, work: Callable[[VaultService], Awaitable[_T]]) -> _T:
        async def watched() -> _T:
            async with self.service() as service:
                return await work(service)

        return asyncio.run(watched())


class _Counting(AsyncWorldTransport):
    def __init__(self, fleet: CountedFleet) -> None:
        super().__init__(fleet.site.world)
        self._reads = fleet.reads

    async def send(self, request: HttpRequest, **options: Any) -> AsyncHttpResponse:
        if request.method == "GET":
            self._reads[request.url.split("?")[0].rsplit("/", 1)[-1]] += 1
        # As long as a request is on its way, others are sent.
        await asyncio.sleep(0)
        return await super().send(request, **options)


@copied
def protected_fleet(experience: Classic) -> CountedFleet:
    made = CountedFleet([windows(1), windows(2), linux(1)], experience=experience)
    made.drive(Phase.PROTECTED)
    return made


@pytest.fixture
def fleet(experience: Classic) -> CountedFleet:
    return protected_fleet(experience)


@pytest.mark.parametrize("given", ["Standard_D4s_v5", None])
def test_sizes_are_asked_for_once_for_machines_that_are_alike_until_they_were_tested(
    fleet: CountedFleet, given: str | None
) -> None:
    hardware = Hardware(vcpus=2, memory_gib=8, data_disks=0)
    fleet.hardware = dict.fromkeys(fleet.machines, hardware)
    fleet.targets = {name: {"vmSize": given} for name in fleet.machines} if given else {}
    reads = []
    for phase in (Phase.TEST_FAILOVER, Phase.PROTECTED, Phase.FAILED_OVER):
        fleet.drive(phase)
        reads.append(fleet.reads["targetComputeSizes"])
    # Two machines run Windows, one Linux.
    assert reads == [2, 0, 0]


def test_sizes_are_asked_for_by_machine_if_its_hardware_is_not_known(fleet: CountedFleet) -> None:
    fleet.targets = {name: {"vmSize": "Standard_D4s_v5"} for name in fleet.machines}
    fleet.drive(Phase.TEST_FAILOVER)
    assert fleet.reads["targetComputeSizes"] == len(fleet.machines)


def test_sizes_are_asked_for_again_for_another_size(fleet: CountedFleet) -> None:
    fleet.drive(Phase.TEST_FAILOVER)
    fleet.drive(Phase.PROTECTED)
    fleet.targets["web-01"] = {"vmSize": "Standard_D8s_v5"}
    fleet.drive(Phase.TEST_FAILOVER)
    assert fleet.reads["targetComputeSizes"] == 1


@pytest.mark.parametrize(
    ("hardware", "asked"),
    [
        (Hardware(2, 32, 0), 0),
        (Hardware(16, 32, 0), 1),
        (Hardware(2, 64, 0), 1),
        (Hardware(2, 32, 17), 1),
    ],
)
def test_sizes_are_asked_for_again_for_an_instance_that_grew(
    fleet: CountedFleet, hardware: Hardware, asked: int
) -> None:
    fleet.targets["web-01"] = {"vmSize": "Standard_D8s_v5"}
    fleet.drive(Phase.TEST_FAILOVER)
    fleet.targets, fleet.hardware = {}, {"web-01": hardware}
    fleet.drive(Phase.PROTECTED)
    assert fleet.reads["targetComputeSizes"] == asked


def target_of(fleet: CountedFleet, jobs: dict[str, Job], scenario: str, name: str) -> list[str]:
    return [j.state for j in jobs.values() if (j.scenario, j.target) == (scenario, name)]


def test_a_later_look_reads_four_lists_and_nothing_else(fleet: CountedFleet) -> None:
    async def looks(service: VaultService) -> Counter[str]:
        await service.observe()
        fleet.site.pass_time(minutes=1)
        before = fleet.reads.copy()
        await service.observe()
        return fleet.reads - before

    reads = fleet.watch(looks)
    assert sum(reads.values()) == 4
    assert reads[JOBS] == 1


def test_an_item_is_read_again_by_itself_when_its_job_has_ended_and_not_before(
    fleet: CountedFleet,
) -> None:
    async def looks(service: VaultService) -> list[int]:
        await service.observe()
        fleet.site.test_failover(fleet.machines["web-01"])
        reads = []
        for minutes in (0, 1, 120):
            fleet.site.pass_time(minutes=minutes)
            before = fleet.reads["web-01"]
            await service.observe()
            reads.append(fleet.reads["web-01"] - before)
        return reads

    # Lists of classic items leave out the disks alone, which no job changes.
    once = 0 if fleet.experience.name == "classic" else 1
    assert fleet.watch(looks) == [0, 0, once]


def test_a_later_look_lists_the_jobs_that_started_since(fleet: CountedFleet) -> None:
    async def looks(service: VaultService) -> tuple[dict[str, Job], dict[str, Job]]:
        first = dict((await service.observe()).jobs)
        fleet.site.pass_time(minutes=20)
        fleet.site.test_failover(fleet.machines["web-01"])
        return first, dict((await service.observe()).jobs)

    first, second = fleet.watch(looks)
    new = [second[name].scenario for name in second if name not in first]
    assert new == ["TestFailover"]
    assert set(first) < set(second)
    started = [job.started for job in second.values() if job.started is not None]
    assert started == sorted(started, reverse=True)


def test_a_job_that_started_long_ago_is_followed_to_its_end(fleet: CountedFleet) -> None:
    fleet.fault(operation="TestFailover", match="web-01", delaySeconds=7200)
    fleet.site.test_failover(fleet.machines["web-01"])

    async def looks(service: VaultService) -> list[list[str]]:
        states = []
        for minutes in (0, 20, 5, 20, 5, 120, 5):
            fleet.site.pass_time(minutes=minutes)
            jobs = dict((await service.observe()).jobs)
            states.append(target_of(fleet, jobs, "TestFailover", "web-01"))
        return states

    states = fleet.watch(looks)
    assert states == [["InProgress"]] * 5 + [["Succeeded"]] * 2


def test_a_job_that_started_long_ago_goes_on_after_one_404(fleet: CountedFleet) -> None:
    fleet.fault(operation="TestFailover", match="web-01", delaySeconds=7200)
    fleet.site.test_failover(fleet.machines["web-01"])

    async def looks(service: VaultService) -> tuple[list[list[str]], int]:
        first = (await service.observe()).jobs
        (job,) = (name for name, each in first.items() if each.running)
        states = []
        for minutes, times in (20, 0), (1, 0), (1, 1):
            fleet.site.pass_time(minutes=minutes)
            if times:
                not_found = {"status": 404, "code": "ResourceNotFound", "times": times}
                fleet.fault(operation="ReplicationJobs_Get", **not_found)
            jobs = dict((await service.observe()).jobs)
            states.append(target_of(fleet, jobs, "TestFailover", "web-01"))
        return states, fleet.reads[job]

    states, reads = fleet.watch(looks)
    assert states == [["InProgress"]] * 3
    assert reads == 1


def test_a_service_that_refuses_the_filter_is_asked_for_all_its_jobs(fleet: CountedFleet) -> None:
    fleet.fault(operation="ReplicationJobs_List", status=400)

    async def looks(service: VaultService) -> dict[str, Job]:
        await service.observe()
        fleet.site.pass_time(minutes=20)
        fleet.site.test_failover(fleet.machines["web-01"])
        return dict((await service.observe()).jobs)

    jobs = fleet.watch(looks)
    assert target_of(fleet, jobs, "TestFailover", "web-01") == ["InProgress"]
    assert {"EnableDr", "TestFailover"} <= {job.scenario for job in jobs.values()}


def test_an_empty_list_is_not_taken_for_all_there_is(fleet: CountedFleet) -> None:
    fleet.fault(operation="ReplicationJobs_List", stale=True, times=2)

    async def looks(service: VaultService) -> tuple[int, int]:
        first = len((await service.observe()).jobs)
        return first, len((await service.observe()).jobs)

    first, second = fleet.watch(looks)
    assert first == 0
    assert second > 0


def test_a_target_that_changed_after_a_test_long_ago_is_not_taken_for_tested(
    fleet: CountedFleet,
) -> None:
    fleet.drive(Phase.TEST_FAILOVER)
    fleet.drive(Phase.PROTECTED)
    fleet.targets["web-01"] = {"vmSize": "Standard_D8s_v5"}
    fleet.drive(Phase.PROTECTED)
    fleet.site.pass_time(days=45)
    snapshot = fleet.snapshot()
    seen = {
        assignment.machine.name: observe(assignment.machine, snapshot)
        for assignment in fleet.assignments(Phase.FAILED_OVER)
    }
    assert {name: each.tested for name, each in seen.items()} == {
        "web-01": False,
        "web-02": True,
        "db-01": True,
    }


def test_details_that_lists_leave_out_are_read_once(fleet: CountedFleet) -> None:
    async def looks(service: VaultService) -> list[int]:
        reads = []
        for _ in range(3):
            before = fleet.reads.copy()
            await service.observe()
            own = fleet.reads - before
            reads.append(sum(own[name] for name in fleet.machines))
        return reads

    first, *later = fleet.watch(looks)
    assert first in (0, len(fleet.machines))
    assert later == [0, 0]


def test_the_job_of_a_plan_is_read_once_a_look_for_all_its_machines(fleet: CountedFleet) -> None:
    plan = Plan("shop", (Group(tuple(fleet.machines)),))
    fleet.drive(Phase.TEST_FAILOVER, plan=PlanOrder(plan))
    looks = fleet.reads["replicationProtectedItems"]
    (job,) = (
        one["name"]
        for one in fleet.site.get(f"{VAULT}/{JOBS}")["value"]
        if one["properties"]["targetObjectName"] == "shop"
        and one["properties"]["scenarioName"] == "TestFailover"
    )
    assert 1 <= fleet.reads[job] <= looks
