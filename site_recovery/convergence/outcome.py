"""The result of one run for one machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from site_recovery.checks import Record
from site_recovery.hooks import HookRecord
from site_recovery.observation import Observed
from site_recovery.reasons import Reason


class Status(StrEnum):
    """Whether a machine is in its desired phase, and if not, whether it can go on."""

    SATISFIED = "satisfied"
    PENDING = "pending"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Outcome:
    """The result for one machine at the end of a run.

    Attributes:
        status: whether it is in its desired phase.
        observed: its state when it was last observed.
        message: why it is not satisfied, in words; empty if it is.
        reason: the same as a name; None if it is satisfied.
        checks: how its checks in Azure ended when they were last made, or None.
        hooks: which of its hooks have run in this attempt to fail over, or None.
    """

    status: Status
    observed: Observed
    message: str = ""
    reason: Reason | None = None
    checks: Record | None = None
    hooks: HookRecord | None = None


@dataclass(frozen=True)
class Failure:
    """Why a machine or a recovery plan cannot go on in this run."""

    reason: Reason
    message: str
