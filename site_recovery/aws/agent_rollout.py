"""The progress of the mobility agent's installation by Systems Manager, for each machine."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from site_recovery.aws.associations import SUCCESS, WAITING, Associations, Run
from site_recovery.aws.managed_instances import ManagedInstance, unmanaged_reason
from site_recovery.polling import until_blocking

_MAY_START = ("stopping", "stopped")
"""The states in EC2 of an instance that does not run and may run again."""


class State(StrEnum):
    """The state of a machine; `NOT_MANAGED` also if its SSM agent does not answer."""

    INSTALLED = "installed"
    FAILED = "failed"
    PENDING = "pending"
    NOT_MANAGED = "not managed"


@dataclass(frozen=True)
class Progress:
    """The state of one machine, and the reason if the agent is not installed, without a full stop.

    Attributes:
        run: the run that installed the agent.
    """

    state: State
    reason: str = ""
    run: Run | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.state}: {self.reason}" if self.reason else str(self.state)


@dataclass(frozen=True)
class Rollout:
    """The associations and the machines of a rollout.

    Attributes:
        associations: association ids; each machine is a target of one of them.
        machines: instance id by machine name.
    """

    associations: tuple[str, ...]
    machines: Mapping[str, str]


def look(
    rollout: Rollout, aws: Associations, before: Iterable[str] = ()
) -> tuple[dict[str, Progress], dict[str, str]]:
    """Read the progress of each machine once.

    Args:
        rollout: the associations and the machines.
        aws: the associations of the region.
        before: ids of runs whose failures are ignored, because another run was started.

    Returns:
        The progress by machine; and for each failed machine, the id of its association.

    Raises:
        MigrationError: AWS did not answer or refused.
    """
    instances = set(rollout.machines.values())
    runs: dict[str, list[Run]] = {}
    association_of: dict[str, str] = {}
    for association in rollout.associations:
        for instance, some in aws.runs(association, instances).items():
            runs[instance] = some
            association_of[instance] = association
    managed = aws.managed(instances)
    old = frozenset(before)
    newest = {instance: _newest(runs.get(instance, []), old) for instance in instances}
    down = aws.down(_lost(newest, managed))
    progress: dict[str, Progress] = {}
    failed: dict[str, str] = {}
    for machine, instance in rollout.machines.items():
        progress[machine] = _progress(
            newest[instance], instance, managed.get(instance), down.get(instance), aws
        )
        if progress[machine].state is State.FAILED:
            failed[machine] = association_of[instance]
    return progress, failed


def wait(
    rollout: Rollout,
    aws: Associations,
    limit: timedelta,
    poll: timedelta,
    status: Callable[[str], None],
    *,
    again: bool = False,
    going: Callable[[], bool] = lambda: True,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> dict[str, Progress]:
    """Wait until no machine is pending.

    A failed machine and one that is not managed are not waited for: the association runs again by
    its schedule, or once the machine is managed.

    Args:
        rollout: the associations and the machines.
        aws: the associations of the region.
        limit: how long to wait. This is real time, also on local clouds: AWS has no clock of its own.
        poll: real time between two looks.
        status: receives a summary after each look.
        again: whether to run failed associations again now.
        going: called after each look; False ends the wait.
        sleep: injected by tests.
        monotonic: injected by tests.

    Returns:
        The progress by machine. A failed machine is not an error here; the caller decides.

    Raises:
        MigrationError: AWS did not answer or refused.
    """
    started = monotonic()
    before = _restart(rollout, aws) if again else frozenset()

    def left() -> float:
        return max(0.0, limit.total_seconds() - (monotonic() - started))

    def judge() -> dict[str, Progress] | None:
        progress, _ = look(rollout, aws, before)
        status(summary(progress))
        pending = any(p.state is State.PENDING for p in progress.values())
        return progress if not pending or not left() or not going() else None

    return until_blocking(judge, lambda: min(poll.total_seconds(), left()), sleep)


def bios_ids(
    progress: Mapping[str, Progress], machines: Mapping[str, str], aws: Associations
) -> dict[str, str]:
    """The BIOS ids that the installations found, by machine.

    A machine is left out if the output of its run is gone: Systems Manager keeps it for thirty
    days.

    Args:
        progress: by machine.
        machines: instance id by machine.
        aws: the associations of the region.
    """
    return {
        machine: str(bios)
        for machine, its in progress.items()
        if its.run is not None
        and its.run.command_id
        and (bios := _report(aws.output(its.run.command_id, machines[machine])).get("bios"))
    }


def summary(progress: Mapping[str, Progress]) -> str:
    """One line: how many agents are installed, and the machines without one."""
    counts = Counter(p.state for p in progress.values())
    parts = [f"{counts[State.INSTALLED]}/{len(progress)} agents installed"]
    for state in (State.PENDING, State.FAILED, State.NOT_MANAGED):
        names = sorted(machine for machine, p in progress.items() if p.state is state)
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            parts.append(f"{state} {', '.join(names[:3])}{more}")
    return " · ".join(parts)


def _newest(runs: list[Run], before: frozenset[str]) -> Run | None:
    """The newest run that has ended; if there is none, one that is in progress.

    The schedule repeats the script, so a run in progress does not contradict an earlier success.
    An earlier failure is ignored once another run was started.
    """
    new = [run for run in runs if run.execution_id not in before]
    ended = next((run for run in new if run.final), None)
    if ended is not None:
        return ended
    old = next((run for run in runs if run.final), None)
    if old is not None and old.status == SUCCESS:
        return old
    return next(iter(new), None)


def _lost(newest: Mapping[str, Run | None], managed: Mapping[str, ManagedInstance]) -> list[str]:
    """The instances whose agents do not answer while they install something.

    They restart, or they were stopped: their runs stay in progress for hours then.
    """
    return [
        instance
        for instance, run in newest.items()
        if _installs(run) and unmanaged_reason(instance, managed.get(instance)) is not None
    ]


def _installs(run: Run | None) -> bool:
    return run is not None and not run.final and run.status != WAITING


def _progress(
    run: Run | None,
    instance: str,
    known: ManagedInstance | None,
    down: str | None,
    aws: Associations,
) -> Progress:
    if run is not None and run.status == SUCCESS:
        return Progress(State.INSTALLED, run=run)
    if run is not None and run.final:
        return Progress(State.FAILED, _failure(run, instance, aws))
    if down is not None:
        way_out = "Start it" if down in _MAY_START else "Correct its instanceId"
        return Progress(
            State.NOT_MANAGED,
            f"{instance} is {down}, and the agent was just being installed. {way_out}",
        )
    if _installs(run):
        return Progress(State.PENDING, f"{instance} is installing")
    unreachable = unmanaged_reason(instance, known)
    if unreachable is not None:
        return Progress(State.NOT_MANAGED, unreachable)
    return Progress(State.PENDING, f"{instance} has not run the installation yet")


def _failure(run: Run, instance: str, aws: Associations) -> str:
    """The message of the script if it printed one, else that of the service."""
    outputs = [run.detail]
    if run.command_id:
        outputs.insert(0, aws.output(run.command_id, instance))
    for text in outputs:
        message = _report(text).get("message")
        if message:
            return str(message).rstrip(". ")
    if run.status == "TimedOut":
        return "the installation did not end in time"
    detail = f" ({run.detail})" if run.detail not in ("", run.status) else ""
    return f"the run of the installation ended as {run.status}{detail}"


def _report(text: str) -> dict[str, Any]:
    """The report of the script: the last line that is a JSON object."""
    for line in reversed(text.splitlines()):
        try:
            report = json.loads(line)
        except ValueError:
            continue
        if isinstance(report, dict):
            return report
    return {}


def _restart(rollout: Rollout, aws: Associations) -> frozenset[str]:
    """Run the associations again that failed.

    Returns:
        The ids of the runs whose failures no longer count; none if nothing was started.
    """
    _, failed = look(rollout, aws)
    if not failed:
        return frozenset()
    earlier = _executions(rollout, aws)
    return earlier if aws.start(failed.values()) else frozenset()


def _executions(rollout: Rollout, aws: Associations) -> frozenset[str]:
    instances = set(rollout.machines.values())
    return frozenset(
        run.execution_id
        for association in rollout.associations
        for runs in aws.runs(association, instances).values()
        for run in runs
    )
