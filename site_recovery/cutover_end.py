"""Decides what becomes of the source of a migrated machine: a pure function, as `cutover` is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from site_recovery.cutover_memory import Source
from site_recovery.fencing import Fencing


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
