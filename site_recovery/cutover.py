"""Decides the next step of a cutover: a pure function of the declaration and the source.

A cutover prepares the source of a failover so that no write is lost. Every step shows in EC2: the
security groups of the interfaces, the state of the instance, and tags that say what was there
before. So a run that was killed between two steps leaves the next run all that it needs, either to
go on or to give the source back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from site_recovery.cutover_memory import Interface, Memory, Source, is_ours
from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.fencing import Fencing
from site_recovery.reasons import Reason
from site_recovery.snapshot import RecoveryPoint

_STOP_WAIT = timedelta(minutes=20)
"""How long an instance may take to stop. EC2 forces one off that hangs after some minutes."""

SHUTTING_DOWN, TERMINATED = "shutting-down", "terminated"
EC2_LAG = timedelta(minutes=1)
"""How long EC2 may show an instance, and its security groups, as they were before a change."""


# -- forward --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Remember:
    """Write down the source as it is before it is changed.

    Attributes:
        since: the interfaces that were attached, or got other groups, since the cutover began; none
            at its beginning.
    """

    since: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunQuiesce:
    """Run the declared commands that stop the application."""


@dataclass(frozen=True)
class Fence:
    """Give these interfaces the fence as their only security group."""

    interfaces: tuple[str, ...]


@dataclass(frozen=True)
class FenceAnew:
    """Forget that the fence was proven: the source ran with another group beside the fence."""


@dataclass(frozen=True)
class Prove:
    """End the foreign connections that are left, flush the disks and take the time."""


@dataclass(frozen=True)
class NoteFence:
    """Note the time of a fence that nothing proves (`stop-first`)."""


@dataclass(frozen=True)
class ChoosePoint:
    """Choose the first recovery point that is later than the fence, once there is one."""

    later_than: datetime


@dataclass(frozen=True)
class Stop:
    """Stop the instance."""


@dataclass(frozen=True)
class AwaitStop:
    """The instance is stopping."""


@dataclass(frozen=True)
class Ready:
    """The machine may fail over, to this recovery point."""

    point: str


@dataclass(frozen=True)
class GiveUp:
    """The cutover cannot go on; `reason` and words without a full stop."""

    reason: Reason
    what: str


Step: TypeAlias = (
    Remember
    | RunQuiesce
    | Fence
    | FenceAnew
    | Prove
    | NoteFence
    | ChoosePoint
    | Stop
    | AwaitStop
    | Ready
    | GiveUp
)


def next_step(
    declared: Cutover,
    source: Source,
    fencing: Fencing,
    now: datetime,
    *,
    asked: datetime | None = None,
) -> Step:
    """The next step of a cutover.

    Args:
        declared: what the config says.
        source: the instance as EC2 shows it now.
        fencing: the groups of a source that is fenced.
        now: the service's time.
        asked: when this run first asked the instance to stop; None if it did not. What an earlier
            run noted before it asked, it may not have done.
    """
    memory = source.memory
    if memory.began is None:
        if source.state != "running":
            return GiveUp(Reason.SOURCE_UNAVAILABLE, in_words(source))
        return Remember()
    if source.state == SHUTTING_DOWN:
        return AwaitStop()
    if source.state == TERMINATED:
        # What is later than its fence has every write, and it takes none any more.
        return (
            Ready(memory.point)
            if memory.point
            else GiveUp(Reason.SOURCE_UNAVAILABLE, in_words(source))
        )
    if memory.stopping is None and source.state != "running":
        return GiveUp(
            Reason.CUTOVER_DISTURBED,
            f"somebody else stopped instance {source.instance_id} during the cutover",
        )
    if declared.quiesce is not None and not memory.quiesced and memory.fenced is None:
        return RunQuiesce()
    open_ = tuple(each.id for each in source.interfaces if each.groups != fencing.alone)
    if open_ and memory.fenced is not None:
        other = [each.id for each in source.interfaces if not fencing.holds(each.groups)]
        if other:
            return GiveUp(
                Reason.CUTOVER_DISTURBED,
                f"somebody else gave {', '.join(other)} other security groups during the cutover",
            )
        if source.state == "running":
            return FenceAnew()
    if open_:
        forgotten = _forgotten(source, fencing)
        return Remember(forgotten) if forgotten else Fence(open_)
    if memory.fenced is None:
        return Prove() if declared.mode is Mode.LOSSLESS else NoteFence()
    if not memory.point:
        return ChoosePoint(memory.fenced)
    if memory.stopping is None:
        return Stop()
    if source.state == "stopped":
        return Ready(memory.point)
    if asked is None and source.state in ("running", "stopping"):
        return Stop()
    waited = now - (asked or memory.stopping)
    if waited > _STOP_WAIT:
        return GiveUp(
            Reason.SOURCE_DOES_NOT_STOP,
            f"instance {source.instance_id} is {source.state} "
            f"{_minutes(waited)} after it was asked to stop",
        )
    return Stop() if source.state == "running" else AwaitStop()


def _forgotten(source: Source, fencing: Fencing) -> tuple[str, ...]:
    """The interfaces that are not fenced and have groups that the tags do not remember.

    One may have been attached since the cutover began, or somebody gave it other groups between a
    run that was killed and this one: those it gets back.
    """
    memory = source.memory
    return tuple(
        each.id
        for each in source.interfaces
        if each.groups
        and not fencing.holds(each.groups)
        and (
            each.id not in memory.groups
            or (
                set(each.groups) != set(memory.groups[each.id])
                and not _has_fence(each, memory, fencing)
            )
        )
    )


def point_after(
    points: Iterable[RecoveryPoint], moment: datetime, declared: Cutover, *, newest: bool = False
) -> RecoveryPoint | None:
    """The first recovery point later than a moment, of the declared consistency; None without one.

    Args:
        points: the recovery points of the machine.
        moment: a time of the service.
        declared: what the config says.
        newest: whether the last one is wanted instead, which is kept the longest.
    """
    application = declared.consistency == "application"
    later = [
        point
        for point in points
        if point.time > moment and (point.is_app_consistent or not application)
    ]
    choose = max if newest else min
    return choose(later, key=lambda point: point.time, default=None)


# -- back -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoteRestoring:
    """Note that the source is being given back, and why."""


@dataclass(frozen=True)
class GiveGroups:
    """Give these interfaces the security groups that they had."""

    groups: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Start:
    """Start the instance that the cutover stopped."""


@dataclass(frozen=True)
class AwaitStart:
    """The instance is between two states."""


@dataclass(frozen=True)
class RunResume:
    """Run the declared commands that start the application again."""


@dataclass(frozen=True)
class Forget:
    """The source serves as before: remove the tags of the cutover."""


@dataclass(frozen=True)
class Restored:
    """There is no cutover to take back."""


@dataclass(frozen=True)
class Lost:
    """The instance does not exist any more, so nothing can be given back."""


BackStep: TypeAlias = (
    NoteRestoring | GiveGroups | Start | AwaitStart | RunResume | Forget | Restored | Lost
)


def next_back(
    declared: Cutover,
    source: Source,
    fencing: Fencing,
    now: datetime,
    *,
    resumed: bool,
    asked: datetime | None = None,
) -> BackStep:
    """The next step that gives the source back.

    Args:
        declared: what the config says.
        source: the instance as EC2 shows it now.
        fencing: the groups of a source that is fenced.
        now: the service's time.
        resumed: whether the declared commands that start the application were run.
        asked: when this run last asked the instance to stop; None if it did not.
    """
    memory = source.memory
    if memory.began is None:
        # A run that was killed may have removed some of the tags.
        return Forget() if any(map(is_ours, source.tags)) else Restored()
    if source.state == SHUTTING_DOWN:
        return AwaitStart()
    if source.state == TERMINATED:
        return Lost()
    if not memory.restoring:
        return NoteRestoring()
    fenced = {
        each.id: memory.groups[each.id]
        for each in _changed(source)
        if _has_fence(each, memory, fencing)
    }
    if fenced:
        return GiveGroups(fenced)
    if memory.stopping is not None:
        if source.state == "stopped":
            return Start()
        may_stop_yet = now - max(memory.stopping, asked or memory.stopping) < EC2_LAG
        if source.state != "running" or may_stop_yet:
            return AwaitStart()
    if declared.quiesce is not None and not resumed:
        # Also where no tag says that its application was stopped: a run that was killed, or commands
        # of which the last failed, may have stopped it.
        return RunResume()
    return Forget()


def in_words(source: Source) -> str:
    """An instance and its state."""
    return f"instance {source.instance_id} is {source.state}"


def kept(source: Source, fencing: Fencing) -> tuple[str, ...]:
    """The interfaces that keep the groups that somebody else gave them: no fence, nor what they had.

    Who isolated the machine meanwhile must not find it open again.
    """
    memory = source.memory
    return tuple(
        each.id
        for each in _changed(source)
        if not _has_fence(each, memory, fencing)
        and set(each.groups) - fencing.own != set(memory.groups[each.id]) - fencing.own
    )


def _changed(source: Source) -> list[Interface]:
    remembered = source.memory.groups
    return [
        each
        for each in source.interfaces
        if each.id in remembered and set(each.groups) != set(remembered[each.id])
    ]


def _has_fence(interface: Interface, memory: Memory, fencing: Fencing) -> bool:
    return not memory.fence or not {memory.fence, fencing.fence}.isdisjoint(interface.groups)


def _minutes(span: timedelta) -> str:
    return f"{span / timedelta(minutes=1):.0f} minutes"
