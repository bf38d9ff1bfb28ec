"""Fleets of two Windows machines and one of Red Hat, on both wires."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.convergence.fleet import Fleet
from tests.emulator.site_recovery_support import linux, windows


@pytest.fixture(params=["in-process", "http"])
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    made = Fleet([windows(1), windows(2), linux(1)], request.param)
    yield made
    made.close()


@pytest.fixture
def quiet_fleet() -> Iterator[Fleet]:
    """In process only, for what the wire has no part in."""
    made = Fleet([windows(1), windows(2), linux(1)])
    yield made
    made.close()
