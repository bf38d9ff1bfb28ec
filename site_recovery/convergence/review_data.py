"""What a review found, as data for policies and reports: the input `review` of a wave."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from site_recovery import arm_ids, cutover_durations
from site_recovery.convergence.review import ROLLS_BACK, MachineReview
from site_recovery.declared.checks import Check, effective
from site_recovery.declared.cutover import Decision
from site_recovery.declared.durations import write
from site_recovery.declared.hooks import When
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.usual_durations import History, in_words

ROLL_BACK = "roll back"
"""What is done first to a machine whose failover is taken back. It is no operation of Site Recovery."""

GIVE_BACK = "give source back"
"""What is done first to a machine whose cutover is taken back, and is no operation of it either."""

GIVES_BACK = (
    "the cutover that a killed run began is taken back: its security groups, its start, and "
    "quiesce.resume"
)

DELETE_VM = "delete virtual machine"
"""What ends a rollback with `keepAzureVm: false`. It is no operation of Site Recovery either."""

ATTACH_GROUP = "attach network security group"
"""What follows a failover with `target.networkSecurityGroup`, and is no operation of it either."""

DELETES_VM = (
    "rollback.keepAzureVm is false: once the source serves again, the virtual machine in Azure is "
    "deleted, with its disks and interfaces"
)

OUT = "out of the vault"
"""Where a machine goes that left the config."""


@dataclass(frozen=True)
class OperationReview:
    """One operation that a run would do.

    Attributes:
        operation: its name.
        seconds: how long it usually takes; None if nobody knows.
        irreversible: whether it cannot be undone.
        detail: what it changes or how it is done, in words; empty if there is nothing to say.
    """

    operation: str
    seconds: int | None
    irreversible: bool
    detail: str = ""


@dataclass(frozen=True)
class Hold:
    """What a machine waits for, or what keeps it from its phase: a `Reason`, and the words."""

    reason: str
    what: str


@dataclass(frozen=True)
class MachineRow:
    """One machine.

    Attributes:
        machine: its name.
        now: where it is, in words.
        then: the phase of its wave, or `OUT`.
        operations: what a run would do, in order.
        running: the kind of job that runs on it now; empty if none.
        waits: what it would wait for.
        blocked: what keeps it from its phase.
        downtime_seconds: how long it is usually down; None if it does not fail over.
    """

    machine: str
    now: str
    then: str
    operations: tuple[OperationReview, ...] = ()
    running: str = ""
    waits: tuple[Hold, ...] = ()
    blocked: tuple[Hold, ...] = ()
    downtime_seconds: int | None = None


@dataclass(frozen=True)
class WaveReview:
    """One wave.

    Attributes:
        wave: its name.
        phase: its phase.
        machines: those to which anything happens, or in whose way something is.
        notes: what else a run would do, such as to its recovery plan.
        unchanged: how many machines are where they should be.
        terminates: the migrated machines whose instances are due to be terminated.
    """

    wave: str
    phase: str
    machines: tuple[MachineRow, ...] = ()
    notes: tuple[str, ...] = ()
    unchanged: int = 0
    terminates: tuple[str, ...] = ()

    @property
    def has_something(self) -> bool:
        """Whether there is anything to say about it."""
        return bool(self.machines or self.notes or self.terminates)

    def data(self) -> dict[str, Any]:
        """As JSON."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data

    def count(self, operation: Operation) -> int:
        """How many machines an operation would run on."""
        return sum(each.operation == operation for row in self.machines for each in row.operations)


def wave_review(
    wave: str, phase: str, reviews: Sequence[MachineReview], history: History
) -> WaveReview:
    """The review of a wave from those of its machines."""
    told = [each for each in reviews if each.has_something]
    rpo = max((each.observed.rpo for each in told if each.observed.rpo is not None), default=None)
    rows = tuple(_row(each, history, rpo) for each in told)
    return WaveReview(wave, phase, rows, unchanged=len(reviews) - len(told))


def _row(review: MachineReview, history: History, rpo: timedelta | None) -> MachineRow:
    desired = review.goal
    operations = tuple(_operation(each, review, history, rpo) for each in review.operations)
    if review.attaches:
        operations = _with_group(review, operations)
    if review.gives_source_back:
        operations = (OperationReview(GIVE_BACK, None, False, GIVES_BACK), *operations)
    if review.deletes_vm:
        operations = (OperationReview(DELETE_VM, None, True, DELETES_VM), *operations)
    if review.rolls_back:
        told = "; ".join([*_decided(review), ROLLS_BACK])
        operations = (OperationReview(ROLL_BACK, None, True, told), *operations)
    return MachineRow(
        machine=review.name,
        now=_now(review.observed),
        then=str(desired) if desired is not None else OUT,
        operations=operations,
        running=review.observed.busy or "",
        waits=tuple(Hold(str(each.reason), each.what) for each in review.waits),
        blocked=tuple(Hold(str(each.reason), str(each)) for each in review.blocked),
        downtime_seconds=_downtime(review, operations, rpo),
    )


