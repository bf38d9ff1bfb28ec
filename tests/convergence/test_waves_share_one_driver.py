"""Waves of one vault look together, and stay within the limits of Resource Manager together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.core.rest import HttpRequest

from emulator.arm.compute.kinds import MACHINES as VIRTUAL_MACHINES
from emulator.arm.subscriptions import ANOTHER_SUBSCRIPTION
from emulator.estate.machines import Instance
from emulator.in_process import AsyncWorldTransport
from emulator.kernel.wire import Request, Response
from site_recovery.azure.connection import KeptOpen, connector
from site_recovery.azure.service import VaultService
from site_recovery.convergence.interfaces import Pace
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.convergence.run import converge
from site_recovery.phases import Phase
from tests.convergence import virtual_time
from tests.convergence.fleet import LENIENT, Fleet, Recorder
from tests.emulator.recovery_services.site_recovery_support import (
    CLASSIC,
    MODERNIZED,
    SUBSCRIPTION,
    VAULT,
    AsyncCredential,
    Classic,
    windows,
)

MACHINES = 9
POLL = timedelta(minutes=10)
"""The longest pause. A longer one than the default makes the tests shorter."""


def machine(number: int) -> Instance:
    """One of many machines, each with an address of its own."""
    return windows(number, private_ip=f"10.10.{16 + number // 250}.{number % 250 + 1}")


class Waves:
    """A fleet that is driven in waves of any number, in one process and in virtual time.

    Attributes:
        asked: the requests by method.
        looks: how often the vault's items were listed.
        refused: how many requests were refused because there were too many.
    """

    def __init__(self, experience: Classic, machines: int = MACHINES) -> None:
        self.fleet = Fleet([machine(n) for n in range(1, machines + 1)], experience=experience)
        self.asked: Counter[str] = Counter()
        self.looks = 0
        self.refused = 0
        handle = self.fleet.site.world.handle

        def counted(request: Request) -> Response:
            response = handle(request)
            self.asked[request.method] += 1
            listed = request.path.endswith("/replicationProtectedItems")
            self.looks += listed and "skipToken" not in request.query
            self.refused += response.status == 429
            return response

        self.fleet.site.world.handle = counted  # type: ignore[method-assign]

    def drive(self, waves: int, phase: Phase | dict[str, Phase | None]) -> list[datetime]:
        """Converge machines in so many waves, each a call of its own. Returns when each ended."""
        self.asked.clear()
        self.looks = 0
        assignments = self.fleet.assignments(phase)
        connect, ended = self.connect(), [self.fleet.site.world.now] * waves

        async def one(number: int) -> dict[str, Outcome]:
            async with connect(SUBSCRIPTION) as connection:
                outcomes = await converge(
                    VaultService(connection, self.fleet.migration_site, "dev"),
                    assignments[number::waves],
                    replace(LENIENT, discovers=self.fleet.experience.name == "classic"),
                    Pace(timedelta(hours=6), POLL),
                    Recorder(),
                )
            ended[number] = self.fleet.site.world.now
            return outcomes

        async def all_at_once() -> None:
            outcomes = await asyncio.gather(*map(one, range(waves)))
            statuses = [outcome.status for each in outcomes for outcome in each.values()]
            assert statuses == [Status.SATISFIED] * len(assignments)
            await connect.close()

        self.run(all_at_once())
        return ended

    def written(self) -> dict[str, int]:
        """The requests that would change something, by method."""
        return {method: count for method, count in self.asked.items() if method != "GET"}

    def connect(self, *, limited: bool = True) -> KeptOpen:
        """Connects to the emulator, in virtual time."""
        return KeptOpen(
            connector(
                credential=lambda: AsyncCredential(self.fleet.site.token),
                transport=lambda: AsyncWorldTransport(self.fleet.site.world, steps=False),
                limited=limited,
            )
        )

    def throttle(self) -> None:
        """Let the emulator refuse what exceeds the limits of Resource Manager."""
        answer = self.fleet.site.call("PUT", "/_emulator/throttling?", {"mode": "on"})
        assert answer.status == 200, answer.body

    async def send(self, connect: KeptOpen, method: str, count: int) -> None:
        """Send so many requests about a thing that does not exist, one after the other."""
        url = f"{self.fleet.site.policy}-none?api-version=2025-08-01"
        async with connect(SUBSCRIPTION) as connection:
            for _ in range(count):
                await connection.client.send_request(HttpRequest(method, url, json={}))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine whose seconds pass at the emulator too."""
        virtual_time.run(self.fleet.site.world.clock, work)


