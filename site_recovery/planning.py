"""Decides the next operation of a machine: a pure function of phase, observed state and rules.

Decisions are made from what is observed now, never from what was recorded. So a run that was
killed, a manual change and a second run all lead to the right operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from site_recovery import arm_ids
from site_recovery.declared.cutover import Decision
from site_recovery.declared.tags import TAG_INSTANCE
from site_recovery.observation import Observed, Stage
from site_recovery.operations import NO_FAILBACK, Operation
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from site_recovery.steps import Blocked, DeleteKept, Do, RollBack, Satisfied, Step, Wait


def unguarded(operation: Operation, observed: Observed) -> None:
    """The guard of a wave that has none."""


@dataclass(frozen=True)
class Rules:
    """The rules that decide together with the observed state.

    Attributes:
        require_test_failover: whether a failover needs a successful test failover first. From the
            config.
        knows_checks: whether it is known which tests were checked. A preview of a wave does not
            know it, because it does not see what the last run recorded.
        discovers: whether a machine has to be discovered by an operation. If not, its agent
            reports it without being asked. Depends on the experience.
        guard: what the wave's guards have against an operation now, or None (see `guards`).
    """

    require_test_failover: bool = True
    knows_checks: bool = True
    discovers: bool = True
    guard: Guard = unguarded


Guard: TypeAlias = Callable[[Operation, Observed], Wait | Blocked | None]

_REACHED = {
    Phase.PROTECTED: Stage.PROTECTED,
    Phase.TEST_FAILOVER: Stage.TEST_FAILOVER,
    Phase.FAILED_OVER: Stage.FAILED_OVER,
    Phase.MIGRATED: Stage.MIGRATED,
}


NOT_BEGUN = (Stage.UNKNOWN_TO_VAULT, Stage.DISCOVERED)
"""Stages before the replication of a machine starts."""


def goal(desired: Phase | None, observed: Observed) -> Phase | None:
    """The phase that a machine goes to: the declared one, or what `afterFailover` has decided."""
    if desired is not Phase.FAILED_OVER or observed.decided is None:
        return desired
    return Phase.MIGRATED if observed.decided is Decision.COMPLETE else Phase.PROTECTED


def may_roll_back(observed: Observed) -> bool:
    """Whether its config allows that its failover is taken back."""
    return observed.rolls_back or observed.decided is Decision.ROLLBACK


def satisfies(desired: Phase | None, observed: Observed) -> bool:
    """Whether a machine is in its desired phase. None means that it should not be in the vault."""
    desired = goal(desired, observed)
    if desired is None:
        return observed.stage in (*NOT_BEGUN, Stage.MIGRATED) and observed.busy is None
    if desired is Phase.PROTECTED and _has_to_delete(observed):
        return False
    settled = observed.busy is None and (observed.in_azure or not observed.differs)
    return observed.stage is _REACHED[desired] and settled


def has_arrived(step: Step, observed: Observed) -> bool:
    """Whether nothing but Complete Migration is left for a machine, now or once it may run.

    Its checks are made then, and its hooks after the failover run.
    """
    waits = (
        isinstance(step, Wait)
        and step.reason is Reason.WAITS_FOR_WAVE
        and observed.stage is Stage.FAILED_OVER
    )
    return step == Satisfied() or step == Do(Operation.COMPLETE_MIGRATION) or waits


def _has_to_delete(observed: Observed) -> bool:
    """Whether a virtual machine that was kept has to go, and nothing of its failover is left."""
    return observed.deletes_kept and bool(observed.kept_vm_ids) and not observed.in_azure


def next_step(desired: Phase | None, observed: Observed, rules: Rules) -> Step:
    """The next step for a machine.

    Args:
        desired: the phase of its wave; None for a machine that left the config.
        observed: its state as the services see it now.
        rules: the rules of its wave.
    """
    desired = goal(desired, observed)
    if observed.stage is Stage.UNREADABLE:
        return Blocked(
            Reason.UNREADABLE,
            observed.unreadable,
            "Look at it in Azure. Where it looks right there, run pulumi up again",
        )
    if observed.mismatch is not None and desired is not None:
        mismatch = observed.mismatch
        return Blocked(mismatch.reason, mismatch.what, mismatch.way_out)
    backward = _backward(desired, observed)
    if backward is not None:
        return backward
    if observed.busy is not None:
        return Wait(Reason.JOB_RUNNING, f"{observed.busy} is running")
    if observed.lacks and desired is not None:
        return _lacking(observed)
    if observed.disks_differ and desired is not None:
        return _other_disks(observed)
    if satisfies(desired, observed):
        return Satisfied()
    if desired is Phase.PROTECTED and _has_to_delete(observed):
        return DeleteKept()
    if observed.source_problem and desired is not None and not observed.in_azure:
        return Blocked(
            Reason.SOURCE_UNAVAILABLE,
            f"{observed.source_problem}, and it does not run in Azure yet ({observed.stage})",
            "Start the instance, correct its id, or take the machine out of its wave",
        )
    if observed.hold and desired is not None and observed.stage in NOT_BEGUN:
        return Blocked(
            Reason.HELD,
            f"its replication does not begin: {observed.hold}",
            "Put that right, then run pulumi up again",
        )
    step = _removal(observed) if desired is None else _forward(desired, observed, rules)
    if isinstance(step, Do):
        permit = step.operation.allowed_by
        if permit is not None and permit not in observed.allowed:
            return _not_allowed(step.operation, observed)
        return rules.guard(step.operation, observed) or step
    return step


def _lacking(observed: Observed) -> Blocked:
    names = ", ".join(observed.lacks)
    return Blocked(
        Reason.NO_INTERFACE,
        f"its replicated item does not have network interface {names}, which its target.interfaces "
        "names: Site Recovery reads the interfaces when replication begins",
        "Remove the key, or replicate the machine anew: take it out of its wave, run pulumi up, "
        "and put it back",
    )


def _other_disks(observed: Observed) -> Blocked:
    return Blocked(
        Reason.OTHER_DISKS,
        f"{'; '.join(observed.disks_differ)}: the disks of a replicated item are as they were when "
        "its replication began",
        "Declare them as they are there (target.diskType, diskEncryptionSet, disks), or replicate "
        "the machine anew: take it out of its wave, run pulumi up, and put it back",
    )


def _backward(desired: Phase | None, observed: Observed) -> Blocked | None:
    if observed.stage is Stage.FAILED_OVER and desired is None:
        return Blocked(
            Reason.LEAVES_FAILED_OVER,
            "it is failed over but its migration is not complete, so it may not leave the config",
            "Set its wave's phase to migrated and run pulumi up, then remove it",
        )
    rolls_back = may_roll_back(observed) and desired is Phase.PROTECTED
    if (
        observed.stage is Stage.FAILED_OVER
        and desired in (Phase.PROTECTED, Phase.TEST_FAILOVER)
        and not rolls_back
    ):
        return Blocked(
            Reason.BACKWARD_PHASE,
            f"it is failed over and cannot go back to {desired}: {NO_FAILBACK}",
            "Set its wave's phase to failed-over or migrated; to give its source back instead, and "
            "lose what was written in Azure, set the phase to protected with rollback",
        )
    if observed.stage is Stage.MIGRATED and desired not in (None, Phase.MIGRATED):
        return Blocked(
            Reason.BACKWARD_PHASE,
            f"it is migrated and cannot go back to {desired}: its replication is removed",
            "Set its wave's phase to migrated, or take the machine out of the wave",
        )
    return None


def _forward(desired: Phase, observed: Observed, rules: Rules) -> Step:
    match observed.stage:
        case Stage.UNKNOWN_TO_VAULT if rules.discovers:
            return Do(Operation.DISCOVER)
        case Stage.UNKNOWN_TO_VAULT:
            other_at_address = f"; {observed.other_at_address}" if observed.other_at_address else ""
            return Wait(
                Reason.AGENT_NOT_REPORTED,
                f"its mobility agent has not reported yet{other_at_address}",
            )
        case Stage.DISCOVERED:
            return Do(Operation.ENABLE_PROTECTION)
        case Stage.REPLICATING:
            progress = "" if observed.progress is None else f" {observed.progress}%"
            return Wait(Reason.INITIAL_REPLICATION, f"initial replication{progress}")
        case Stage.BROKEN:
            # Nothing is replicated yet, so starting over loses nothing.
            return Do(Operation.DISABLE_PROTECTION)
        case Stage.TEST_FAILOVER if (
            desired in (Phase.FAILED_OVER, Phase.MIGRATED)
            and not observed.differs
            and not _is_checked(observed, rules)
        ):
            # While its virtual machine is there, the checks can still be made.
            return _NOT_CHECKED
        case Stage.TEST_FAILOVER:
            # This includes a machine whose target changed: it has to be tested with the new one.
            return Do(Operation.TEST_FAILOVER_CLEANUP)
        case Stage.PROTECTED if observed.differs:
            return Do(Operation.UPDATE_TARGET)
        case Stage.PROTECTED if desired is Phase.TEST_FAILOVER:
            return Do(Operation.TEST_FAILOVER)
        case Stage.PROTECTED:
            return _gate(observed, rules) or Do(Operation.UNPLANNED_FAILOVER)
        case Stage.FAILED_OVER if desired is Phase.PROTECTED:
            return _back(observed)
        case _ if observed.azure_vm_id is None:
            # Once the item is removed, only this tag shows that the machine is migrated. Without
            # the tag a later run would replicate the machine and fail it over again.
            return Blocked(
                Reason.VM_NOT_TAGGED,
                "no virtual machine of its resource group has the tag "
                f"{TAG_INSTANCE} with its instance id, by which it is known once its "
                "replication is removed",
                "Find its virtual machine in Azure, give it that tag, then run pulumi up again",
            )
        case _:
            return Do(Operation.COMPLETE_MIGRATION)


def _back(observed: Observed) -> Step:
    """The next step of a rollback."""
    if observed.rolled_back:
        return Do(Operation.DISABLE_PROTECTION)
    if observed.source_problem:
        return Blocked(
            Reason.SOURCE_UNAVAILABLE,
            f"{observed.source_problem}, so its failover cannot be taken back",
            "Start the instance; without it, set the phase to failed-over",
        )
    if observed.azure_vm_id is None:
        return Blocked(
            Reason.VM_NOT_TAGGED,
            f"no virtual machine of its resource group has the tag {TAG_INSTANCE} with its instance "
            "id, so nothing can switch it off",
            "Find its virtual machine in Azure, give it that tag, then run pulumi up again",
        )
    return RollBack()


_NOT_CHECKED = Blocked(
    Reason.TEST_NOT_CHECKED,
    "no checks of its test failover are recorded as passed, and its wave requires a test that was "
    "looked at",
    "Set the wave's phase to test-failover and run pulumi up, which makes the checks of a test that "
    "runs, and tests the machine if none does; then fail over (or set requireTestFailover: false)",
)


def _is_checked(observed: Observed, rules: Rules) -> bool:
    """Whether the test of a machine counts for its failover."""
    return observed.test_checked or not (rules.require_test_failover and rules.knows_checks)


def _gate(observed: Observed, rules: Rules) -> Blocked | None:
    if observed.taken_back:
        kept = ", ".join(arm_ids.name(each) for each in observed.kept_vm_ids)
        return Blocked(
            Reason.TAKEN_BACK,
            f"a failover of it was taken back, and its virtual machine {kept} is kept, switched "
            "off; with afterFailover, nothing fails it over again by itself",
            "Find out why that migration was not completed. Then delete the virtual machine and run "
            "pulumi up again, or set the phase of the wave to protected",
        )
    if rules.require_test_failover and not observed.tested:
        return Blocked(
            Reason.CHANGED_SINCE_TEST if observed.changed_since_test else Reason.NOT_TESTED,
            "its target changed after its last test failover, and its wave requires a test"
            if observed.changed_since_test
            else "no test failover of it ever succeeded, and its wave requires one",
            "Set the wave's phase to test-failover, run pulumi up, check the test machine, then "
            "fail over (or set requireTestFailover: false)",
        )
    if not _is_checked(observed, rules):
        return _NOT_CHECKED
    if observed.unmanaged is not None and not observed.cut_over:
        return Blocked(
            Reason.NOT_MANAGED,
            f"nothing can prove that no write is lost: {observed.unmanaged}",
            "Let Systems Manager manage it, or set its cutover.mode to stop-first or latest",
        )
    if observed.endangered:
        causes = "; ".join(str(error) for error in observed.health_errors)
        return Blocked(
            Reason.HEALTH_CRITICAL,
            f"its replication health is Critical{f' ({causes})' if causes else ''}, so a failover "
            "could lose data",
            "Repair the replication first, then run pulumi up again",
        )
    return None


def _removal(observed: Observed) -> Step:
    if observed.stage is Stage.TEST_FAILOVER:
        return Do(Operation.TEST_FAILOVER_CLEANUP)
    return Do(Operation.DISABLE_PROTECTION)


def _not_allowed(operation: Operation, observed: Observed) -> Step:
    if not observed.allowed:
        # While the service changes an item's state, it allows no operation.
        return Wait(Reason.NOT_ALLOWED_YET, f"the service does not allow {operation} yet")
    errors = "; ".join(str(error) for error in observed.health_errors)
    return Blocked(
        Reason.NOT_ALLOWED,
        f"the service does not allow {operation} now; it allows "
        f"{', '.join(sorted(observed.allowed))}{f' ({errors})' if errors else ''}",
        "Look at the machine in the vault, put it right, then run pulumi up again",
    )
