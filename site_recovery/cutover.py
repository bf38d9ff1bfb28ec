"""Decides the next step of a cutover: a pure function of the declaration and the source.

A cutover prepares the source of a failover so that no write is lost. Every step shows in EC2: the
security groups of the interfaces, the state of the instance, and tags that say what was there
before. So a run that was killed between two steps leaves the next run all that it needs, either to
go on or to give the source back.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.fencing import Fencing
from site_recovery.reasons import Reason
from site_recovery.snapshot import RecoveryPoint

_TAG = "site-recovery:cutover"
BEGAN = _TAG
QUIESCED = f"{_TAG}-quiesced"
FENCE = f"{_TAG}-fence"
FENCED = f"{_TAG}-fenced"
POINT = f"{_TAG}-point"
STOPPED = f"{_TAG}-stopped"
RESTORING = f"{_TAG}-restoring"
MIGRATED_TO = "site-recovery:migrated-to"
MIGRATED_AT = "site-recovery:migrated-at"
ATTEMPTS = "site-recovery:failover-attempts"
_AFTERWARDS = (MIGRATED_TO, MIGRATED_AT)
_GROUPS = f"{_TAG}-groups-"

_GROUPS_OF_A_TAG = 9
"""Ids of 20 characters beside that of an interface, in the 256 characters of a tag's value."""
_VALUE_MAX = 256
_STOP_WAIT = timedelta(minutes=20)
"""How long an instance may take to stop. EC2 forces one off that hangs after some minutes."""