def _with_group(
    review: MachineReview, operations: tuple[OperationReview, ...]
) -> tuple[OperationReview, ...]:
    """The operations with the attachment of its group, which comes before Complete Migration."""
    group = arm_ids.name(review.assignment.target.network_security_group or "")
    detail = f"{group}, to each of its network interfaces"
    at = [each.operation for each in operations]
    place = (
        at.index(Operation.COMPLETE_MIGRATION) if Operation.COMPLETE_MIGRATION in at else len(at)
    )
    attach = OperationReview(ATTACH_GROUP, None, False, detail)
    return (*operations[:place], attach, *operations[place:])


def _now(observed: Observed) -> str:
    if observed.stage is Stage.REPLICATING and observed.progress is not None:
        return f"{observed.stage} {observed.progress} %"
    return str(observed.stage)


def _operation(
    operation: Operation, review: MachineReview, history: History, rpo: timedelta | None
) -> OperationReview:
    usual = history.usual(operation, {review.name, review.observed.friendly_name} - {""})
    return OperationReview(
        str(operation),
        round(usual.total_seconds()) if usual is not None else None,
        operation.irreversible,
        _detail(operation, review, usual, rpo),
    )


def _detail(
    operation: Operation, review: MachineReview, usual: timedelta | None, rpo: timedelta | None
) -> str:
    if operation is Operation.UPDATE_TARGET:
        return ", ".join(review.observed.differs)
    told = []
    fences = operation is Operation.UNPLANNED_FAILOVER and review.assignment.cutover.fences
    if fences:
        told.append(cutover_durations.told(review.assignment.cutover, rpo, usual))
    if operation in (Operation.TEST_FAILOVER, Operation.UNPLANNED_FAILOVER):
        told += _checks(review.assignment, always=fences)
    if operation is Operation.UNPLANNED_FAILOVER:
        before = _hooks(review.assignment, When.BEFORE_FAILOVER, "first")
        after = _hooks(review.assignment, When.AFTER_FAILOVER, "then")
        return "; ".join([*before, *told, *after, *_decides(review.assignment)])
    if operation is Operation.COMPLETE_MIGRATION:
        told += _decided(review)
        told += _hooks(review.assignment, When.BEFORE_COMPLETION, "first")
    return "; ".join(told)


def _decides(assignment: Assignment) -> list[str]:
    """What becomes of a machine that stays failed over, in words."""
    declared = assignment.machine.after_failover
    if assignment.desired is not Phase.FAILED_OVER or declared is None:
        return []
    if declared.do is Decision.WAIT:
        return []
    what = "completed" if declared.do is Decision.COMPLETE else "taken back"
    return [f"{write(declared.after)} after it begins it is {what}, unless its phase changes first"]


def _decided(review: MachineReview) -> list[str]:
    """By what a failover is completed or taken back, if not by its phase."""
    decides = review.observed.decides
    if review.goal is review.assignment.desired or decides is None:
        return []
    return [f"afterFailover.do is {decides[1]}, and its time was {decides[0]:%Y-%m-%d %H:%M} UTC"]


def _hooks(assignment: Assignment, when: When, order: str) -> list[str]:
    """The hooks that run at a moment, in words."""
    hooks = ", ".join(hook.title for hook in assignment.hooks.of(when))
    return [f"{order} hooks {hooks}"] if hooks else []


def _checks(assignment: Assignment, *, always: bool) -> list[str]:
    """The checks that are made once the operation has ended, if any is declared, or always."""
    if assignment.checks == effective([]) and not always:
        return []
    return [f"then checks {', '.join(map(_bounded, assignment.checks))}"]


def _bounded(check: Check) -> str:
    """A check with the longest that it takes."""
    if check.running is not None:
        return check.title
    return f"{check.title} (at most {in_words(check.timeout)})"


def _downtime(
    review: MachineReview, operations: Iterable[OperationReview], rpo: timedelta | None
) -> int | None:
    for each in operations:
        if each.operation == Operation.UNPLANNED_FAILOVER and each.seconds is not None:
            before = cutover_durations.down(review.assignment.cutover, rpo)
            return each.seconds + round(before.total_seconds())
    return None


@dataclass(frozen=True)
class StackReview:
    """All waves of a stack, each as far as it is known."""

    waves: Mapping[str, WaveReview] = field(default_factory=dict)

    @property
    def rows(self) -> list[MachineRow]:
        """The machines of all waves."""
        return [row for wave in self.waves.values() for row in wave.machines]

    def count(self, operation: Operation) -> int:
        """How many machines an operation would run on."""
        return sum(wave.count(operation) for wave in self.waves.values())
