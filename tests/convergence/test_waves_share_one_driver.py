"""Waves of one vault look together, and stay within the limits of Resource Manager together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from azure.core.rest import HttpRequest

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
    SUBSCRIPTION,
    AsyncCredential,
    Classic,
    windows,
)

MACHINES = 9
POLL = timedelta(minutes=2)


class Waves:
    """A fleet that is driven in waves of any number, in one process and in virtual time.

    Attributes:
        asked: the requests by method.
        refused: how many requests were refused because there were too many.
    """

    def __init__(self, experience: Classic, machines: int = MACHINES) -> None:
        self.fleet = Fleet([windows(n) for n in range(1, machines + 1)], experience=experience)
        self.asked: Counter[str] = Counter()
        self.refused = 0
        handle = self.fleet.site.world.handle

        def counted(request: Request) -> Response:
            response = handle(request)
            self.asked[request.method] += 1
            self.refused += response.status == 429
            return response

        self.fleet.site.world.handle = counted  # type: ignore[method-assign]

    def drive(self, waves: int, phase: Phase) -> None:
        """Converge all machines in so many waves, each a call of its own."""
        self.asked.clear()
        assignments = self.fleet.assignments(phase)
        connect = self.connect()

        async def one(number: int) -> dict[str, Outcome]:
            async with connect(SUBSCRIPTION) as connection:
                return await converge(
                    VaultService(connection, self.fleet.migration_site, "dev"),
                    assignments[number::waves],
                    replace(LENIENT, discovers=self.fleet.experience.name == "classic"),
                    Pace(timedelta(hours=6), POLL),
                    Recorder(),
                )

        async def all_at_once() -> None:
            outcomes = await asyncio.gather(*map(one, range(waves)))
            statuses = [outcome.status for each in outcomes for outcome in each.values()]
            assert statuses == [Status.SATISFIED] * len(self.fleet.machines)
            await connect.close()

        self.run(all_at_once())

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

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine whose seconds pass at the emulator too."""
        virtual_time.run(work, lambda seconds: self.fleet.site.pass_time(seconds=seconds))


def test_nine_waves_read_and_write_what_one_wave_does(experience: Classic) -> None:
    one, nine = Waves(experience), Waves(experience)
    for phase in (Phase.PROTECTED, Phase.MIGRATED):
        one.drive(1, phase)
        nine.drive(9, phase)
        # The emulator draws durations in the order in which it is asked, so a run may differ by
        # a look or two.
        assert nine.asked["GET"] <= 1.05 * one.asked["GET"]
        assert nine.written() == one.written()
    assert one.fleet.accepted() != []


@pytest.mark.parametrize(("limited", "served"), [(True, True), (False, False)])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_nothing_is_refused_because_there_were_too_many_requests(
    method: str, *, limited: bool, served: bool
) -> None:
    """Ten callers send more at once than the buckets of Resource Manager hold."""
    waves = Waves(CLASSIC, machines=1)
    answer = waves.fleet.site.call("PUT", "/_emulator/throttling?", {"mode": "on"})
    assert answer.status == 200, answer.body
    connect = waves.connect(limited=limited)
    url = f"{waves.fleet.site.policy}-none?api-version=2025-08-01"

    async def one() -> None:
        async with connect(SUBSCRIPTION) as connection:
            for _ in range(30):
                await connection.client.send_request(HttpRequest(method, url, json={}))

    async def all_at_once() -> None:
        await asyncio.gather(*(one() for _ in range(10)))
        await connect.close()

    waves.run(all_at_once())
    assert (waves.refused == 0) is served
