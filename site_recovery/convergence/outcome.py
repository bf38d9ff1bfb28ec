"""What became of a machine in one run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from site_recovery.observation import Observed
from site_recovery.reasons import Reason


class Status(StrEnum):
    """Whether a machine is where it should be, and if not, whether it can go on."""

    SATISFIED = "satisfied"
    PENDING = "pending"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Outcome:
    """Where a machine stands at the end of a run.

    Attributes:
        status: whether it is where it should be.
        observed: as the services saw it last.
        message: why it is not satisfied, in words; empty if it is.
        reason: the same as a name; None if it is satisfied.
    """

    status: Status
    observed: Observed
    message: str = ""
    reason: Reason | None = None


@dataclass(frozen=True)
class Failure:
    """Why a machine or a recovery plan cannot go on in this run."""

    reason: Reason
    message: str
