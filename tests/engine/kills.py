"""A migration that is killed again and again at moments of one seed, and what must hold after it.

    python -m tests.engine.kills --seeds 1 2 3 --kills 8     both experiences, a life for each seed

A *life* is one stack from nothing to migrated machines, phase by phase. Its runs are struck one
after another: the n-th change that the clouds accept in a run is the moment, and a seed chooses n
and who is struck. After each strike the user does what docs/when-something-fails.md says, and the
next run goes on. A run that ends before its moment has done all that its phase needs; the strike
then meets a run of the next phase.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory

from emulator.providers.install import install
from tests.engine.clouds import Clouds
from tests.engine.harness import GROUP, MACHINES_GROUP, Pythons, Running, Stack
from toolchain.layout import checkout

EXPERIENCES = ("classic", "modernized")
MACHINES = ["web-01", "app-01"]
PHASES = ["protected", "test-failover", "migrated"]
PATH = [
    "DiscoverProtectableItem",
    "Create",
    "TestFailover",
    "TestFailoverCleanup",
    "UnplannedFailover",
    "Delete",
]
"""The operations of a machine through these phases, each once."""

_LOOK_SECONDS = 0.03
_RUN_SECONDS = 300
_MOST_CHANGES = 5
"""The latest moment: a life has some forty changes, so that eight strikes are spread over it."""


class Victim(Enum):
    """Who is struck, and how."""

    ENGINE = "the engine is killed"
    DRIVER = "the process of the dynamic providers is killed"
    AZURE_PLUGIN = "the process of azure-native is killed"
    AWS_PLUGIN = "the process of aws is killed"
    AZURE = "Azure is killed and started again"
    INTERRUPT = "Ctrl-C once"
    INTERRUPTS = "Ctrl-C twice"
    RIVAL = "the engine is killed, and the next run starts beside its orphans"


_PROCESSES = {
    Victim.DRIVER: "pulumi.dynamic",
    Victim.AZURE_PLUGIN: "emulator.providers.azure_native",
    Victim.AWS_PLUGIN: "emulator.providers.aws",
}


@dataclass(frozen=True)
class Strike:
    """One strike: after so many changes of its run."""

    victim: Victim
    after: int


def strikes(seed: int, count: int) -> list[Strike]:
    """The strikes of a life.

    The victims come in turns, so that each has its share. A life may end before all of them had
    theirs, so each of as many consecutive seeds as there are victims begins with another one.
    """
    chance = random.Random(seed)
    victims = list(Victim)
    first = victims[seed % len(victims)]
    chosen: list[Strike] = []
    while len(chosen) < count:
        turn = chance.sample(victims, len(victims))
        if not chosen:
            turn.sort(key=lambda victim: victim is not first)
        chosen += [Strike(victim, chance.randint(1, _MOST_CHANGES)) for victim in turn]
    return chosen[:count]


@dataclass
class Life:
    """What happened in a life.

    Attributes:
        struck: the strikes that met a run: victim, phase, and how many changes came before.
        wrong: what should hold and does not.
    """

    experience: str
    seed: int
    struck: list[tuple[str, str, int]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


def live(stack: Stack, seed: int, count: int) -> Life:
    """Migrate machines with a stack that has nothing yet, struck up to `count` times.

    A run that survives its strike may get all machines to its phase, so a life may have fewer.
    """
    life, began = Life(stack.experience, seed), time.monotonic()
    to_come = strikes(seed, count)
    for phase in PHASES:
        stack.declare(pilot=(phase, MACHINES))
        while to_come and _met(stack, life, to_come[0], phase):
            to_come.pop(0)
        _repair(stack, life)
        if (up := stack.up()).code != 0:
            life.wrong.append(f"the last run to {phase} failed: {up.error[-2000:]}")
    life.wrong += _wrong(stack)
    life.seconds = time.monotonic() - began
    return life


def _met(stack: Stack, life: Life, strike: Strike, phase: str) -> bool:
    """Strike a run; False if it ended before its moment."""
    run = stack.start("up", "--yes", "--skip-preview", real=True)
    if not _reached(run, stack.clouds, strike.after):
        return False
    life.struck.append((strike.victim.value, phase, stack.clouds.changes()))
    _strike(run, stack, strike.victim)
    _repair(stack, life, unless=strike.victim is Victim.RIVAL)
    return True


def _reached(run: Running, clouds: Clouds, changes: int) -> bool:
    """Wait for the n-th change from now; False if the run ends before it."""
    wanted = clouds.changes() + changes
    end = time.monotonic() + _RUN_SECONDS
    while time.monotonic() < end:
        if run.process.poll() is not None:
            return False
        if clouds.changes() >= wanted:
            return True
        time.sleep(_LOOK_SECONDS)
    raise AssertionError(f"a run neither ended nor changed anything within {_RUN_SECONDS} s")


def _strike(run: Running, stack: Stack, victim: Victim) -> None:
    if victim is Victim.ENGINE:
        run.kill()
    elif victim is Victim.RIVAL:
        os.kill(run.process.pid, signal.SIGKILL)
        run.process.wait()
    elif victim is Victim.AZURE:
        stack.clouds.kill_azure()
        run.result()
    elif victim in (Victim.INTERRUPT, Victim.INTERRUPTS):
        run.process.send_signal(signal.SIGINT)
        if victim is Victim.INTERRUPTS:
            run.said("press ^C again")
            run.process.send_signal(signal.SIGINT)
        run.result()
    else:
        for pid in run.processes(_PROCESSES[victim]):
            os.kill(pid, signal.SIGKILL)
        run.result()


def _repair(stack: Stack, life: Life, *, unless: bool = False) -> None:
    """What the guide tells the user to do after a killed run."""
    stack.succeeds("cancel", "--yes")
    if unless:
        return
    # What Azure still makes cannot be recorded yet.
    stack.clouds.advance(3600)
    recovered = stack.recover()
    if recovered.code != 0:
        life.wrong.append(f"make recover failed: {recovered.text[-2000:]}")


def _wrong(stack: Stack) -> Iterator[str]:
    """What should hold at the end of a life and does not."""
    again = stack.up("--expect-no-changes")
    if again.code != 0:
        yield f"a run after the last one fails or changes something: {again.text[-2000:]}"
    clouds = stack.clouds
    for machine in MACHINES:
        if (seen := clouds.operations(machine)) != stack.first(*PATH):
            yield f"{machine}: {', '.join(seen)}"
    counts = {
        "servers in EC2": len(clouds.servers()),
        "servers in the vault": len(clouds.fabrics(GROUP)),
        "vaults": len(clouds.vaults(GROUP)),
        "virtual machines": len(clouds.virtual_machines(MACHINES_GROUP)),
    }
    wanted = dict.fromkeys(counts, 1) | {"virtual machines": len(MACHINES)}
    yield from (f"{count} {what}" for what, count in counts.items() if count != wanted[what])


@contextmanager
def new_stack(experience: str) -> Iterator[Stack]:
    """A stack on local clouds of its own, whose processes start as a user's do."""
    python = checkout().virtual_environment
    with TemporaryDirectory() as folder:
        root = Path(folder)
        install(root / "home", python / "bin" / "python")
        pythons = Pythons(python, root / "home")
        for name in ("clouds", "stack"):
            (root / name).mkdir()
        clouds = Clouds(root / "clouds")
        try:
            yield Stack(root / "stack", clouds, pythons, pythons, experience)
        finally:
            clouds.stop()


