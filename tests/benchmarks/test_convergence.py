"""The benchmark of the convergence measures what it says."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from benchmarks.convergence import baselines, campaign, measure, ours
from benchmarks.convergence.estate import EXPERIENCES, Estate
from emulator.kernel.clock import EPOCH, Clock
from tests.convergence import virtual_time


def test_time_passes_only_while_everything_sleeps() -> None:
    clock = Clock()
    ends: list[tuple[str, timedelta]] = []

    async def sleeps(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        ends.append((name, clock.now() - EPOCH))

    async def work() -> None:
        await asyncio.gather(sleeps("long", 3 * 3600), sleeps("short", 0.1))

    virtual_time.run(clock, work())
    assert [name for name, _ in ends] == ["short", "long"]
    assert [round(passed.total_seconds(), 3) for _, passed in ends] == [0.1, 10800]


def test_who_lacks_less_than_a_moment_waits_a_moment() -> None:
    """A limiter that lacks a part of a token that takes no time would never get it."""
    clock, called = Clock(), []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        begun, enough = loop.time(), asyncio.Event()

        def again() -> None:
            called.append(loop.time())
            if loop.time() > begun or len(called) > 100:
                enough.set()
            else:
                loop.call_at(loop.time() + 1e-12, again)

        again()
        await enough.wait()

    virtual_time.run(clock, work())
    assert len(called) == 2


@pytest.mark.parametrize("experience", EXPERIENCES)
def test_all_machines_go_all_the_way_and_no_way_beats_its_bound(experience: str) -> None:
    sequence = baselines.STRATEGIES["in sequence"]
    program = ours.migrate(Estate(experience, 2, 1, seed=1), latency=0.1)
    script = baselines.migrate(Estate(experience, 2, 1, seed=1), sequence, latency=0.1)
    for meter in (program, script):
        assert [one.transition for one in meter.measured] == list(measure.TRANSITIONS)
        for one in meter.measured:
            assert one.seconds >= one.served >= one.bound_in_order >= one.bound > 30
            assert one.seconds >= one.bound_of_orders >= one.bound
        for one in meter.measured:
            parts = one.facts()["excess"].values()
            assert all(part >= 0 for part in parts)
            assert 1 + sum(parts) == pytest.approx(one.seconds / one.bound, abs=0.002)
        assert all(one.writes >= one.least_writes > 0 for one in meter.measured)
    took = [sum(one.seconds for one in meter.measured) for meter in (program, script)]
    assert took[0] < took[1]


def test_machines_are_spread_over_the_vaults_of_one_subscription() -> None:
    estate = Estate("classic", 3, 2, seed=1)
    assert [len(vault.machines) for vault in estate.vaults] == [2, 1]
    meter = ours.migrate(estate, latency=0.1)
    assert [one.least_writes for one in meter.measured] == [6, 3, 3, 3, 3]


@pytest.mark.parametrize("experience", EXPERIENCES)
def test_in_recovery_plans_one_request_is_enough_for_a_plan(experience: str) -> None:
    estate = Estate(experience, 5, 2, seed=1)
    meter = ours.migrate(estate, latency=0.1, in_plans=True)
    assert [one.writes for one in meter.measured[1:]] == [2, 2, 2, 5]
    # Beside what protects the machines, each plan is made.
    assert meter.measured[0].writes == (12 if experience == "classic" else 7)
    for one in meter.measured:
        assert one.least_writes == one.writes
        assert one.seconds >= one.served >= one.bound_in_order >= one.bound > 30


def test_the_tables_show_the_worst_seed_and_compare_whole_ways() -> None:
    facts = [
        {
            "way": way,
            "experience": experience,
            "machines": campaign.COMPARED_AT,
            "seed": seed,
            "transition": transition,
            "seconds": 360 * seed,
            "ratio": seed,
            "ratioOfOrders": seed / 2,
            "excess": {"order": 0.1 * seed, "begin": 0.02, "seen": 0.01},
            "reads": 4,
            "looks": 2,
            "writes": 3,
            "leastWrites": 2,
            "throttled": 1,
        }
        for way, seeds in ((campaign.PROGRAM, (1, 2)), ("in sequence", (9,)))
        for experience in EXPERIENCES
        for seed in seeds
        for transition in measure.TRANSITIONS
    ]
    lines = campaign.tables(facts).splitlines()
    ratios, shares = " | ".join(["2.00, 1.00"] * 5), " | ".join(["15.0 + 2.0 + 1.0"] * 5)
    assert lines[2] == f"| 100 classic | {ratios} | 1.50 | 2.0 | 10 |"
    assert lines[7] == f"| 100 classic | {shares} |"
    assert lines[-2:] == ["| this program | 0.8 | 0.8 |", "| in sequence | 4.5 | 4.5 |"]
