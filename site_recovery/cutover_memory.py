"""The source of a cutover, and what its tags remember: all that the next run needs after a kill."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, count

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
        stopping: when it was noted that the instance is asked to stop next; None if it was not. A
            run that was killed then may not have asked.
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


def beginning(source: Source, now: datetime, fence: str) -> dict[str, str]:
    """The tags that remember a source as it is before its cutover, and what will fence it."""
    return {BEGAN: now.isoformat(), FENCE: fence, **_noted(source.interfaces, {})}


def since(source: Source, interfaces: Collection[str]) -> dict[str, str]:
    """The tags that remember the groups that these interfaces have now, whatever they had before."""
    return _noted([each for each in source.interfaces if each.id in interfaces], source.tags)


def _noted(interfaces: Iterable[Interface], tags: Mapping[str, str]) -> dict[str, str]:
    """Tags with the groups of interfaces, in place of those that have others of the same ones."""
    noted: dict[str, str] = {}
    unused = (name for n in count(1) if (name := f"{_GROUPS}{n}") not in tags)
    for interface in interfaces:
        before = _names(tags, interface.id)
        noted |= dict.fromkeys(before, interface.id)
        names, groups = chain(before, unused), interface.groups
        for at in range(0, len(groups), _GROUPS_OF_A_TAG):
            some = groups[at : at + _GROUPS_OF_A_TAG]
            noted[next(names)] = " ".join((interface.id, *some))
    return noted


def _names(tags: Mapping[str, str], interface: str) -> list[str]:
    """The names of the tags that remember the groups of an interface."""
    ours = (name for name in tags if name.startswith(_GROUPS))
    return sorted(name for name in ours if tags[name].split()[:1] == [interface])


def without(source: Source, interface: str, gone: Collection[str]) -> dict[str, str]:
    """The tags that remember the groups of an interface, without some of them."""
    return {
        name: " ".join(word for word in source.tags[name].split() if word not in gone)
        for name in _names(source.tags, interface)
    }


def value(text: str) -> str:
    """A text as the value of a tag: other services take fewer characters in tags than EC2."""
    kept = "".join(letter if letter.isalnum() or letter in " +-=._:/@" else " " for letter in text)
    return " ".join(kept.split())[:_VALUE_MAX]


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _number(text: str | None) -> int:
    return int(text) if text is not None and re.fullmatch("[0-9]{1,9}", text) else 0
