"""One machine within a run: where it is, what was asked for it, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from site_recovery import arm_ids, planning
from site_recovery.checks import Record
from site_recovery.convergence.outcome import Failure, Outcome, Status
from site_recovery.convergence.plan_run import PlanMachine
from site_recovery.convergence.status_line import Activity, goal
from site_recovery.convergence.submission import Attempts
from site_recovery.fleet import Assignment
from site_recovery.hooks import HookRecord
from site_recovery.observation import Observed, Stage
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from site_recovery.steps import Blocked

_TOLD = (Reason.WINDOW_CLOSED, Reason.NOT_YET, Reason.WAITS_FOR_WAVE)
"""What a machine may wait for while the service does nothing for it."""
_FOR_A_PERSON = (Reason.WAITS_FOR_PERSON, Reason.NOT_ANSWERED, Reason.UNAVAILABLE, Reason.REFUSED)


@dataclass
class MachineRun:
    """The state of one machine.

    Attributes:
        assignment: the machine and its desired phase; its size is settled during the run.
        attempts: what was asked of the service for it.
        event: reports a change of state as a permanent line.
        observed: what the last round observed.
        outcome: how it ended, or None.
        sized: whether its size is settled.
        unsized: rounds without an answer about its sizes.
        unplaced: consecutive rounds without an answer about its address, or about locks.
        unreadable: consecutive rounds in which something about it was unreadable.
        was_discovered: whether any round observed it as discovered, or further.
        waits_until: the time before which it certainly does not go on; None if not known.
        is_up: whether it runs in Azure, its checks passed, and its hooks after the failover have run.
        checked: how its checks ended when they were last made, or None.
        hooks: which of its hooks have run in this attempt to fail over, or None.
        ended_attempts: the number of the last attempt that is known to be over from its source.
    """

    assignment: Assignment
    attempts: Attempts
    event: Callable[[str], None]
    observed: Observed | None = None
    outcome: Outcome | None = None
    sized: bool = False
    unsized: int = 0
    unplaced: int = 0
    unreadable: int = 0
    was_discovered: bool = False
    waits_until: datetime | None = None
    is_up: bool = False
    checked: Record | None = None
    hooks: HookRecord | None = None
    ended_attempts: int = 0

    @classmethod
    def of(cls, assignment: Assignment, event: Callable[[str], None]) -> MachineRun:
        """A machine at the beginning of a run."""
        machine = assignment.machine
        attempts = Attempts(machine.instance_id, frozenset({machine.name.lower()}))
        return cls(assignment, attempts, event, checked=assignment.checked, hooks=assignment.hooked)

    @property
    def name(self) -> str:
        """The name of the machine."""
        return self.assignment.machine.name

    @property
    def is_satisfied(self) -> bool:
        """Whether it ended in its desired phase."""
        return self.outcome is not None and self.outcome.status is Status.SATISFIED

    @property
    def has_setback(self) -> bool:
        """Whether a number of such rounds would fail it."""
        return self.attempts.has_setback or any((self.unsized, self.unplaced, self.unreadable))

    @property
    def stays_tested(self) -> bool:
        """Whether it is in the test failover that it should be in."""
        return (
            self.assignment.desired is Phase.TEST_FAILOVER
            and self.observed is not None
            and self.observed.stage is Stage.TEST_FAILOVER
            and not self.observed.differs
        )

    @property
    def in_plan(self) -> PlanMachine | None:
        """How the recovery plan of its wave sees it; None if it leaves, or was not observed yet."""
        if self.assignment.desired is None or self.observed is None:
            return None
        return PlanMachine(self.observed, self.outcome is not None and not self.is_satisfied)

    def activity(self) -> Activity:
        """What it is doing, as a part of the status line."""
        if self.outcome is not None:
            return Activity(0, 0, str(self.outcome.status), self.name)
        observed, reason = self.observed, self.attempts.reason
        if reason is Reason.INITIAL_REPLICATION and observed is not None:
            done = observed.progress
            text = "initial replication" if done is None else f"{done} %"
            return Activity(2, done or 0, text, self.name)
        text = self.attempts.brief or self.attempts.message.removesuffix(" is running")
        rank = 0 if reason in _FOR_A_PERSON else 3 if reason in _TOLD else 1
        return Activity(rank, 0, text, self.name)

    def saw(self, observed: Observed) -> None:
        """Note what a round observed, and report a change of its stage."""
        before, self.observed = self.observed, observed
        if before is not None and before.stage is not observed.stage:
            self.event(f"{self.name}: {before.stage} -> {observed.stage}")
        self.unreadable = self.unreadable + 1 if observed.stage is Stage.UNREADABLE else 0
        self.was_discovered |= observed.stage not in (Stage.UNREADABLE, Stage.UNKNOWN_TO_VAULT)
        if observed.friendly_name:
            self.attempts.names |= {observed.friendly_name.lower()}

    def wait(self, reason: Reason, what: str) -> None:
        """Note what it waits for, and report it if a guard of its wave holds it."""
        if reason in _TOLD and self.attempts.message != what:
            self.event(f"{self.name}: {what}")
        self.attempts.tell(reason, what)

    def satisfy(self, observed: Observed) -> None:
        """It is in its desired phase."""
        self.outcome = Outcome(Status.SATISFIED, observed)
        self.event(f"{self.name}: {self._ended(observed)}")

    def _ended(self, observed: Observed) -> str:
        """Where it is at the end, in words."""
        reached = planning.goal(self.assignment.desired, observed)
        if reached is not None:
            return goal(reached)
        if observed.stage is Stage.MIGRATED:
            kept = arm_ids.name(observed.azure_vm_id or "")
            return f"it is migrated; its virtual machine {kept} stays"
        removed = Operation.DISABLE_PROTECTION in self.attempts.done
        return "replication removed" if removed else "nothing of it is in the vault"

    def block(self, observed: Observed, why: Blocked) -> None:
        """It cannot go on, and nothing was asked of the service."""
        self.outcome = Outcome(Status.BLOCKED, observed, str(why), why.reason)
        self.event(f"{self.name}: blocked: {why}")

    def fail(self, observed: Observed, failure: Failure) -> None:
        """It failed in this run; the other machines go on."""
        self.outcome = Outcome(Status.FAILED, observed, failure.message, failure.reason)
        self.event(f"{self.name}: {failure.message}")

    def result(self, ended_by: Failure | None) -> Outcome:
        """Its outcome at the end of the run.

        Args:
            ended_by: why the run ended before the machine did, or None.
        """
        if self.outcome is not None:
            return replace(self.outcome, checks=self.checked, hooks=self._hooks_left())
        observed = self.observed or Observed(Stage.UNKNOWN_TO_VAULT)
        messages = [self.attempts.message, ended_by.message if ended_by else ""]
        return Outcome(
            Status.PENDING,
            observed,
            "; ".join(filter(None, messages)),
            self.attempts.reason or (ended_by.reason if ended_by else None),
            self.checked,
            self.hooks,
        )

    def _hooks_left(self) -> HookRecord | None:
        """The record for the next run. Without a failover, its next attempt runs all hooks."""
        if self.hooks is None or (self.observed is not None and self.observed.in_azure):
            return self.hooks
        ran = self.hooks.done or self.hooks != self.assignment.hooked
        return self.hooks.next() if ran else self.hooks
