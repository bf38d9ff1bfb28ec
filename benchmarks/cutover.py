"""What a cutover costs: records that are lost, and how long nobody serves.

    python -m benchmarks.cutover [--cutovers 1000] [--to benchmarks/results]

Each cutover is a machine of the emulator whose clients write one numbered record a second. Seeds draw its clients
and their long-lived connections, its clock, requests of Azure that are lost after they were accepted, and calls of
AWS that fail once. `latest` is measured on as many machines, for comparison. Everything runs in service time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from emulator.guests import machine as guests
from emulator.kernel import resources
from emulator.kernel.resources import PRIVATE
from site_recovery.convergence.interfaces import Pace
from site_recovery.convergence.outcome import Status
from site_recovery.convergence.run import converge
from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.errors import MigrationError
from site_recovery.phases import Phase
from site_recovery.planning import Rules
from tests.convergence.fleet import Fleet, Recorder
from tests.convergence.sources import EstateSources
from tests.emulator.recovery_services.site_recovery_support import (
    BOTH,
    GROUP,
    VAULT,
    linux,
    windows,
)

_RESULTS = Path("benchmarks/results")
_OF_A_FLEET = 10
_FAILOVER = "ReplicationProtectedItems_UnplannedFailover"
_MACHINES = "/providers/Microsoft.Compute/virtualMachines/"
_LONGEST_PAUSE = timedelta(minutes=1)
_POINTS_EVERY = timedelta(minutes=5)
_EXPERIENCES = {experience.name: experience for experience in BOTH}


@dataclass(frozen=True)
class Facts:
    """One cutover. Times are in seconds of the service.

    Attributes:
        lost: records that the source wrote and the virtual machine does not have.
        downtime: from the last accepted write to the end of the failover.
        bound: the least that this can take: the next recovery point, and the failover itself.
        runs: how often `pulumi up` had to run.
    """

    mode: str
    experience: str
    seed: int
    machine: str
    lost: int
    downtime: float
    bound: float
    runs: int


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write. Returns the exit code: 1 if a lossless cutover lost a record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cutover")
    parser.add_argument("--cutovers", type=int, default=1000, help="in each mode")
    parser.add_argument("--to", type=Path, default=_RESULTS, help="the folder of the results")
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    found = measured(options.cutovers)
    print(f"{len(found)} cutovers, {time.perf_counter() - begun:.0f} s\n\n{table(found)}")
    options.to.mkdir(parents=True, exist_ok=True)
    path = options.to / "cutover.json"
    path.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", "utf-8")
    print(f"\n{path}")
    return int(any(one.lost for one in found if one.mode == Mode.LOSSLESS))


def measured(cutovers: int) -> list[Facts]:
    """That many cutovers in each mode, half of them in each experience."""
    fleets = -(-cutovers // (_OF_A_FLEET * len(_EXPERIENCES)))
    planned = [
        (mode, experience, seed)
        for seed in range(1, fleets + 1)
        for experience in _EXPERIENCES
        for mode in (Mode.LOSSLESS, Mode.LATEST)
    ]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        return [facts for found in pool.map(_one_fleet, planned) for facts in found]


def table(found: Iterable[Facts]) -> str:
    """Records lost and downtime, by mode and experience."""
    lines = [
        "| mode | experience | cutovers | records lost: median, most | downtime in minutes: median, "
        "longest | downtime ÷ bound: median |",
        "|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str], list[Facts]] = {}
    for one in found:
        groups.setdefault((one.mode, one.experience), []).append(one)
    for (mode, experience), facts in sorted(groups.items()):
        lost = [one.lost for one in facts]
        down = [one.downtime / 60 for one in facts]
        ratio = statistics.median(one.downtime / one.bound for one in facts)
        lines.append(
            f"| {mode} | {experience} | {len(facts)} | {statistics.median(lost):.0f}, {max(lost)} | "
            f"{statistics.median(down):.1f}, {max(down):.1f} | {ratio:.2f} |"
        )
    return "\n".join(lines)


def _one_fleet(planned: tuple[Mode, str, int]) -> list[Facts]:
    mode, experience, seed = planned
    chance = random.Random(f"{experience}:{seed}")
    fleet = Fleet(_machines(experience, chance), experience=_EXPERIENCES[experience], seed=seed)
    try:
        fleet.cutovers = dict.fromkeys(fleet.machines, Cutover(mode=mode))
        fleet.sources = EstateSources(fleet.site)
        asyncio.run(_drive(fleet, Phase.PROTECTED))
        fleet.site.pass_time(seconds=chance.uniform(0, 1800))
        for machine in fleet.machines.values():
            if chance.random() < 0.3:
                skew = chance.uniform(-600, 600)
                fleet.sources.goes_wrong(machine.id, clockSkewSeconds=skew)
        _let_fail(fleet, fleet.sources, chance)
        runs = 0
        while runs < 5:
            runs += 1
            outcomes = asyncio.run(_drive(fleet, Phase.FAILED_OVER))
            if all(status is Status.SATISFIED for status in outcomes.values()):
                break
        return [_facts(fleet, mode, experience, seed, name, runs) for name in fleet.machines]
    finally:
        fleet.close()


def _machines(experience: str, chance: random.Random) -> list[Any]:
    made = []
    for number in range(1, _OF_A_FLEET + 1):
        if experience == "modernized" and chance.random() < 0.5:
            made.append(replace(linux(number), os="ubuntu-20.04"))
        else:
            made.append(windows(number))
    return made


def _let_fail(fleet: Fleet, sources: EstateSources, chance: random.Random) -> None:
    """Let a request of Azure lose its reply, and one call in twenty of AWS fail."""
    if chance.random() < 0.5:
        fleet.fault(operation=_FAILOVER, drop="after")

    def fail(verb: str, _instance: str) -> None:
        if chance.random() < 0.05:
            raise MigrationError("EC2 does not answer")

    sources.before = fail


async def _drive(fleet: Fleet, phase: Phase) -> dict[str, Status]:
    async def sleep(seconds: float) -> None:
        fleet.site.pass_time(seconds=seconds)

    rules = Rules(False, discovers=fleet.experience.name == "classic")
    pace = Pace(timedelta(hours=12), _LONGEST_PAUSE, sleep)
    async with fleet.service() as service:
        outcomes = await converge(
            service,
            fleet.assignments(phase),
            rules,
            pace,
            Recorder(),
            sources=fleet.sources,
        )
    return {name: outcome.status for name, outcome in outcomes.items()}


def _facts(fleet: Fleet, mode: Mode, experience: str, seed: int, machine: str, runs: int) -> Facts:
    sources, instance = fleet.sources, fleet.machines[machine].id
    made = resources.find(fleet.site.world, f"{GROUP}{_MACHINES}{machine}")
    assert sources is not None
    assert made is not None, (mode, experience, seed, machine)
    began, ended = _failover(fleet, machine)
    periods = sources.inside(instance)["writes"]["periods"]
    # With the portal's way the source goes on writing; nobody is served by Azure before the end.
    last = datetime.fromisoformat(periods[-1][1]) if periods[-1][1] else began
    point = datetime.fromisoformat(made[PRIVATE]["recoveryPointTime"])
    interval = (point - last) % _POINTS_EVERY if mode is not Mode.LATEST else timedelta()
    bound = interval + (ended - began)
    return Facts(
        str(mode),
        experience,
        seed,
        machine,
        guests.records(sources.inside(instance), ended) - int(made[PRIVATE]["record"]),
        (ended - last).total_seconds(),
        bound.total_seconds(),
        runs,
    )


def _failover(fleet: Fleet, machine: str) -> tuple[datetime, datetime]:
    """When the job of a machine's failover began and ended."""
    jobs: Sequence[Any] = fleet.site.get(f"{VAULT}/replicationJobs")["value"]
    own = [
        job["properties"]
        for job in jobs
        if job["properties"]["scenarioName"] == "UnplannedFailover"
        and job["properties"]["targetObjectName"] == machine
        and job["properties"]["state"] == "Succeeded"
    ]
    return (
        datetime.fromisoformat(own[0]["startTime"]),
        datetime.fromisoformat(own[0]["endTime"]),
    )


if __name__ == "__main__":
    sys.exit(main())
