"""States and transitions of an `InMageAzureV2` item (classic experience)."""

from __future__ import annotations

from emulator.recovery_services import scenarios
from emulator.recovery_services.states import GONE, STAYS, State, Table, Transition, every, sources

_PROTECTED = ("UnplannedFailover", "DisableProtection", "TestFailover")

_STATES = {
    "enabling": State("UnprotectedStatesBegin", "Enabling protection", stage="InitialSync"),
    # The string is [inferred] after MigrationState's `EnableMigrationFailed`; that only
    # disabling is left to do is what the portal offers.
    "enable-failed": State(
        "EnableProtectionFailed",
        "Enable protection failed",
        ("DisableProtection",),
        stage="InitialSync",
    ),
    # As recorded of the modernized experience: nothing but disabling while data is copied.
    "replicating": State(
        "UnprotectedStatesBegin",
        "Initial replication in progress",
        ("DisableProtection",),
        stage="InitialSync",
        begins="_FinalizeProtection",
    ),
    "protected": State("Protected", "Protected", _PROTECTED),
    "tested": State(
        "Protected",
        "Protected",
        _PROTECTED,
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

TABLE = Table(
    _STATES,
    (
        Transition(
            "EnableProtection",
            # Again only by restarting the job that failed: a PUT finds the name in use.
            sources("", "enable-failed"),
            scenarios.ENABLE,
            "replicating",
            during="enabling",
            failed="enable-failed",
            cancelled="enable-failed",
        ),
        Transition("_FinalizeProtection", sources("replicating"), scenarios.FINALIZE, "protected"),
        Transition(
            "_Update", sources("replicating", "protected", "tested"), scenarios.UPDATE, STAYS
        ),
        Transition("TestFailover", _AT_SOURCE, scenarios.TEST_FAILOVER, "testing"),
        Transition(
            "TestFailoverCleanup", sources("testing"), scenarios.TEST_FAILOVER_CLEANUP, "tested"
        ),
        Transition(
            "UnplannedFailover",
            _AT_SOURCE,
            scenarios.FAILOVER,
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
            every(_STATES) - {"enabling", "testing"},
            scenarios.DISABLE,
            GONE,
        ),
        Transition("_Purge", every(_STATES), scenarios.PURGE, GONE),
    ),
)
