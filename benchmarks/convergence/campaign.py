"""All runs of the benchmark of the convergence, on all cores."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import fmean
from typing import Any

from benchmarks.convergence import baselines, ours
from benchmarks.convergence.estate import EXPERIENCES, Estate
from benchmarks.convergence.measure import TRANSITIONS

PROGRAM = "this program"
IN_PLANS = "this program, in recovery plans"
"""The same with as large recovery plans as possible. One request then is enough for a whole plan."""
LATENCY_SECONDS = 0.1
SIZES = ((10, 1), (100, 1), (200, 1))
"""Numbers of machines, and of vaults that they are in."""
FULL_SIZE = (1000, 5)
"""This size is run in recovery plans too: with fewer machines the limit on writes costs little."""
SEEDS = (1, 2, 3)
_PARTS = ("order", "begin", "seen")
"""The parts of what a transition takes beyond its bound: the order in which machines began, what
they began later than the limit on writes allows, and what was not seen at once."""
COMPARED_AT = 100
"""The number of machines for which the baselines run too. One seed is enough for them."""


@dataclass(frozen=True)
class Run:
    """One way through all transitions.

    Attributes:
        way: `PROGRAM`, `IN_PLANS` or the name of a baseline.
        experience: `classic` or `modernized`.
        machines: the number of machines.
        vaults: the number of vaults.
        seed: the seed of the world.
    """

    way: str
    experience: str
    machines: int
    vaults: int
    seed: int


def runs(sizes: Iterable[tuple[int, int]], seeds: Sequence[int]) -> list[Run]:
    """All runs, the long ones first."""
    program = [
        Run(way, experience, *size, seed)
        for size in sizes
        for way in ((PROGRAM, IN_PLANS) if size == FULL_SIZE else (PROGRAM,))
        for seed in seeds
        for experience in EXPERIENCES
    ]
    others = [
        Run(way, experience, COMPARED_AT, 1, seeds[0])
        for way in baselines.STRATEGIES
        for experience in EXPERIENCES
        if (COMPARED_AT, 1) in sizes
    ]
    return sorted(program, key=lambda run: run.machines, reverse=True) + others


def carried_out(planned: Sequence[Run]) -> list[dict[str, Any]]:
    """The facts of every transition of every run, in the order of the runs."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        return [facts for found in pool.map(_carry_out, planned) for facts in found]


def _carry_out(run: Run) -> list[dict[str, Any]]:
    estate = Estate(run.experience, run.machines, run.vaults, run.seed)
    if run.way in (PROGRAM, IN_PLANS):
        meter = ours.migrate(estate, LATENCY_SECONDS, in_plans=run.way == IN_PLANS)
    else:
        meter = baselines.migrate(estate, baselines.STRATEGIES[run.way], LATENCY_SECONDS)
    about = {
        "way": run.way,
        "experience": run.experience,
        "machines": run.machines,
        "vaults": run.vaults,
        "seed": run.seed,
    }
    return [about | one.facts() for one in meter.measured]


def tables(facts: Sequence[dict[str, Any]]) -> str:
    """The facts as Markdown: the program's own, then its baselines. Of several seeds, the worst."""
    parts = _program(facts), _excess(facts), _compared(facts)
    return "\n\n".join("\n".join(lines) for lines in parts).strip()


def _program(facts: Sequence[dict[str, Any]]) -> list[str]:
    lines = [
        f"| machines | {' | '.join(TRANSITIONS)} | writes ÷ least | reads a look | 429 |",
        "|" + "---|" * (len(TRANSITIONS) + 4),
    ]
    for fleet, found in _fleets(facts):
        ratios = [
            ", ".join(
                f"{max(one[ratio] for one in found if one['transition'] == name):.2f}"
                for ratio in ("ratio", "ratioOfOrders")
            )
            for name in TRANSITIONS
        ]
        writes = max(one["writes"] / one["leastWrites"] for one in found)
        reads = sum(one["reads"] for one in found) / sum(one["looks"] for one in found)
        throttled = sum(one["throttled"] for one in found)
        cells = [fleet, *ratios, f"{writes:.2f}", f"{reads:.1f}", throttled]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def _excess(facts: Sequence[dict[str, Any]]) -> list[str]:
    """What a transition takes beyond its bound, in percent of it: means of the seeds."""
    lines = [
        f"| machines | {' | '.join(TRANSITIONS)} |",
        "|" + "---|" * (len(TRANSITIONS) + 1),
    ]
    for fleet, found in _fleets(facts):
        cells = []
        for name in TRANSITIONS:
            excess = [one["excess"] for one in found if one["transition"] == name]
            means = [fmean(one[part] for one in excess) * 100 for part in _PARTS]
            cells.append(" + ".join(f"{mean:.1f}" for mean in means))
        lines.append(f"| {fleet} | {' | '.join(cells)} |")
    return lines


def _fleets(facts: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """What was measured of the program itself, by fleet."""
    groups: dict[tuple[str, str, int], list[dict[str, Any]]] = defaultdict(list)
    for one in facts:
        if one["way"] in (PROGRAM, IN_PLANS):
            groups[one["way"], one["experience"], one["machines"]].append(one)
    return [
        (f"{machines} {experience}{way.removeprefix(PROGRAM)}", found)
        for (way, experience, machines), found in sorted(groups.items())
    ]


def _compared(facts: Sequence[dict[str, Any]]) -> list[str]:
    at = [one for one in facts if one["machines"] == COMPARED_AT]
    ways = list(dict.fromkeys(one["way"] for one in at))
    lines = [
        f"| {COMPARED_AT} machines, hours of service time | classic | modernized |",
        "|---|---|---|",
    ]
    for way in ways:
        hours = []
        for experience in EXPERIENCES:
            found = [one for one in at if (one["way"], one["experience"]) == (way, experience)]
            seeds = len({one["seed"] for one in found}) or 1
            hours.append(f"{sum(one['seconds'] for one in found) / seeds / 3600:.1f}")
        lines.append(f"| {way} | {' | '.join(hours)} |")
    return lines if len(ways) > 1 else []
