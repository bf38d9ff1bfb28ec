"""Guards of a wave: what has to hold before its next operation, beside the state of the machine.

Pure rules. A preview asks them about every operation that a run would get to, and a run asks them
again right before each request.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from site_recovery import windows
from site_recovery.declared.guards import Approval, Window
from site_recovery.observation import Observed, Stage
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.planning import Guard
from site_recovery.promotion import Forerunner
from site_recovery.reasons import Reason
from site_recovery.steps import Blocked, Wait

Verdict: TypeAlias = Wait | Blocked

PER_UP = "maxFailoversPerUp"
"""The key of the limits of failovers."""

NEVER = datetime.max.replace(tzinfo=UTC)
"""The time of what does not happen in this run."""

_BEGINS = {
    Operation.DISCOVER: Phase.PROTECTED,
    Operation.ENABLE_PROTECTION: Phase.PROTECTED,
    Operation.TEST_FAILOVER: Phase.TEST_FAILOVER,
    Operation.UNPLANNED_FAILOVER: Phase.FAILED_OVER,
    Operation.COMPLETE_MIGRATION: Phase.MIGRATED,
}
_ORDER = list(Phase)
_REPLICATES = (Stage.PROTECTED, Stage.TEST_FAILOVER, Stage.FAILED_OVER, Stage.MIGRATED)
_NAMED = 3
"""The most machines that a message names."""


@dataclass(frozen=True)
class Guards:
    """The guards of one wave, its own and those of its stack.

    Attributes:
        approval: who approved which phase; None if nobody did.
        require_approval: whether what cannot be undone needs an approval.
        window: when a failover may begin; None if always.
        max_rpo_minutes: the largest RPO with which a failover may begin, in minutes.
        max_failovers: how many machines of the wave may fail over in one run.
        max_failovers_of_stack: how many machines of all waves may.
        after: the waves that must have reached a phase before this wave begins it.
        promoted: the wave of the same name in the stack that goes first; None if none does.
    """

    approval: Approval | None = None
    require_approval: bool = False
    window: Window | None = None
    max_rpo_minutes: int | None = None
    max_failovers: int | None = None
    max_failovers_of_stack: int | None = None
    after: tuple[str, ...] = ()
    promoted: Forerunner | None = None


@dataclass(frozen=True)
class Earlier:
    """A wave that must go first, as it is now.

    Attributes:
        name: its name.
        phase: the phase that the config declares for it.
        machines: what is observed of its machines, by name.
        ended: whether its run has ended before it got to its phase, so that it gets no further now.
    """

    name: str
    phase: Phase
    machines: Mapping[str, Observed]
    ended: bool = False


def guard(
    guards: Guards, earlier: Sequence[Earlier] = (), now: Callable[[], datetime] = lambda: NEVER
) -> Guard:
    """The guard of a wave's machines, as `planning` asks it.

    Args:
        guards: what is declared.
        earlier: the waves of `guards.after`, as they are now.
        now: the time at the service, read whenever the guard is asked.
    """

    def judge(operation: Operation, observed: Observed) -> Verdict | None:
        verdicts = list(_verdicts(guards, earlier, now(), operation, observed))
        # What a person has to do first comes before what passes by itself.
        return min(verdicts, key=lambda verdict: isinstance(verdict, Wait), default=None)

    return judge


def reached(phase: Phase, observed: Observed) -> bool:
    """Whether a machine is in a phase, or has it behind it.

    A machine whose test failover succeeded has reached `test-failover`, cleaned up or not.
    """
    match phase:
        case Phase.PROTECTED:
            return observed.stage in _REPLICATES
        case Phase.TEST_FAILOVER:
            return observed.stage is Stage.TEST_FAILOVER or observed.tested or observed.in_azure
        case Phase.FAILED_OVER:
            return observed.in_azure
        case Phase.MIGRATED:
            return observed.stage is Stage.MIGRATED


def _verdicts(
    guards: Guards,
    earlier: Sequence[Earlier],
    now: datetime,
    operation: Operation,
    observed: Observed,
) -> Iterator[Verdict]:
    if operation.irreversible:
        yield from _approval(guards, operation)
    phase = _BEGINS.get(operation)
    # A source that is fenced already is down until the failover.
    fenced = observed.cut_over and operation is Operation.UNPLANNED_FAILOVER
    if phase is not None and not fenced:
        yield from _promotion(guards.promoted, phase)
        for wave in earlier:
            yield from _after(wave, phase)
    if operation is Operation.UNPLANNED_FAILOVER and not observed.cut_over:
        yield from _rpo(guards, observed)
        yield from _at(observed, now)
        yield from _window(guards, now)


def _approval(guards: Guards, operation: Operation) -> Iterator[Verdict]:
    phase, approval = _BEGINS[operation], guards.approval
    if approval is None:
        if guards.require_approval:
            yield Blocked(
                Reason.NOT_APPROVED,
                f"{operation} needs an approval, and its wave has none",
                "Let it be approved, and add approval with by, ticket and for to the wave",
            )
    elif _ORDER.index(Phase(approval.for_)) < _ORDER.index(phase):
        yield Blocked(
            Reason.NOT_APPROVED,
            f"{operation} is not approved: {approval.by} approved {approval.for_} "
            f"({approval.ticket})",
            f"Set the wave's phase to {approval.for_}, or let {phase} be approved",
        )


def _promotion(before: Forerunner | None, phase: Phase) -> Iterator[Verdict]:
    if before is None or before.allows(phase):
        return
    there = f"is {before.reached} there" if before.reached else "has reached no phase there"
    yield Blocked(
        Reason.NOT_PROMOTED,
        f"its wave begins {phase} after stack {before.stack}, and {there}",
        f"Take the wave to {phase} in stack {before.stack} first",
    )


def _after(wave: Earlier, phase: Phase) -> Iterator[Verdict]:
    behind = [name for name, its in sorted(wave.machines.items()) if not reached(phase, its)]
    if not behind:
        return
    more = f" and {len(behind) - _NAMED} more" if len(behind) > _NAMED else ""
    who = f"{', '.join(behind[:_NAMED])}{more}"
    if _ORDER.index(wave.phase) < _ORDER.index(phase):
        yield Blocked(
            Reason.WAVE_STAYS_BEHIND,
            f"its wave begins {phase} after wave {wave.name}, which is declared {wave.phase} "
            f"({who} never reached {phase})",
            f"Set the phase of wave {wave.name} to {phase} too, or take it out of after",
        )
    else:
        yield Wait(
            Reason.WAITS_FOR_WAVE,
            f"waits for wave {wave.name} to be {phase} ({who})",
            NEVER if wave.ended else None,
        )


def _rpo(guards: Guards, observed: Observed) -> Iterator[Verdict]:
    limit = guards.max_rpo_minutes
    if limit is None or observed.stage is not Stage.PROTECTED:
        # A machine that is further back has no RPO yet, and gets one before its failover.
        return
    if observed.rpo is None:
        yield Wait(Reason.RPO_UNKNOWN, "the service does not tell its RPO yet")
    elif observed.rpo > timedelta(minutes=limit):
        # Half a minute above the limit is above it: rounded up.
        minutes = -(-observed.rpo // timedelta(minutes=1))
        yield Blocked(
            Reason.RPO_TOO_LARGE,
            f"its newest recovery data is {minutes} minutes old, and a failover may lose at most "
            f"{limit} (maxRpoMinutes)",
            "Wait until its replication has caught up, or find out in the vault why it does not",
        )


def _at(observed: Observed, now: datetime) -> Iterator[Verdict]:
    begins = observed.not_before
    if begins is not None and now < begins:
        yield Wait(
            Reason.NOT_YET,
            f"its failover begins {begins:%a %Y-%m-%d %H:%M %Z} (cutover.at)",
            begins.astimezone(UTC),
        )


def _window(guards: Guards, now: datetime) -> Iterator[Verdict]:
    window = guards.window
    if window is None or windows.is_open(window, now):
        return
    opens = windows.opening(window, now)
    yield Wait(
        Reason.WINDOW_CLOSED,
        f"its window opens {opens:%a %Y-%m-%d %H:%M} {window.timezone}",
        opens.astimezone(UTC),
    )


@dataclass
class Budget:
    """How many machines may fail over in one run.

    Attributes:
        limit: the most; None if there is no limit.
        key: the config path of the limit.
        taken: the instances whose failover was requested.
    """

    limit: int | None
    key: str
    taken: set[str] = field(default_factory=set)

    def refusal(self, instances: Collection[str]) -> str | None:
        """Why these instances may not fail over too, in words; None if they may."""
        if self.limit is None or len(self.taken | set(instances)) <= self.limit:
            return None
        return (
            f"one run may fail over {self.limit} machines ({self.key}), and "
            f"{len(self.taken)} have been in this one. Run pulumi up again"
        )


def too_many(failovers: int, limit: int | None, key: str) -> str | None:
    """Why a run with so many failovers is refused, in words; None if it is not."""
    if limit is None or failovers <= limit:
        return None
    return (
        f"{key}: {failovers} machines would fail over in one run, and it allows {limit}. Set the "
        "phase of fewer machines to failed-over, or raise it."
    )
