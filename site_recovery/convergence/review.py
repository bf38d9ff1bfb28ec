"""Writes the lines of a preview, and refuses what cannot be done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from site_recovery import cutover
from site_recovery.convergence.outcome import Outcome
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage, observe
from site_recovery.operations import NO_FAILBACK, Operation
from site_recovery.phases import Phase
from site_recovery.planning import Rules, next_step, plan, satisfies
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot

ROLLS_BACK = (
    "its failover is taken back: its virtual machine is switched off, its source serves again, and "
    "WHAT WAS WRITTEN IN AZURE SINCE THE FAILOVER IS LOST; then "
)
"""The warning before a rollback."""


def review(
    assignments: Iterable[Assignment], snapshot: Snapshot, rules: Rules
) -> tuple[list[str], list[str]]:
    """Look ahead for every machine.

    Returns:
        A line for every machine on which operations would run or are running, and a refusal for
        every machine that cannot reach its desired phase.
    """
    lines: list[str] = []
    refusals: list[str] = []
    for assignment in sorted(assignments, key=lambda each: each.machine.name):
        name = assignment.machine.name
        observed = observe(assignment.machine, snapshot, assignment.settings)
        operations, blocked = plan(assignment.desired, observed, rules)
        if blocked is not None and blocked.reason is Reason.UNREADABLE:
            # It fails alone, in the run, and does not keep the others from their phases.
            lines.append(f"{name}: {blocked}")
        elif blocked is not None:
            refusals.append(f"{name}: {blocked}")
        elif operations or observed.busy or not satisfies(assignment.desired, observed):
            lines.append(_line(assignment, observed, operations))
    return lines, refusals


def refused(refusals: Iterable[str]) -> str:
    """All refusals of a run as one message."""
    lines = sorted(set(refusals))
    plural = "s" if len(lines) > 1 else ""
    title = (
        f"{len(lines)} machine{plural} cannot be taken where the config says; nothing was changed"
    )
    return "\n".join([title, *(f"  - {line}" for line in lines)])


def raise_if_failed_over(assignments: Iterable[Assignment], snapshot: Snapshot) -> None:
    """Refuse to remove machines from the vault while one of them is failed over.

    Raises:
        MigrationError: a machine is failed over. The message names all such machines.
    """
    refusals = []
    for assignment in sorted(assignments, key=lambda each: each.machine.name):
        observed = observe(assignment.machine, snapshot)
        if observed.stage is Stage.FAILED_OVER:
            refusals.append(f"{assignment.machine.name}: {next_step(None, observed, Rules())}")
    if refusals:
        raise MigrationError(
            f"{' '.join(refusals)} The replication of the other machines is not changed."
        )


def raise_unless_gone(outcomes: Mapping[str, Outcome]) -> None:
    """Check that the machines of a deleted wave are out of the vault.

    Raises:
        MigrationError: a machine is still in it. The message names each one with the reason.
    """
    left = {
        name: outcome for name, outcome in outcomes.items() if not satisfies(None, outcome.observed)
    }
    if left:
        reasons = "; ".join(f"{name}: {outcome.message}" for name, outcome in left.items())
        raise MigrationError(f"replication is not removed yet ({reasons}). Run it again to go on.")


def _line(assignment: Assignment, observed: Observed, operations: list[Operation]) -> str:
    name, desired = assignment.machine.name, assignment.desired
    goal = str(desired) if desired is not None else "out of the vault"
    parts = [f"{name}: {observed.stage} -> {goal}: "]
    if observed.busy:
        parts.append(f"{observed.busy} is running; ")
    if observed.stage is Stage.FAILED_OVER and desired is Phase.PROTECTED:
        parts.append(ROLLS_BACK)
    parts.append(
        ", ".join(_told(each, observed, assignment) for each in operations) or "wait for it"
    )
    irreversible = [operation for operation in operations if operation.irreversible]
    if Operation.UNPLANNED_FAILOVER in irreversible:
        parts.append(f"  [IRREVERSIBLE: {NO_FAILBACK}]")
    elif irreversible:
        parts.append("  [IRREVERSIBLE: its replication is removed and billing for it stops]")
    return "".join(parts)


def _told(operation: Operation, observed: Observed, assignment: Assignment) -> str:
    if operation is Operation.UNPLANNED_FAILOVER and assignment.cutover.fences:
        return f"{operation} ({cutover.told(assignment.cutover)})"
    if operation is Operation.UPDATE_TARGET:
        return f"{operation} ({', '.join(observed.differs)})"
    return str(operation)
