"""A pause between two looks ends early when jobs of the vault have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import cast

import pytest
from azure.core.exceptions import ServiceRequestError

from emulator.kernel.clock import EPOCH, Clock
from site_recovery.arm_ids import VaultId
from site_recovery.azure.connection import Connection
from site_recovery.azure.job_history import JobHistory
from site_recovery.azure.job_watch import JobWatch
from site_recovery.azure.rounds import Rounds
from site_recovery.jobs import Job
from site_recovery.snapshot import Kind, Unreadable
from tests.convergence import virtual_time

VAULT = VaultId("00000000-0000-0000-0000-000000000000", "rg", "rsv")
PAUSE = 60.0
STEP = 3.0
"""The shortest pause."""


class _Vault:
    """A vault whose jobs began at once and end at the given seconds; it is also the connection."""

    def __init__(self, ends: Mapping[str, float], began: float = 0.0) -> None:
        self.ends = ends
        self.began = EPOCH + timedelta(seconds=began)
        self.time = Clock()
        self.client = self.clock = self
        self.looks = 0
        self.unreadable: tuple[Unreadable, ...] = ()
        self.fails = False
        self.leads = True
        self.takes = 0.0
        self.jobs = {
            name: Job(name, name, "TestFailover", "InProgress", name, started=self.began)
            for name in ends
        }

    def now(self) -> datetime:
        return self.time.now()

    async def look(self, *_: object) -> None:
        self.looks += 1
        await asyncio.sleep(self.takes)
        if self.fails:
            raise ServiceRequestError("no answer")
        passed = (self.now() - EPOCH).total_seconds()
        self.jobs = {
            name: replace(job, state="Succeeded" if self.ends[name] <= passed else "InProgress")
            for name, job in self.jobs.items()
        }

    def pauses(self, count: int = 1, seconds: float = PAUSE) -> list[float]:
        """How many seconds so many runs pause that begin together."""

        async def pause() -> float:
            connection = cast("Connection", self)
            watch = JobWatch(connection, VAULT, cast("JobHistory", self))
            await watch.sleep(seconds, lambda: self.leads, asyncio.sleep)
            return (self.now() - EPOCH).total_seconds()

        async def all_of_them() -> list[float]:
            return list(await asyncio.gather(*(pause() for _ in range(count))))

        return [round(paused, 1) for paused in virtual_time.run(self.time, all_of_them())]


@pytest.mark.parametrize(
    ("ends", "paused"),
    [
        ([10.0], 12.0),
        ([10.0, 40.0], 12.0),
        ([10.0, 40.0, 50.0], 42.0),
        ([10.0, 500.0, 500.0], PAUSE),
        ([500.0], PAUSE),
    ],
)
def test_a_pause_ends_when_half_of_the_jobs_have_ended(ends: list[float], paused: float) -> None:
    assert _Vault({f"job-{number}": end for number, end in enumerate(ends)}).pauses() == [paused]


@pytest.mark.parametrize("seconds", [3.2, 9.1, 10 / 3])
def test_the_rest_of_a_pause_is_one_sleep(seconds: float) -> None:
    vault = _Vault({"job": 500.0})
    assert vault.pauses(seconds=seconds) == [round(seconds, 1)]
    assert vault.looks == int(seconds / STEP)


def test_without_a_running_job_nothing_is_read() -> None:
    vault = _Vault({})
    assert vault.pauses() == [PAUSE]
    assert vault.looks == 0


def test_a_job_that_runs_for_long_is_looked_at_less_often() -> None:
    vault = _Vault({"job": 20.0}, began=-900.0)
    assert vault.pauses() == [27.3]
    assert vault.looks == 3


def test_runs_that_pause_together_read_the_jobs_once() -> None:
    one, nine = _Vault({"job": 30.0}), _Vault({"job": 30.0})
    assert one.pauses(1) == [30.0]
    # Whoever reads learns it first; in a vault it then wakes the others (`Rounds`).
    assert min(nine.pauses(9)) == 30.0
    assert nine.looks <= one.looks + 1


def test_jobs_are_read_until_they_have_ended_although_each_read_takes_time() -> None:
    vault = _Vault({"job": 40.0})
    vault.takes = 0.5
    watch = JobWatch(cast("Connection", vault), VAULT, cast("JobHistory", vault))

    async def rest() -> float:
        await Rounds().rest(PAUSE, partial(watch.sleep, sleep=asyncio.sleep))
        return (vault.now() - EPOCH).total_seconds()

    # It is read in turns of three seconds and a half.
    assert virtual_time.run(vault.time, rest()) == pytest.approx(42.0)


def test_while_another_run_looks_sooner_nothing_is_read() -> None:
    vault = _Vault({"job": 10.0})
    vault.leads = False
    assert vault.pauses() == [PAUSE]
    assert vault.looks == 0


def test_without_an_answer_the_pause_goes_on_to_its_end() -> None:
    vault = _Vault({"job": 10.0})
    vault.fails = True
    assert vault.pauses() == [PAUSE]
    assert vault.looks == 1


def test_with_a_job_that_cannot_be_read_nothing_is_read() -> None:
    vault = _Vault({"job": 10.0})
    vault.unreadable = (Unreadable(Kind.JOB, "odd", "it has no state", frozenset()),)
    assert vault.pauses() == [PAUSE]
    assert vault.looks == 0