def main(arguments: list[str]) -> int:
    """Live lives, one line of JSON each. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.engine.kills")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--kills", type=int, default=8, help="in each life")
    parser.add_argument("--experience", choices=EXPERIENCES, action="append")
    chosen = parser.parse_args(arguments)
    # A shell starts what runs in the background with Ctrl-C ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lives: list[Life] = []
    for experience in chosen.experience or EXPERIENCES:
        for seed in chosen.seeds:
            with new_stack(experience) as stack:
                life = live(stack, seed, chosen.kills)
            lives.append(life)
            print(json.dumps(vars(life)), flush=True)
            if life.wrong:
                print(
                    f"again: python -m tests.engine.kills --experience {experience} "
                    f"--seeds {seed} --kills {chosen.kills}",
                    flush=True,
                )
    print(_table(lives))
    wrong = sum(bool(life.wrong) for life in lives)
    print(f"{sum(len(life.struck) for life in lives)} strikes, {wrong} lives that went wrong")
    return 1 if wrong else 0


def _table(lives: Sequence[Life]) -> str:
    met = Counter((strike[0], life.experience) for life in lives for strike in life.struck)
    rows = [(victim.value, *(str(met[victim.value, e]) for e in EXPERIENCES)) for victim in Victim]
    lines = [f"| strike | {' | '.join(EXPERIENCES)} |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
