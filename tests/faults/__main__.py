"""Tries to break the convergence, and tells what did.

python -m tests.faults                    the whole campaign
python -m tests.faults --plan PLAN        one plan again, with everything that happens in it
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from tests.faults import campaign
from tests.faults.campaign import Choice, Result, Scene
from tests.faults.kinds import BY_SLUG, KINDS
from tests.faults.transitions import BY_NAME, TRANSITIONS

EXPERIENCES = ("classic", "modernized")
SEEDS = (1, 2, 3)
READS = 0.03
"""The share of the faults of reads that makes the campaign last minutes. Each seed draws others."""


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns its exit status: 1 if a plan violates what must hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--jobs", type=int, default=2, help="processes at the same time")
    parser.add_argument("--reads", type=float, default=READS, help="share of the faults of reads")
    parser.add_argument("--changes", type=float, default=1.0, help="share of those of changes")
    parser.add_argument("--transitions", nargs="+", default=[each.name for each in TRANSITIONS])
    parser.add_argument("--plan", help="one plan, as the campaign names it")
    given = parser.parse_args(arguments)
    if given.plan:
        return _again(given.plan)
    began = time.monotonic()
    scenes = _scenes(given.seeds, given.transitions)
    explore = partial(campaign.explore, choice=Choice(given.reads, given.changes))
    with ProcessPoolExecutor(given.jobs, get_context("fork")) as pool:
        found = list(_told(scenes, pool.map(explore, scenes)))
    minutes = (time.monotonic() - began) / 60
    print(_table(found))
    broken = [result for result in found if result.violations]
    print(
        f"{len(found)} plans, {len(broken)} with violations, {len(found) / minutes:.0f} a minute, "
        f"seeds {', '.join(map(str, given.seeds))}"
    )
    if broken:
        print(f"To run one again: make faults PLAN={broken[0].plan}")
    return 1 if broken else 0


def _told(scenes: Sequence[Scene], explored: Iterable[list[Result]]) -> Iterator[Result]:
    """All results; each violation is printed as soon as it is found, and how far the campaign is."""
    for number, (scene, results) in enumerate(zip(scenes, explored, strict=True), start=1):
        for result in results:
            for violation in result.violations:
                print(f"{result.plan}: {violation}", flush=True)
            yield result
        broken = sum(bool(result.violations) for result in results)
        print(
            f"{number} of {len(scenes)}: {scene}, {len(results)} plans, {broken} with violations",
            file=sys.stderr,
            flush=True,
        )


def _scenes(seeds: Iterable[int], names: Iterable[str]) -> list[Scene]:
    return [
        Scene(seed, experience, mode, BY_NAME[name])
        for seed in seeds
        for name in names
        for experience in EXPERIENCES
        for mode in BY_NAME[name].modes
    ]


def _again(plan: str) -> int:
    seed, experience, mode, transition, number, kind = plan.split("/")
    scene = Scene(int(seed), experience, mode, BY_NAME[transition])
    trace = partial(print, file=sys.stderr, flush=True)
    choice = Choice(kind=BY_SLUG[kind], number=int(number), trace=trace)
    found = campaign.explore(scene, choice)
    if not found:
        print(f"{plan}: no such fault meets this call", file=sys.stderr)
        return 2
    (result,) = found
    print("\n".join(result.violations) or "nothing is violated")
    return 1 if result.violations else 0


def _table(found: Iterable[Result]) -> str:
    plans = Counter((result.kind, result.experience) for result in found)
    broken = Counter((result.kind, result.experience) for result in found if result.violations)
    rows = [
        (name, *(f"{broken[name, e]} of {plans[name, e]}" for e in EXPERIENCES))
        for name in [kind.name for kind in KINDS]
        if any(plans[name, e] for e in EXPERIENCES)
    ]
    lines = ["| fault | classic | modernized |", "|---|---|---|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


if __name__ == "__main__":
    sys.exit(main())
