"""The desired state of a machine."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """The state that the config asks for.

    A machine can go back and forth between `protected` and `test-failover`. From `failed-over` it
    can only go on to `migrated`, because a machine that runs in Azure cannot fail back to AWS.
    """

    PROTECTED = "protected"
    TEST_FAILOVER = "test-failover"
    FAILED_OVER = "failed-over"
    MIGRATED = "migrated"
