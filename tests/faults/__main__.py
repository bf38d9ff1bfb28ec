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
CHANGES = 1 / 3
"""The share of the faults of changes. The three seeds together try each of them."""
READS = 0.012
"""The share of the faults of reads that makes the campaign last minutes. Each seed draws others."""
PAIRS = 0.04
"""The share of the plans that second faults are added to."""


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns its exit status: 1 if a plan violates what must hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--jobs", type=int, default=2, help="processes at the same time")
    parser.add_argument("--reads", type=float, default=READS, help="share of the faults of reads")
    parser.add_argument("--changes", type=float, default=CHANGES, help="share of those of changes")
    parser.add_argument("--pairs", type=float, default=PAIRS, help="share that gets second faults")
    parser.add_argument("--transitions", nargs="+", default=[each.name for each in TRANSITIONS])
    parser.add_argument("--plan", help="one plan, as the campaign names it")
    given = parser.parse_args(arguments)
    if given.plan:
        return _again(given.plan)
    began = time.monotonic()
    scenes = _scenes(given.seeds, given.transitions)
    explore = partial(campaign.explore, choice=Choice(given.reads, given.changes, given.pairs))
    with ProcessPoolExecutor(given.jobs, get_context("fork")) as pool:
        found = list(_told(scenes, pool.map(explore, scenes)))
    minutes = (time.monotonic() - began) / 60
    print(_table(found))
    broken = [result for result in found if result.violations]
    pairs = sum(len(result.kinds) > 1 for result in found)
    print(
        f"{len(found)} plans, {pairs} of them with two faults, {len(broken)} with violations, "
        f"{len(found) / minutes:.0f} a minute, seeds {', '.join(map(str, given.seeds))}"
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
    seed, experience, mode, transition, *faults = plan.split("/")
    scene = Scene(int(seed), experience, mode, BY_NAME[transition])
    trace = partial(print, file=sys.stderr, flush=True)
    steps = zip(map(int, faults[::2]), (BY_SLUG[slug] for slug in faults[1::2]), strict=True)
    found = campaign.explore(scene, Choice(plan=tuple(steps), trace=trace))
    if not found:
        print(f"{plan}: no such fault meets this call", file=sys.stderr)
        return 2
    (result,) = found
    print("\n".join(result.violations) or "nothing is violated")
    return 1 if result.violations else 0


def _table(found: Iterable[Result]) -> str:
    """For every kind of fault the plans with it alone, by experience, and those with another one."""
    plans: Counter[tuple[str, str]] = Counter()
    broken: Counter[tuple[str, str]] = Counter()
    for result in found:
        column = result.experience if len(result.kinds) == 1 else "of two"
        for kind in result.kinds:
            plans[kind, column] += 1
            broken[kind, column] += bool(result.violations)
    columns = (*EXPERIENCES, "of two")
    rows = [
        (kind.name, *(f"{broken[kind.name, c]} of {plans[kind.name, c]}" for c in columns))
        for kind in KINDS
        if any(plans[kind.name, c] for c in columns)
    ]
    lines = [f"| fault | {' | '.join(EXPERIENCES)} | one of two |", "|---|---|---|---|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


if __name__ == "__main__":
    sys.exit(main())
