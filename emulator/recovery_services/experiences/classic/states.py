"""States and transitions of an `InMageAzureV2` item (classic experience)."""

from __future__ import annotations

from emulator.recovery_services.jobs.scenarios import FINALIZE_FAILBACK
from emulator.recovery_services.replication.migration_states import table
from emulator.recovery_services.replication.states import STAYS, State, Transition, sources

TABLE = table(
    {
        # As recorded of the modernized experience: nothing but disabling while data is copied.
        "replicating": State(
            "UnprotectedStatesBegin",
            "Initial replication in progress",
            ("DisableProtection",),
            stage="InitialSync",
            begins="_CompleteOnPrimary",
        ),
        "completing": State(
            "UnprotectedStatesBegin",
            "Initial replication in progress",
            ("DisableProtection",),
            stage="InitialSync",
            begins="_CompleteOnRecovery",
        ),
    },
    others={
        "failover-failed": State(
            "UnplannedFailoverCompletionFailed",
            "Failover couldn't be completed",
            ("RepairReplication", "UnplannedFailover", "DisableProtection"),
        )
    },
    # Accepted although it is not among the allowed operations; its job fails (recorded).
    more=[Transition("Commit", sources("failover-failed"), FINALIZE_FAILBACK, STAYS)],
)
