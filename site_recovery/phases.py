"""The desired state of a machine."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """How far a machine should be.

    `protected` and `test-failover` are reversible into each other; `failed-over` and `migrated`
    only go forward, because a machine that runs in Azure cannot fail back to AWS.
    """

    PROTECTED = "protected"
    TEST_FAILOVER = "test-failover"
    FAILED_OVER = "failed-over"
    MIGRATED = "migrated"
