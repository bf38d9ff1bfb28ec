"""The states of a migration that both experiences have, and every transition between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emulator.recovery_services.jobs import scenarios
from emulator.recovery_services.jobs.scenarios import Scenario
from emulator.recovery_services.replication.states import (
    GONE,
    STAYS,
    State,
    Table,
    Transition,
    every,
    sources,
)

PROTECTED = ("UnplannedFailover", "DisableProtection", "TestFailover")

COMMON: Mapping[str, State] = {
    "enabling": State("UnprotectedStatesBegin", "Enabling protection", stage="InitialSync"),
    # The string is [inferred] after MigrationState's `EnableMigrationFailed`; that only
    # disabling is left to do is what the portal offers.
    "enable-failed": State(
        "EnableProtectionFailed",
        "Enable protection failed",
        ("DisableProtection",),
        stage="InitialSync",
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

_AT_SOURCE = sources("protected", "tested")


def table(
    replication: Mapping[str, State],
    *,
    others: Mapping[str, State] | None = None,
    enable: Scenario = scenarios.ENABLE,
    failover: Scenario = scenarios.FAILOVER,
) -> Table:
    """The table of an experience.

    Args:
        replication: the states from enabled to protected, in order; each leads to the next by
            itself, and from the last one a job finalizes protection.
        others: common states that are otherwise here.
        enable: the scenario of enabling.
        failover: the scenario of an unplanned failover.
    """
    states = {**COMMON, **replication, **(others or {})}
    names = list(replication)
    return Table(states, (*_enabling(names, enable), *_onward(states, failover)))


def _enabling(replication: Sequence[str], enable: Scenario) -> tuple[Transition, ...]:
    return (
        Transition(
            "EnableProtection",
            # Again only by restarting the job that failed: a PUT finds the name in use.
            sources("", "enable-failed"),
            enable,
            replication[0],
            during="enabling",
            failed="enable-failed",
            cancelled="enable-failed",
        ),
        Transition(
            "_FinalizeProtection", sources(replication[-1]), scenarios.FINALIZE, "protected"
        ),
        Transition("_Update", sources(*replication) | _AT_SOURCE, scenarios.UPDATE, STAYS),
    )


def _onward(states: Mapping[str, State], failover: Scenario) -> tuple[Transition, ...]:
    return (
        Transition("TestFailover", _AT_SOURCE, scenarios.TEST_FAILOVER, "testing"),
        Transition(
            "TestFailoverCleanup", sources("testing"), scenarios.TEST_FAILOVER_CLEANUP, "tested"
        ),
        Transition(
            "UnplannedFailover",
            _AT_SOURCE,
            failover,
            "failed-over",
            cancelled="failover-cancelled",
        ),
        Transition("ChangePit", sources("failed-over"), scenarios.CHANGE_POINT, "failed-over"),
        Transition("Commit", sources("failed-over"), scenarios.COMMIT, "committed"),
        Transition(
            "CompleteMigration", sources("failed-over", "committed"), scenarios.DISABLE, GONE
        ),
        Transition(
            "DisableProtection",
            every(states) - {"enabling", "testing"},
            scenarios.DISABLE,
            GONE,
        ),
        Transition("_Purge", every(states), scenarios.PURGE, GONE),
    )
