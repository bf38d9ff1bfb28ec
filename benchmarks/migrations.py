"""Measures how many whole migrations run per minute, in process and with a manual clock.

    python -m benchmarks.migrations [--seconds 5]

Each migration has a new world with a landing zone and a server that registers. One machine is
discovered, replicated, tested, cleaned up, failed over and completed. That takes about 80 requests
and six hours of service time. Minutes are processor time. The baseline is the same number of the
cheapest requests, which read the clock, in the same run.
"""

from __future__ import annotations

import argparse
import sys
import time

from emulator.kernel.wire import Request, Response
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import Site

_MACHINE = support.windows(1)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.migrations")
    parser.add_argument("--seconds", type=float, default=5.0)
    seconds = parser.parse_args(arguments).seconds
    migrate(0)
    runs, requests = 0, 0
    begun, end = time.process_time(), time.perf_counter() + seconds
    while time.perf_counter() < end:
        requests += migrate(runs)
        runs += 1
    spent = time.process_time() - begun
    ratio = _reads_of_the_clock(requests) / spent
    print(
        f"{60 * runs / spent:,.0f} whole migrations a minute, {requests / runs:.0f} requests each"
    )
    print(f"{ratio:.2f} of the rate of as many reads of the clock")
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
