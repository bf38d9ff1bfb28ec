"""The Site Recovery operations that a migration consists of."""

from __future__ import annotations

from enum import StrEnum


class Operation(StrEnum):
    """One operation. Its value is the name that people read in previews, logs and messages."""

    DISCOVER = "discover"
    ENABLE_PROTECTION = "enable protection"
    UPDATE_TARGET = "update target"
    TEST_FAILOVER = "test failover"
    TEST_FAILOVER_CLEANUP = "test failover cleanup"
    UNPLANNED_FAILOVER = "unplanned failover"
    COMPLETE_MIGRATION = "complete migration"
    DISABLE_PROTECTION = "disable protection"

    @property
    def irreversible(self) -> bool:
        """Whether it cannot be undone: a machine in Azure cannot fail back to AWS."""
        return self in (Operation.UNPLANNED_FAILOVER, Operation.COMPLETE_MIGRATION)

    @property
    def allowed_by(self) -> str | None:
        """The string in an item's `allowedOperations` that permits it.

        None for operations that no item gates, such as those that run before there is one.
        """
        return _ALLOWED_BY.get(self)

    @property
    def scenario(self) -> str:
        """The `scenarioName` of its job."""
        return _SCENARIO[self]


def of_scenario(scenario: str | None) -> Operation | None:
    """The operation that a job with this `scenarioName` runs; None for any other job.

    Complete migration and disable protection have the same scenario. It is read as the latter.
    """
    return _OPERATION.get(scenario or "")


_ALLOWED_BY = {
    Operation.TEST_FAILOVER: "TestFailover",
    Operation.TEST_FAILOVER_CLEANUP: "TestFailoverCleanup",
    Operation.UNPLANNED_FAILOVER: "UnplannedFailover",
    Operation.COMPLETE_MIGRATION: "CompleteMigration",
    Operation.DISABLE_PROTECTION: "DisableProtection",
}

_SCENARIO = {
    Operation.DISCOVER: "DiscoverPhysicalMachine",
    Operation.ENABLE_PROTECTION: "EnableDr",
    Operation.UPDATE_TARGET: "UpdateVmProperties",
    Operation.TEST_FAILOVER: "TestFailover",
    Operation.TEST_FAILOVER_CLEANUP: "TestFailoverCleanup",
    Operation.UNPLANNED_FAILOVER: "UnplannedFailover",
    Operation.COMPLETE_MIGRATION: "DisableDr",
    Operation.DISABLE_PROTECTION: "DisableDr",
}
_OPERATION = {scenario: operation for operation, scenario in _SCENARIO.items()}

NO_FAILBACK = (
    "from then on it runs in Azure: there is no failback to AWS and no replication afterwards"
)
"""The warning before every failover."""
