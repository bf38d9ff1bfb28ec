"""Measures how many whole migrations run per minute, in process and with a manual clock.

Each migration has a new world with a landing zone and a server that registers. One machine is
discovered, replicated, tested, cleaned up, failed over and completed. That takes about 80 requests
and six hours of service time. Minutes are processor time. The baseline is the same number of the
cheapest requests, which read the clock, in the same run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from emulator.kernel.wire import Request, Response
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import Site

_MACHINE = support.windows(1)


@dataclass(frozen=True)
class Measured:
    """The rate of whole migrations.

    Attributes:
        a_minute: migrations in a minute of processor time.
        requests: how many requests each has.
        ratio: their rate divided by that of as many reads of the clock.
    """

    a_minute: float
    requests: float
    ratio: float

    def text(self) -> str:
        """The result in words."""
        return (
            f"{self.a_minute:,.0f} whole migrations a minute, {self.requests:.0f} requests each: "
            f"{self.ratio:.2f} of the rate of as many reads of the clock"
        )


def measured(seconds: float) -> Measured:
    """Migrate one machine after the other for some seconds."""
    migrate(0)
    runs, requests = 0, 0
    begun, end = time.process_time(), time.perf_counter() + seconds
    while time.perf_counter() < end:
        requests += migrate(runs)
        runs += 1
    spent = time.process_time() - begun
    return Measured(60 * runs / spent, requests / runs, _reads_of_the_clock(requests) / spent)


def migrate(seed: int) -> int:
    """Migrate one machine in a new world. Returns the number of requests.

    Raises:
        AssertionError: the migrated virtual machine does not exist.
    """
    site = Site([_MACHINE], seed=seed)
    handle, requests = site.world.handle, 0

    def counted(request: Request) -> Response:
        nonlocal requests
        requests += 1
        return handle(request)

    site.world.handle = counted  # type: ignore[method-assign]
    site.prepare()
    site.protect(_MACHINE)
    site.finished(site.test_failover(_MACHINE))
    site.finished(site.clean_up(_MACHINE))
    site.finished(site.fail_over(_MACHINE))
    site.finished(site.remove(_MACHINE, "MigrationComplete"))
    assert set(site.virtual_machines()) == {_MACHINE.name}
    site.store.close()
    return requests


def _reads_of_the_clock(count: int) -> float:
    """Seconds of processor time for `count` of the cheapest requests."""
    world = Site().world
    begun = time.process_time()
    for _ in range(count):
        world.handle(Request.of("GET", "/_emulator/clock")).content()
    return time.process_time() - begun