def test_nine_waves_read_and_write_what_one_wave_does(experience: Classic) -> None:
    one, nine = Waves(experience), Waves(experience)
    one.drive(1, Phase.MIGRATED)
    nine.drive(9, Phase.MIGRATED)
    # The emulator draws durations in the order in which it is asked, so a run may differ by a
    # look or two.
    assert nine.asked["GET"] <= 1.05 * one.asked["GET"]
    assert nine.written() == one.written()
    assert one.fleet.accepted() != []


@pytest.mark.parametrize(
    ("experience", "machines"),
    [(CLASSIC, 200), (MODERNIZED, 30)],
    ids=lambda value: value.name if isinstance(value, Classic) else str(value),
)
def test_ten_waves_of_hundreds_of_machines_stay_within_the_limits(
    experience: Classic, machines: int
) -> None:
    """Azure refuses nothing, although each wave alone could send as much as the limits allow."""
    waves = Waves(experience, machines)
    waves.throttle()

    waves.drive(10, Phase.PROTECTED)

    assert waves.refused == 0
    assert waves.written() == dict.fromkeys(
        ("POST", "PUT") if experience is CLASSIC else ("PUT",), machines
    )
    # A look reads four lists, with a page more for each hundred entries or time of jobs. Beside
    # that a machine is read alone a few times, to confirm what lists say.
    pages = 4 + 3 * (machines // 100) + 4
    assert waves.asked["GET"] <= pages * waves.looks + 8 * machines


def test_the_end_of_a_failover_is_seen_soon_while_another_wave_replicates() -> None:
    """Although the looks at a replication alone are minutes apart."""
    waves = Waves(CLASSIC, machines=2)
    first, second = waves.fleet.machines
    waves.drive(1, {first: Phase.PROTECTED})

    seen, protected = waves.drive(2, {first: Phase.FAILED_OVER, second: Phase.PROTECTED})

    [job] = [
        job["properties"]
        for job in waves.fleet.site.get(f"{VAULT}/replicationJobs")["value"]
        if job["properties"]["scenarioName"] == "UnplannedFailover"
    ]
    began = datetime.fromisoformat(job["startTime"])
    [machine] = waves.fleet.site.world.store.list(VIRTUAL_MACHINES)
    ready = datetime.fromisoformat(machine["_emulator"]["power"]["agentAt"])
    assert timedelta() <= seen - ready <= (ready - began) / 20 + timedelta(seconds=5)
    assert seen < protected


@pytest.mark.parametrize(("limited", "served"), [(True, True), (False, False)])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_nothing_is_refused_because_there_were_too_many_requests(
    method: str, *, limited: bool, served: bool
) -> None:
    """Ten callers send more at once than the buckets of Resource Manager hold."""
    waves = Waves(CLASSIC, machines=1)
    waves.throttle()
    connect = waves.connect(limited=limited)

    async def all_at_once() -> None:
        await asyncio.gather(*(waves.send(connect, method, 30) for _ in range(10)))
        await connect.close()

    waves.run(all_at_once())
    assert (waves.refused == 0) is served


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_another_process_took_from_the_buckets_is_not_taken_again(method: str) -> None:
    """An up follows its preview at once."""
    waves = Waves(CLASSIC, machines=1)
    waves.throttle()
    preview, up = waves.connect(), waves.connect()

    async def one_after_the_other() -> None:
        await waves.send(preview, method, 190)
        await waves.send(up, method, 4)
        await asyncio.gather(*(waves.send(up, method, 30) for _ in range(10)))
        for connect in (preview, up):
            await connect.close()

    waves.run(one_after_the_other())
    assert waves.refused == 0


def test_another_subscription_has_limits_of_its_own() -> None:
    """What was sent about the one does not hold back what is sent about the other."""
    waves = Waves(CLASSIC, machines=1)
    waves.throttle()
    connect, began = waves.connect(), waves.fleet.site.world.now
    took: list[timedelta] = []

    async def both() -> None:
        async with connect(SUBSCRIPTION) as connection:
            for whose in (SUBSCRIPTION, ANOTHER_SUBSCRIPTION):
                url = f"/subscriptions/{whose}/resourceGroups/none?api-version=2024-03-01"
                for _ in range(240):
                    await connection.client.send_request(HttpRequest("GET", url))
                took.append(waves.fleet.site.world.now - began)
        await connect.close()

    waves.run(both())
    assert waves.refused == 0
    assert took[1] < timedelta(seconds=2), took
