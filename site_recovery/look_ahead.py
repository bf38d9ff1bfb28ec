"""Looks ahead to the end of a machine's way, as a preview needs it.

Each operation is followed by the state that it leaves if it succeeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from site_recovery.observation import Observed, Stage
from site_recovery.operations import Operation, of_scenario
from site_recovery.phases import Phase
from site_recovery.planning import Rules, goal, next_step, unguarded
from site_recovery.steps import Blocked, DeleteKept, Do, RollBack, Satisfied, Wait


def plan(
    desired: Phase | None, observed: Observed, rules: Rules
) -> tuple[list[Operation], Blocked | None]:
    """Look ahead to the end, as a preview needs it.

    Returns:
        All operations, in order, that `next_step` would ask for if each of them succeeded; and
        what would then block the machine, or None. What the machine would only wait for is not
        in the way: see `waits`.
    """
    operations, blocked = _path(desired, observed, replace(rules, guard=unguarded))
    for done, operation in enumerate(operations):
        verdict = rules.guard(operation, observed)
        if isinstance(verdict, Blocked):
            return operations[:done], verdict
    return operations, blocked


def waits(operations: Iterable[Operation], observed: Observed, rules: Rules) -> list[Wait]:
    """What a machine will wait for before these operations, by the guards of its wave."""
    verdicts = (rules.guard(operation, observed) for operation in operations)
    return list(dict.fromkeys(each for each in verdicts if isinstance(each, Wait)))


def _path(
    desired: Phase | None, observed: Observed, rules: Rules
) -> tuple[list[Operation], Blocked | None]:
    """The operations to the desired phase whatever the guards say, and what blocks the machine."""
    desired = goal(desired, observed)
    operations: list[Operation] = []
    state = observed
    while True:
        step = next_step(desired, state, rules)
        if isinstance(step, Satisfied):
            return operations, None
        if isinstance(step, Blocked):
            return operations, step
        if isinstance(step, Do):
            operations.append(step.operation)
            state = _AFTER[step.operation](state)
        elif isinstance(step, DeleteKept):
            state = replace(state, kept_vm_ids=())
        elif isinstance(step, RollBack):
            state = replace(state, kept_vm_ids=(_SOME_MACHINE,))
        else:
            state = _settled(state)


_PROTECTED_ALLOWS = frozenset({"UnplannedFailover", "DisableProtection", "TestFailover"})
_SOME_MACHINE = "made by the failover"
_SOME_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def _gone(state: Observed) -> Observed:
    return Observed(stage=Stage.DISCOVERED, source_id=state.source_id)


def _protected(state: Observed) -> Observed:
    return replace(
        state,
        stage=Stage.PROTECTED,
        allowed=_PROTECTED_ALLOWS,
        busy=None,
        busy_job=None,
    )


def _updated(state: Observed) -> Observed:
    return replace(state, differs=(), changed_since_test=state.last_test_failover is not None)


def _tested(state: Observed) -> Observed:
    return replace(
        state,
        stage=Stage.TEST_FAILOVER,
        allowed=frozenset({"TestFailoverCleanup"}),
        last_test_failover=state.last_test_failover or _SOME_TIME,
        changed_since_test=False,
    )


def _failed_over(state: Observed) -> Observed:
    return replace(
        state,
        stage=Stage.FAILED_OVER,
        allowed=frozenset({"CompleteMigration", "Commit", "DisableProtection", "ChangePit"}),
        azure_vm_id=state.azure_vm_id or _SOME_MACHINE,
    )


def _migrated(state: Observed) -> Observed:
    return replace(state, stage=Stage.MIGRATED, allowed=frozenset())


_AFTER: dict[Operation, Callable[[Observed], Observed]] = {
    Operation.DISCOVER: lambda state: replace(state, stage=Stage.DISCOVERED),
    Operation.ENABLE_PROTECTION: _protected,
    Operation.UPDATE_TARGET: _updated,
    Operation.TEST_FAILOVER: _tested,
    Operation.TEST_FAILOVER_CLEANUP: _protected,
    Operation.UNPLANNED_FAILOVER: _failed_over,
    Operation.COMPLETE_MIGRATION: _migrated,
    Operation.DISABLE_PROTECTION: _gone,
}

_AT_REST: dict[Stage, Callable[[Observed], Observed]] = {
    Stage.UNKNOWN_TO_VAULT: lambda state: replace(state, stage=Stage.DISCOVERED),
    Stage.BROKEN: lambda state: replace(state, allowed=frozenset({"DisableProtection"})),
    Stage.REPLICATING: _protected,
    Stage.PROTECTED: _protected,
    Stage.TEST_FAILOVER: _tested,
    Stage.FAILED_OVER: _failed_over,
}


def _settled(observed: Observed) -> Observed:
    """The state of a machine after the job that runs on it now, if that succeeds."""
    idle = replace(observed, busy=None, busy_job=None)
    running = of_scenario(observed.busy)
    if running is not None:
        return _AFTER[running](idle)
    at_rest = _AT_REST.get(observed.stage)
    return at_rest(idle) if at_rest else idle
