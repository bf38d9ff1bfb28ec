"""A preview refuses a failover that a lock would let fail, if it would begin now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from dynamic_providers.wave import review as wave_review
from dynamic_providers.wave.review import LookAhead
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet
from tests.convergence.test_what_a_landing_zone_forbids import lock
from tests.dynamic_providers.waves import inputs
from tests.emulator.recovery_services.site_recovery_support import BOTH, GROUP, Classic, windows


@pytest.fixture(params=BOTH, ids=lambda experience: experience.name)
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    chosen: Classic = request.param
    made = Fleet([windows(number) for number in range(1, 3)], experience=chosen)
    yield made
    made.close()


def ahead(fleet: Fleet, phase: str, **guards: Any) -> LookAhead:
    news = inputs(fleet, phase)
    news["guards"] = guards
    return asyncio.run(wave_review.look_ahead(fleet.connector(), {}, news, {}, preview=True))


@pytest.mark.parametrize("phase", ["test-failover", "failed-over", "migrated"])
def test_it_names_the_lock_for_each_machine(fleet: Fleet, phase: str) -> None:
    fleet.drive(Phase.PROTECTED)
    identifier = lock(fleet, GROUP)
    refusals = ahead(fleet, phase).refusals
    assert [line.split(":")[0] for line in refusals] == ["web-01", "web-02"]
    assert all("lock 'prod-guard' (ReadOnly)" in line for line in refusals)
    assert all(f"az lock delete --ids {identifier}" in line for line in refusals)


def test_it_refuses_nothing_that_begins_later_or_needs_no_virtual_machine(fleet: Fleet) -> None:
    lock(fleet, GROUP)
    assert ahead(fleet, "failed-over").refusals == []
    fleet_is_protected = ahead(fleet, "protected")
    assert fleet_is_protected.refusals == []