@dataclass(frozen=True)
class Interface:
    """A network interface of a source, and the ids of its security groups."""

    id: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """The EC2 instance of a machine, as a cutover needs it (DescribeInstances).

    Attributes:
        state: EC2's word, such as `running`.
        address: its private address; empty if it has none.
        addresses: all addresses within AWS of all its interfaces.
    """

    instance_id: str
    state: str
    interfaces: tuple[Interface, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    addresses: frozenset[str] = frozenset()

    @property
    def memory(self) -> Memory:
        """What the tags say of a cutover."""
        return Memory.read(self.tags)


@dataclass(frozen=True)
class Memory:
    """What the tags of a source say of its cutover. Times are the service's.

    Attributes:
        began: when it began; None if there is no cutover.
        groups: the security groups that each interface had before it was fenced.
        fence: the security group that fences it; empty if it began before that was noted.
        quiesced: whether the declared commands succeeded.
        fenced: a recovery point that is later than this has every write; None before that is sure.
        point: the id of the recovery point to fail over to; empty if none is chosen.
        stopping: when the instance was asked to stop; None if it was not.
        restoring: why the source is being given back; empty if it is not.
        migrated_to: the virtual machine that it became; empty before that.
        migrated_at: when its migration was first seen to be complete; None before that. What an
            earlier cutover has left does not count.
        attempts: the number of the last attempt to fail over that ended with the source given back,
            for its hooks; 0 if none did. It stays on the source.
    """

    began: datetime | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fence: str = ""
    quiesced: bool = False
    fenced: datetime | None = None
    point: str = ""
    stopping: datetime | None = None
    restoring: str = ""
    migrated_to: str = ""
    migrated_at: datetime | None = None
    attempts: int = 0

    @classmethod
    def read(cls, tags: Mapping[str, str]) -> Memory:
        """Read the tags. A time that somebody made unreadable counts as absent."""
        groups: dict[str, tuple[str, ...]] = {}
        for name in sorted(tag for tag in tags if tag.startswith(_GROUPS)):
            interface, *ids = tags[name].split()
            groups[interface] = (*groups.get(interface, ()), *ids)
        stopping, migrated_at = _moment(tags.get(STOPPED)), _moment(tags.get(MIGRATED_AT))
        is_former = stopping is not None and migrated_at is not None and migrated_at < stopping
        return cls(
            began=_moment(tags.get(BEGAN)),
            groups=groups,
            fence=tags.get(FENCE, ""),
            quiesced=QUIESCED in tags,
            fenced=_moment(tags.get(FENCED)),
            point=tags.get(POINT, ""),
            stopping=stopping,
            restoring=tags.get(RESTORING, ""),
            migrated_to=tags.get(MIGRATED_TO, ""),
            migrated_at=None if is_former else migrated_at,
            attempts=_number(tags.get(ATTEMPTS)),
        )


def is_proof(tag: str) -> bool:
    """Whether a tag says that the source is fenced, or what follows from that."""
    return tag in (FENCED, POINT)


def is_ours(tag: str) -> bool:
    """Whether a tag belongs to a cutover. What the source became is not one of them."""
    return tag.startswith(_TAG)


def is_afterwards(tag: str) -> bool:
    """Whether a tag says what the source became. It is untrue once another cutover begins or ends."""
    return tag in _AFTERWARDS


def beginning(source: Source, now: datetime) -> dict[str, str]:
    """The tags that remember a source as it was before its cutover.

    If that has begun, those of the interfaces that were attached since.
    """
    memory = source.memory
    began = memory.began is not None
    known = sum(name.startswith(_GROUPS) for name in source.tags) if began else 0
    groups: list[str] = []
    for interface in source.interfaces:
        rest = () if began and interface.id in memory.groups else interface.groups
        while rest:
            some, rest = rest[:_GROUPS_OF_A_TAG], rest[_GROUPS_OF_A_TAG:]
            groups.append(" ".join((interface.id, *some)))
    tags = {f"{_GROUPS}{number}": text for number, text in enumerate(groups, known + 1)}
    return tags if began else {BEGAN: now.isoformat(), **tags}


def without(source: Source, interface: str, gone: Collection[str]) -> dict[str, str]:
    """The tags that remember the groups of an interface, without some of them."""
    return {
        name: " ".join(word for word in text.split() if word not in gone)
        for name, text in source.tags.items()
        if name.startswith(_GROUPS) and text.split()[:1] == [interface]
    }


def value(text: str) -> str:
    """A text as the value of a tag: other services take fewer characters in tags than EC2."""
    kept = "".join(letter if letter.isalnum() or letter in " +-=._:/@" else " " for letter in text)
    return " ".join(kept.split())[:_VALUE_MAX]


# -- forward ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Remember:
    """Write down the source, or what was attached to it since, as it is before it is changed."""


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


def next_step(declared: Cutover, source: Source, fencing: Fencing, now: datetime) -> Step:
    """The next step of a cutover.

    Args:
        declared: what the config says.
        source: the instance as EC2 shows it now.
        fencing: the groups of a source that is fenced.
        now: the service's time.
    """
    memory = source.memory
    if memory.began is None:
        if source.state != "running":
            return GiveUp(
                Reason.SOURCE_UNAVAILABLE, f"instance {source.instance_id} is {source.state}"
            )
        return Remember()
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
        # One that was attached since the cutover began has groups that no tag remembers yet.
        return Remember() if _forgotten(source, fencing) else Fence(open_)
    if memory.fenced is None:
        return Prove() if declared.mode is Mode.LOSSLESS else NoteFence()
    if not memory.point:
        return ChoosePoint(memory.fenced)
    if memory.stopping is None:
        return Stop()
    if source.state == "stopped":
        return Ready(memory.point)
    if now - memory.stopping > _STOP_WAIT:
        return GiveUp(
            Reason.SOURCE_DOES_NOT_STOP,
            f"instance {source.instance_id} is {source.state} "
            f"{_minutes(now - memory.stopping)} after it was asked to stop",
        )
    return Stop() if source.state == "running" else AwaitStop()


def _forgotten(source: Source, fencing: Fencing) -> bool:
    """Whether an interface that is not fenced has groups that the tags do not remember."""
    remembered = source.memory.groups
    return any(
        each.groups and each.id not in remembered and not fencing.holds(each.groups)
        for each in source.interfaces
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


# -- back ---------------------------------------------------------------------------------------


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


BackStep: TypeAlias = (
    NoteRestoring | GiveGroups | Start | AwaitStart | RunResume | Forget | Restored
)


def next_back(declared: Cutover, source: Source, fencing: Fencing, *, resumed: bool) -> BackStep:
    """The next step that gives the source back.

    Args:
        declared: what the config says.
        source: the instance as EC2 shows it now.
        fencing: the groups of a source that is fenced.
        resumed: whether the declared commands that start the application were run.
    """
    memory = source.memory
    if memory.began is None:
        # A run that was killed may have removed some of the tags.
        return Forget() if any(map(is_ours, source.tags)) else Restored()
    if not memory.restoring:
        return NoteRestoring()
    fenced = {
        each.id: memory.groups[each.id]
        for each in _changed(source)
        if _has_fence(each, memory, fencing)
    }
    if fenced:
        return GiveGroups(fenced)
    if memory.stopping is not None and source.state != "running":
        return Start() if source.state == "stopped" else AwaitStart()
    if declared.quiesce is not None and not resumed:
        # Also where no tag says that its application was stopped: a run that was killed, or commands
        # of which the last failed, may have stopped it.
        return RunResume()
    return Forget()


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


# -- afterwards ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoteMigrated:
    """Note when the migration was seen to be complete."""


@dataclass(frozen=True)
class Keep:
    """Keep the instance; `why` is set if it is due and must not be terminated."""

    why: str = ""


@dataclass(frozen=True)
class Terminate:
    """Terminate the instance, if its virtual machine runs."""


EndStep: TypeAlias = NoteMigrated | Keep | Terminate

_ENDED = ("shutting-down", "terminated")


def next_end(source: Source, fencing: Fencing, after: timedelta, now: datetime) -> EndStep:
    """What to do with the source of a migrated machine.

    Args:
        source: the instance as EC2 shows it now.
        fencing: the groups of a source that is fenced.
        after: how long after its migration it is terminated.
        now: the service's time.
    """
    memory = source.memory
    if source.state in _ENDED:
        return Keep()
    if memory.migrated_at is None:
        return NoteMigrated()
    if now < memory.migrated_at + after:
        return Keep()
    if memory.began is None or not memory.migrated_to:
        return Keep("no cutover of this program stopped it")
    if source.state != "stopped":
        return Keep(f"it is {source.state}")
    if not all(fencing.holds(each.groups) for each in source.interfaces):
        return Keep("it is not fenced any more")
    return Terminate()


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _number(text: str | None) -> int:
    return int(text) if text is not None and re.fullmatch("[0-9]{1,9}", text) else 0


def _minutes(span: timedelta) -> str:
    return f"{span / timedelta(minutes=1):.0f} minutes"
