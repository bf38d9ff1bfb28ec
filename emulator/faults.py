"""Faults set through the control API: which call or job they meet, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emulator.kernel.store import Document

if TYPE_CHECKING:
    from emulator.kernel.world import World

KIND = "fault"
OF_JOBS = ("job", "delaySeconds")
BEFORE_HANDLING = ("status", "stale")
EFFECTS = (*BEFORE_HANDLING, "drop", *OF_JOBS)


def take(
    world: World,
    *,
    operation: str,
    match: Sequence[str],
    effects: Sequence[str] = OF_JOBS,
) -> Document | None:
    """The fault that this call or job meets, or None; what it takes is counted durably.

    A fault meets a call when its `operation` is this one (an operation id also matches the job
    scenario that its last part names) and its `match`, if it has one, is in one of the strings.
    It acts from the `nth` such call on (default 1), `times` times (default 1), then is spent.
    A request that is refused later takes the count back.

    Args:
        world: the world; a transaction must be open, as in handlers and events.
        operation: an operation id, such as `ReplicationProtectedItems_List`, or a job's
            scenario name, such as `TestFailover`.
        match: strings that a fault's `match` is looked for in, such as path and machine name.
        effects: which kinds of fault are wanted; by default those of jobs.

    Returns:
        The fault's document: of `job` (errorCode, errorMessage, possibleCauses,
        recommendedAction) and `delaySeconds` (virtual seconds) at least one is there.
    """
    for key in world.store.keys(KIND):
        fault = world.store.get(KIND, key)
        if fault is None or not _meets(fault, operation, match, effects):
            continue
        if fault["taken"] >= fault["times"]:
            continue
        fault["met"] += 1
        due = fault["met"] >= fault["nth"]
        fault["taken"] += int(due)
        world.store.put(KIND, key, fault)
        if due:
            return fault
    return None


def _meets(fault: Document, operation: str, match: Sequence[str], effects: Sequence[str]) -> bool:
    if not any(effect in fault for effect in effects):
        return False
    wanted = str(fault["operation"]).lower()
    if operation.lower() not in (wanted, wanted.rpartition("_")[2]):
        return False
    part = str(fault.get("match", "")).lower()
    return any(part in text.lower() for text in match) if part else True
