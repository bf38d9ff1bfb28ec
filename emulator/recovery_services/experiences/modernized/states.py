"""States and transitions of an `InMageRcm` item (modernized experience), as recorded."""

from __future__ import annotations

from dataclasses import replace

from emulator.recovery_services.jobs import scenarios
from emulator.recovery_services.replication.migration_states import COMMON, table
from emulator.recovery_services.replication.states import State

TABLE = table(
    {
        "replicating": State(
            "InitialReplicationInProgress",
            "Initial replication is in progress",
            ("DisableProtection",),
            begins="_CompleteOnPrimary",
        ),
        "completing": State(
            "InitialReplicationRecoveryCompletionPending",
            "Waiting for first recovery point",
            ("DisableProtection",),
            begins="_CompleteOnRecovery",
        ),
    },
    others={
        name: replace(COMMON[name], allowed=(*COMMON[name].allowed, "SwitchProtection"))
        for name in ("failed-over", "committed")
    },
    special=scenarios.MODERNIZED_SCENARIOS,
)
