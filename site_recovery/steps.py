"""What a machine does next: an operation, or why there is none now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from site_recovery.operations import Operation
from site_recovery.reasons import Reason


@dataclass(frozen=True)
class Do:
    """Run an operation now."""

    operation: Operation


@dataclass(frozen=True)
class Wait:
    """The service is at work; look again later.

    Attributes:
        reason: what it waits for.
        what: the same in words, without a full stop.
        until: the time before which it certainly does not go on; None if that is not known.
    """

    reason: Reason
    what: str
    until: datetime | None = None


@dataclass(frozen=True)
class Satisfied:
    """The machine is in its desired phase."""


@dataclass(frozen=True)
class Blocked:
    """The machine cannot go on until a person does something.

    Attributes:
        reason: why.
        what: the same in words, without a full stop.
        way_out: what the user can do about it, without a full stop.
    """

    reason: Reason
    what: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.what}. {self.way_out}."


@dataclass(frozen=True)
class RollBack:
    """Take the failover back: switch the virtual machine off, give the source back."""


@dataclass(frozen=True)
class DeleteKept:
    """Delete the virtual machine of a failover that was taken back, with all that belongs to it."""


Step: TypeAlias = Do | RollBack | DeleteKept | Wait | Satisfied | Blocked
