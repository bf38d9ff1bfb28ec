"""Looks ahead for every machine of a wave, and refuses what cannot be done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from site_recovery.convergence.outcome import Outcome
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment
from site_recovery.look_ahead import plan, waits
from site_recovery.observation import Observed, Stage, observe
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.planning import Rules, goal, next_step, satisfies
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot
from site_recovery.steps import Blocked, Wait

ROLLS_BACK = (
    "its failover is taken back: its virtual machine is switched off, its source serves again, and "
    "WHAT WAS WRITTEN IN AZURE SINCE THE FAILOVER IS LOST"
)
"""The warning before a rollback."""

_NAMED = 3
"""The most machines that one refusal names."""


@dataclass(frozen=True)
class MachineReview:
    """What a run would do with one machine.

    Attributes:
        assignment: the machine and its desired phase.
        observed: its state now.
        operations: what would run, in order.
        waits: what it would wait for before them, by the guards of its wave.
        blocked: what keeps it from its phase.
        attaches: whether its interfaces get a network security group, after its failover if it is
            not in Azure yet.
    """

    assignment: Assignment
    observed: Observed
    operations: tuple[Operation, ...] = ()
    waits: tuple[Wait, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    attaches: bool = False

    @property
    def name(self) -> str:
        """The name of the machine."""
        return self.assignment.machine.name

    @property
    def goal(self) -> Phase | None:
        """The phase that it goes to; see `planning.goal`."""
        return goal(self.assignment.desired, self.observed)

    @property
    def deletes_vm(self) -> bool:
        """Whether the virtual machine of a failover that is or was taken back is deleted."""
        seen = self.observed
        there = self.rolls_back or (bool(seen.kept_vm_ids) and not seen.in_azure)
        return there and seen.deletes_kept and self.goal is Phase.PROTECTED and not self.blocked

    def also(self, blocked: Blocked | None) -> MachineReview:
        """A copy that something else keeps from its phase too; itself for None."""
        if blocked is None:
            return self
        return replace(self, blocked=(*self.blocked, blocked))

    @property
    def has_something(self) -> bool:
        """Whether anything would happen to it, happens to it now, or is in its way."""
        settled = satisfies(self.assignment.desired, self.observed) and not self.observed.busy
        does = bool(self.operations) or self.attaches or self.gives_source_back
        return does or bool(self.blocked) or not settled

    @property
    def gives_source_back(self) -> bool:
        """Whether a cutover of it, which a killed run left, is taken back first."""
        return self.assignment.gives_source_back and not self.observed.in_azure

    @property
    def rolls_back(self) -> bool:
        """Whether its failover is taken back first."""
        return (
            self.observed.stage is Stage.FAILED_OVER
            and self.goal is Phase.PROTECTED
            and not self.blocked
        )

    @property
    def refused(self) -> tuple[Blocked, ...]:
        """What refuses the run. An unreadable machine fails alone, in the run."""
        return tuple(each for each in self.blocked if each.reason is not Reason.UNREADABLE)


def review(
    assignments: Iterable[Assignment], snapshot: Snapshot, rules: Rules
) -> list[MachineReview]:
    """Look ahead for every machine, by name."""
    return [
        _review(assignment, observe(assignment.machine, snapshot, assignment.settings), rules)
        for assignment in sorted(assignments, key=lambda each: each.machine.name)
    ]


def _review(assignment: Assignment, observed: Observed, rules: Rules) -> MachineReview:
    operations, blocked = plan(assignment.desired, observed, rules)
    reasons = [blocked] if blocked is not None else []
    if blocked is not None and blocked.reason is not Reason.UNREADABLE:
        # The guards have a say in what comes behind it, and everything is told in one run.
        verdicts = (
            rules.guard(each, observed)
            for each in _ahead(goal(assignment.desired, observed), observed)
        )
        reasons += [each for each in verdicts if isinstance(each, Blocked)]
    return MachineReview(
        assignment,
        observed,
        tuple(operations),
        tuple(waits(operations, observed, rules)),
        tuple({each.reason: each for each in reversed(reasons)}.values())[::-1],
    )


def _ahead(desired: Phase | None, observed: Observed) -> Iterable[Operation]:
    """The irreversible operations between a machine and its phase."""
    if desired in (Phase.FAILED_OVER, Phase.MIGRATED) and not observed.in_azure:
        yield Operation.UNPLANNED_FAILOVER
    if desired is Phase.MIGRATED and observed.stage is not Stage.MIGRATED:
        yield Operation.COMPLETE_MIGRATION


def refusals(reviews: Iterable[MachineReview]) -> list[str]:
    """A line for everything that refuses the run; machines with the same one share it."""
    machines: dict[str, list[str]] = {}
    for each in reviews:
        for blocked in each.refused:
            machines.setdefault(str(blocked), []).append(each.name)
    lines = []
    for text, names in machines.items():
        if len(names) > _NAMED:
            lines.append(f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more: {text}")
        else:
            lines += [f"{name}: {text}" for name in names]
    return lines


def refused(refusals: Iterable[str]) -> str:
    """All refusals of a run as one message."""
    lines = sorted(set(refusals))
    title = "these machines cannot be taken where the config says; nothing was changed"
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
