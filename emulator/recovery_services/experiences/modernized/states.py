"""States and transitions of an `InMageRcm` item (modernized experience), as recorded."""

from __future__ import annotations

from dataclasses import replace

from emulator.recovery_services.jobs import scenarios
from emulator.recovery_services.replication.migration_states import COMMON, table
from emulator.recovery_services.replication.states import State

_ENABLE_SECONDS, _FAILOVER_SECONDS = 1650, 637

TABLE = table(
    {
        "replicating": State(
            "InitialReplicationInProgress",
            "Initial replication is in progress",
            ("DisableProtection",),
            becomes="completing",
        ),
        "completing": State(
            "InitialReplicationRecoveryCompletionPending",
            "Waiting for first recovery point",
            ("DisableProtection",),
            begins="_FinalizeProtection",
        ),
    },
    others={
        "failed-over": replace(
            COMMON["failed-over"], allowed=(*COMMON["failed-over"].allowed, "SwitchProtection")
        )
    },
    enable=replace(scenarios.ENABLE, seconds=_ENABLE_SECONDS, jitter=0.05),
    failover=replace(scenarios.FAILOVER, seconds=_FAILOVER_SECONDS),
)
