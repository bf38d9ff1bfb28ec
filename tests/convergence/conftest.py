"""Fleets of two Windows machines and one Red Hat machine: over HTTP and in process, per experience."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator

import pytest

from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet
from tests.copies import copied
from tests.emulator.recovery_services.site_recovery_support import BOTH, Classic, linux, windows

_HALVED = "test_every_cut_of_a_cutover.py"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the cuts of a cutover, run half of all combinations, unless COMBINATIONS=all.

    A cut in one experience is made to a machine alone or to one in a plan, and in the other
    experience the other way round. So any two values of the three still meet.
    """
    if os.environ.get("COMBINATIONS") == "all":
        return
    left_out = {each for each in items if each.path.name == _HALVED and _is_left_out(each)}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [each for each in items if each not in left_out]


def _is_left_out(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    values: dict[str, object] = dict(callspec.params) if callspec is not None else {}
    if not {"experience", "how"} <= values.keys():
        return False
    classic, alone = values.pop("experience") is BOTH[0], values.pop("how") == "alone"
    # A checksum, because it has to be the same in every worker.
    begins: int = zlib.crc32(f"{item.nodeid.partition('[')[0]} {values}".encode())
    return (begins + classic + alone) % 2 == 1


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
