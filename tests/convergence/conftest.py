"""Fleets of two Windows machines and one Red Hat machine: over HTTP and in process, per experience."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet
from tests.copies import copied
from tests.emulator.recovery_services.site_recovery_support import BOTH, Classic, linux, windows


@pytest.fixture(params=BOTH, ids=lambda experience: experience.name)
def experience(request: pytest.FixtureRequest) -> Classic:
    """Classic and modernized."""
    chosen: Classic = request.param
    return chosen


@pytest.fixture(params=["in-process", "http"])
def fleet(request: pytest.FixtureRequest, experience: Classic) -> Iterator[Fleet]:
    made = Fleet([windows(1), windows(2), linux(1)], request.param, experience)
    yield made
    made.close()


@pytest.fixture
def quiet_fleet(experience: Classic) -> Iterator[Fleet]:
    """A fleet in process only, for tests that HTTP does not matter to."""
    made = Fleet([windows(1), windows(2), linux(1)], experience=experience)
    yield made
    made.close()


@copied
def _replicating(experience: Classic) -> Fleet:
    fleet = Fleet([windows(1), windows(2), linux(1)], experience=experience)
    fleet.drive(Phase.PROTECTED)
    return fleet


@pytest.fixture
def replicating(experience: Classic) -> Fleet:
    """The same fleet after a run that has protected it."""
    return _replicating(experience)
