"""The states of a migration that both experiences have, and every transition between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from emulator.recovery_services.jobs import scenarios
from emulator.recovery_services.jobs.scenario import Scenario
from emulator.recovery_services.replication.states import (
    GONE,
    STAYS,
    State,
    Table,
    Transition,
    all_of,
    sources,
)

PROTECTED = ("UnplannedFailover", "DisableProtection", "TestFailover")

COMMON: Mapping[str, State] = {
    "enabling": State("UnprotectedStatesBegin", "Enabling protection", stage="InitialSync"),
    "enable-failed": State(
        "EnablingFailed",
        "Protection couldn't be enabled",
        ("DisableProtection",),
        stage="InitialSync",
        scenario="EnableProtection",
    ),
    "protected": State("Protected", "Protected", PROTECTED),
    "tested": State(
        "Protected",
        "Protected",
        PROTECTED,
        test_state="MarkedForDeletion",
        test_description="Cleaning up test environment",
    ),
    "testing": State(
        "Protected",
        "Cleanup test failover pending",
        ("TestFailoverCleanup",),
        test_state="WaitingForCompletion",
        test_description="Waiting for user input",
        scenario="TestFailover",
    ),
    "failover-failed": State("UnplannedFailoverFailed", "Failover failed", PROTECTED),
    # A cancelled failover leaves a machine that does not replicate again (the procedure's
    # warning); the words for it are [inferred].
    "failover-cancelled": State(
        "UnplannedFailoverFailed", "Failover cancelled", ("DisableProtection",)
    ),
    "failed-over": State(
        "UnplannedFailoverCommitPendingStatesBegin",
        "Failover completed",
        ("CompleteMigration", "Commit", "DisableProtection", "ChangePit"),
        active_location="Recovery",
    ),
    # A physical machine cannot be replicated back, so no ReverseReplicate [inferred].
    "committed": State(
        "UnplannedFailoverCommitted",
        "Failover committed",
        ("CompleteMigration", "DisableProtection"),
        active_location="Recovery",
    ),
}

_AT_SOURCE = sources("protected", "tested", "failover-failed")


def table(
    replication: Mapping[str, State],
    *,
    others: Mapping[str, State] | None = None,
    special: Mapping[str, Scenario] | None = None,
    more: Sequence[Transition] = (),
) -> Table:
    """The table of an experience.

    Args:
        replication: the states from enabled to protected, in order. A job leads from each to the
            next, and from the last one to protected.
        others: common states that differ here.
        special: scenarios that differ here, by their name.
        more: transitions that are here only.
    """
    states = {**COMMON, **replication, **(others or {})}
    rows = (*_enabling(list(replication)), *_onward(states), *more)
    return Table(
        states,
        tuple(
            replace(row, scenario=(special or {}).get(row.scenario.name, row.scenario))
            for row in rows
        ),
    )


def _enabling(replication: Sequence[str]) -> tuple[Transition, ...]:
    first, last = replication
    return (
        Transition(
            "EnableProtection",
            # Again only by restarting the job that failed: a PUT finds the name in use.
            sources("", "enable-failed"),
            scenarios.ENABLE,
            first,
            during="enabling",
            failed="enable-failed",
            cancelled="enable-failed",
        ),
        Transition("_CompleteOnPrimary", sources(first), scenarios.COMPLETE_ON_PRIMARY, last),
        Transition(
            "_CompleteOnRecovery", sources(last), scenarios.COMPLETE_ON_RECOVERY, "protected"
        ),
        Transition("_Update", sources(*replication) | _AT_SOURCE, scenarios.UPDATE, STAYS),
    )


def _onward(states: Mapping[str, State]) -> tuple[Transition, ...]:
    testable = frozenset(name for name in _AT_SOURCE if "TestFailover" in states[name].allowed)
    return (
        Transition("TestFailover", testable, scenarios.TEST_FAILOVER, "testing"),
        Transition(
            "TestFailoverCleanup", sources("testing"), scenarios.TEST_FAILOVER_CLEANUP, "tested"
        ),
        Transition(
            "UnplannedFailover",
            _AT_SOURCE,
            scenarios.FAILOVER,
            "failed-over",
            failed="failover-failed",
            cancelled="failover-cancelled",
        ),
        Transition("ChangePit", sources("failed-over"), scenarios.CHANGE_POINT, "failed-over"),
        Transition("Commit", sources("failed-over"), scenarios.COMMIT, "committed"),
        Transition(
            "CompleteMigration", sources("failed-over", "committed"), scenarios.DISABLE, GONE
        ),
        Transition(
            "DisableProtection",
            all_of(states) - {"enabling", "testing"},
            scenarios.DISABLE,
            GONE,
        ),
        Transition("_Purge", all_of(states), scenarios.PURGE, GONE),
    )
