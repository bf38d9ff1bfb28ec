"""What ran on the machines of a wave and how long it took, from the jobs of the vault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from report.record import WaveRecord
from site_recovery.jobs import Job
from site_recovery.observation import Observed, Stage
from site_recovery.operations import Operation, of_scenario
from site_recovery.snapshot import Snapshot

INITIAL_REPLICATION = "initial replication"
"""What the timeline calls the time between the end of enabling and the end of its first copy. It is
no job of the vault."""
_COPIED = ("SecondaryIrCompletion", "PrimaryIrCompletion")
"""The scenarios with which the service ends an initial replication; each takes a second."""
RUNNING, SUCCEEDED, FAILED = "running", "succeeded", "failed"


@dataclass(frozen=True)
class Run:
    """Something that ran on a machine.

    Attributes:
        machine: the machine; empty for a recovery plan.
        plan: the recovery plan; empty for a machine.
        operation: an operation, `INITIAL_REPLICATION`, or the service's own word for another job.
        started: when it started.
        ended: when it ended; None while it runs.
        state: `RUNNING`, `SUCCEEDED` or `FAILED`.
        error: what the service says about its failure; empty if it says nothing.
    """

    wave: str
    machine: str
    plan: str
    operation: str
    started: datetime
    ended: datetime | None
    state: str
    error: str = ""

    def took(self, now: datetime) -> timedelta:
        """How long it took, or has taken so far."""
        return max((self.ended or now) - self.started, timedelta(0))


@dataclass(frozen=True)
class Durations:
    """How long an operation took on the machines of a stack."""

    operation: str
    runs: int
    failed: int
    median: timedelta
    longest: timedelta
    slowest: str


def runs_of(
    wave: WaveRecord, snapshot: Snapshot, observed: Mapping[str, Observed]
) -> tuple[Run, ...]:
    """What ran on the machines of a wave and on its recovery plan, the oldest first.

    Args:
        wave: the wave.
        snapshot: what the vault shows.
        observed: what was observed of its machines.
    """
    found: list[Run] = []
    for record in wave.machines:
        machine, seen = record.machine, observed[record.machine.name]
        names = {machine.name, machine.vm_name, seen.friendly_name}
        jobs = _jobs(snapshot, names)
        found += _of_machine(wave.name, machine.name, jobs, seen)
    if wave.plan:
        found += (
            _run(wave.name, "", wave.plan, job, _word(job))
            for job in _jobs(snapshot, {wave.plan})
            if job.started
        )
    return tuple(sorted(found, key=lambda run: (run.started, run.machine)))


def durations(runs: Iterable[Run], now: datetime) -> tuple[Durations, ...]:
    """How long each operation took, by operation in the order in which they first ran."""
    by: dict[str, list[Run]] = {}
    for run in runs:
        if run.machine:
            by.setdefault(run.operation, []).append(run)
    made = []
    for operation, its in by.items():
        ended = [run for run in its if run.state == SUCCEEDED]
        if not ended:
            continue
        longest = max(ended, key=lambda run: run.took(now))
        made.append(
            Durations(
                operation,
                len(its),
                sum(run.state == FAILED for run in its),
                timedelta(seconds=median(run.took(now).total_seconds() for run in ended)),
                longest.took(now),
                longest.machine,
            )
        )
    return tuple(made)


def _of_machine(wave: str, machine: str, jobs: Sequence[Job], observed: Observed) -> Iterator[Run]:
    copied = [job for job in jobs if job.scenario in _COPIED]
    failed_over = False
    for job in jobs:
        if job.started is None or job.scenario in _COPIED:
            continue
        operation = of_scenario(job.scenario)
        # Complete migration and disable protection are one scenario: what came before tells.
        completes = operation is Operation.DISABLE_PROTECTION and failed_over
        word = str(Operation.COMPLETE_MIGRATION) if completes else _word(job)
        run = _run(wave, machine, "", job, word)
        yield run
        if operation is Operation.UNPLANNED_FAILOVER and run.state == SUCCEEDED:
            failed_over = True
        if operation is Operation.ENABLE_PROTECTION and run.state == SUCCEEDED and run.ended:
            yield from _initial_replication(run, run.ended, copied, jobs, observed)


def _initial_replication(
    enabling: Run,
    since: datetime,
    copied: Iterable[Job],
    jobs: Iterable[Job],
    observed: Observed,
) -> Iterator[Run]:
    begun = [(job.started, job.ended) for job in copied if job.started is not None]
    end = min((ended or started for started, ended in begun if started >= since), default=None)
    state = SUCCEEDED
    if end is None and observed.stage is Stage.REPLICATING:
        state = RUNNING
    elif end is None:
        # The service said nothing of its end: it was over when the next operation began.
        later = [job.started for job in jobs if job.started and job.started > since]
        end = min(later, default=None)
        if end is None:
            return
    yield Run(enabling.wave, enabling.machine, "", INITIAL_REPLICATION, since, end, state)


def _run(wave: str, machine: str, plan: str, job: Job, word: str) -> Run:
    assert job.started is not None
    state = RUNNING if job.running else FAILED if job.failed else SUCCEEDED
    error = " ".join(map(str, job.errors)) if job.failed else ""
    ended = None if job.running else job.ended
    return Run(wave, machine, plan, word, job.started, ended, state, error)


def _word(job: Job) -> str:
    return str(of_scenario(job.scenario) or job.scenario)


def _jobs(snapshot: Snapshot, names: Iterable[str]) -> list[Job]:
    """The jobs of a target that is known by any of these names, the oldest first."""
    lower = {name.lower() for name in names if name}
    found = {job.name: job for name in lower for job in snapshot.jobs_by.get(name, ())}
    return sorted(
        (job for job in found.values() if job.started is not None),
        key=lambda job: job.started.timestamp() if job.started else 0.0,
    )
