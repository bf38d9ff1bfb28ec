"""States and transitions of an `InMageAzureV2` item (classic experience)."""

from __future__ import annotations

from emulator.recovery_services.replication.migration_states import table
from emulator.recovery_services.replication.states import State

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
    }
)
