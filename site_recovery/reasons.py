"""Why a machine waits, is blocked or failed, as names for programs. Messages are for people."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """One cause. Tests and reports use it instead of the text of a message."""

    # The machine cannot be matched with an item, a source or a virtual machine for certain.
    ITEM_OF_ANOTHER_INSTANCE = "item-of-another-instance"
    ITEM_OF_ANOTHER_EXPERIENCE = "item-of-another-experience"
    ITEM_UNDER_ANOTHER_NAME = "item-under-another-name"
    SEVERAL_SOURCES = "several-sources"
    SOURCE_IS_NOT_EC2 = "source-is-not-ec2"
    MIGRATED_VM_NOT_FOUND = "migrated-vm-not-found"

    # What Azure answers about the machine is not as the service documents it.
    UNREADABLE = "unreadable"

    # The next step is blocked.
    BACKWARD_PHASE = "backward-phase"
    LEAVES_FAILED_OVER = "leaves-failed-over"
    SOURCE_UNAVAILABLE = "source-unavailable"
    HELD = "held"
    NOT_TESTED = "not-tested"
    CHANGED_SINCE_TEST = "changed-since-test"
    TEST_NOT_CHECKED = "test-not-checked"
    TAKEN_BACK = "taken-back"
    HEALTH_CRITICAL = "health-critical"
    VM_NOT_TAGGED = "vm-not-tagged"
    NOT_ALLOWED = "not-allowed"
    VM_SIZE_UNSUITABLE = "vm-size-unsuitable"
    NO_VM_SIZE = "no-vm-size"
    NO_ADDRESS = "no-address"
    LOCKED = "locked"
    NO_INTERFACE = "no-interface"
    OTHER_DISKS = "other-disks"
    SECURITY_GROUP = "security-group"

    # The cutover of its source did not succeed.
    QUIESCE_FAILED = "quiesce-failed"
    CONNECTIONS_LEFT = "connections-left"
    NOT_MANAGED = "not-managed"
    NO_LATER_POINT = "no-later-point"
    SOURCE_DOES_NOT_STOP = "source-does-not-stop"
    KEPT_VM_RUNS = "kept-vm-runs"
    HALF_TAKEN_BACK = "half-taken-back"
    CUTOVER_DISTURBED = "cutover-disturbed"

    # A guard of its wave or stack holds the next step.
    NOT_APPROVED = "not-approved"
    WINDOW_CLOSED = "window-closed"
    NOT_YET = "not-yet"
    RPO_TOO_LARGE = "rpo-too-large"
    RPO_UNKNOWN = "rpo-unknown"
    WAITS_FOR_WAVE = "waits-for-wave"
    WAVE_STAYS_BEHIND = "wave-stays-behind"
    NOT_PROMOTED = "not-promoted"
    TOO_MANY_FAILOVERS = "too-many-failovers"

    # The machine waits.
    CUTOVER = "cutover"
    ROLLBACK = "rollback"
    JOB_RUNNING = "job-running"
    AGENT_NOT_REPORTED = "agent-not-reported"
    INITIAL_REPLICATION = "initial-replication"
    NOT_ALLOWED_YET = "not-allowed-yet"
    HOOK_RUNNING = "hook-running"
    CHECK_RUNNING = "check-running"
    WAITS_FOR_PLAN = "waits-for-plan"
    WAITS_FOR_PERSON = "waits-for-person"
    NOT_ANSWERED = "not-answered"
    NOT_SHOWN_YET = "not-shown-yet"
    WAIT_ENDED = "wait-ended"
    RUN_ENDED = "run-ended"

    # The machine failed.
    HOOK_FAILED = "hook-failed"
    CHECK_FAILED = "check-failed"
    JOB_FAILED = "job-failed"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    VAULT_GONE = "vault-gone"
    PLAN_FAILED = "plan-failed"
    UNEXPECTED = "unexpected"
