"""The health of a replicated item at this moment, and the errors that explain it.

The fields of an error are as recorded (`161011`, `310056`); for the others errorType and errorId are
[inferred].
"""

from __future__ import annotations

from datetime import datetime, timedelta

from emulator.guests import machine
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.experiences import registry
from emulator.recovery_services.replication import recovery_points
from emulator.recovery_services.wire.paths import POLICIES
from emulator.recovery_services.wire.times import UNSET, stamp


def of(world: World, item: Document) -> tuple[str, str, list[Document]]:
    """`replicationHealth`, `failoverHealth` and `healthErrors`."""
    private = item[PRIVATE]
    errors: list[Document] = list(private["errors"])
    if errors:
        return "Critical", "Normal", errors
    health = "Normal"
    lag = recovery_points.lag(world, item)
    guest = machine.peek(world, private["machine"]["instance"])
    halted = machine.stopped_at(guest) if guest else None
    silent = recovery_points.silent_since(world, item)
    replicates = private["failedOver"] is None
    if replicates and halted is not None:
        health = "Critical"
        errors += _without_points(world, item, halted) or [_powered_off(item, halted)]
    elif replicates and private["protected"] is not None and silent is not None:
        missing = _without_points(world, item, silent)
        late = world.present.passed(silent + _threshold(world, item))
        health = "Critical" if missing else "Warning" if late else "Normal"
        errors += missing
    elif replicates and lag is not None and lag > _threshold(world, item):
        health = "Warning"
    if private["state"] == "failover-failed":
        health = "Critical"
        errors += _failover_failed(item)
    since = _untested_since(world, item)
    if since is None:
        return health, "Normal", errors
    return health, "Warning", [_never_tested(item, since), *errors]


def enabling_failed(item: Document) -> Document:
    """The error of a machine that could not be protected; the job has the reason (recorded)."""
    return {
        **_error(item, "310056", "Error", "Replication"),
        "errorSource": "ProtectedEntitySystemError",
        "errorType": "6",
        "summaryMessage": "Enable replication failed",
        "errorMessage": "Protection could not be configured for the machine "
        f"'{item[PRIVATE]['machine']['name']}'.",
        "possibleCauses": "Check the failed Enable Protection job for more information.",
        "recommendedAction": "Resolve the issue, disable protection on the machine and then retry "
        "the enable protection operation.",
        "creationTimeUtc": UNSET,
        "errorId": "0:6",
    }


def _untested_since(world: World, item: Document) -> datetime | None:
    """The time since which the service reports that the machine was never tested, or None.

    A modernized machine is looked at some time after it was protected, and after an update: just
    protected it had no warning, a day later it had one (both recorded).
    """
    private = item[PRIVATE]
    if private["protected"] is None or private["lastTest"] is not None:
        return None
    if private["failedOver"] is not None:
        return None
    found = datetime.fromisoformat(private["protected"]) + _looked_at(item)
    if private["validated"] is not None:
        found = min(found, datetime.fromisoformat(private["validated"]))
    return found if world.present.passed(found) else None


def _looked_at(item: Document) -> timedelta:
    return registry.of(item[PRIVATE]["experience"]).looked_at_after


def _never_tested(item: Document, since: datetime) -> Document:
    name = item[PRIVATE]["machine"]["name"]
    return {
        **_error(item, "161011", "Warning", "TestFailover"),
        "errorSource": "ReplicationUnitFailoverValidatorError",
        "errorType": "15",
        "errorMessage": "No successful test failover has been done on the virtual machine "
        f"'{name}'.",
        "possibleCauses": "No successful test failover has been done on the virtual machine after "
        "it was replicated.",
        "recommendedAction": "Do a test failover on the virtual machine.",
        "creationTimeUtc": stamp(since),
        "errorId": "6:15",
    }


def _without_points(world: World, item: Document, since: datetime) -> list[Document]:
    """The health error of a modernized machine that has sent no data for too long (recorded texts).

    That it is reported instead of the error for a machine that is powered off is [inferred].
    """
    private = item[PRIVATE]
    if not registry.of(private["experience"]).tells_missing_points:
        return []
    return [
        {
            **_error(item, code, "Error", "Replication"),
            "errorType": kind,
            "summaryMessage": f"Recent {consistent[0]} recovery point not available",
            "errorMessage": f"No {consistent[1]} consistent recovery point available for the VM in "
            f"the last {minutes} minutes.",
            "possibleCauses": "Replication is delayed: the source machine is stopped, or the network "
            "or the process server is too slow.",
            "recommendedAction": "Ensure that the source machine runs and reaches the process "
            "server. If the issue persists contact support.",
            "creationTimeUtc": stamp(since + timedelta(minutes=minutes)),
            "errorId": f"2:{kind}",
        }
        for code, kind, minutes, consistent in (
            ("325091", "1005", 60, ("crash consistent", "crash")),
            ("325092", "1006", 510, ("app-consistent", "application")),
        )
        if world.present.passed(since + timedelta(minutes=minutes))
    ]


def _failover_failed(item: Document) -> list[Document]:
    """The health error of a classic machine after a failed failover; a modernized one only turns
    Critical (both recorded)."""
    if not registry.of(item[PRIVATE]["experience"]).tells_failed_failover:
        return []
    return [
        {
            **_error(item, "78037", "Error", "Replication"),
            "errorSource": "ProtectedEntitySystemError",
            "errorMessage": "The failover of the source machine failed.",
            "possibleCauses": "Failover operation failed for Source machine. Check the provider "
            "error for more details.",
            "recommendedAction": "Resolve the issue as recommended in the provider error details.",
            "creationTimeUtc": UNSET,
        }
    ]


def _powered_off(item: Document, since: datetime) -> Document:
    return {
        **_error(item, "78145", "Error", "Replication"),
        "errorMessage": f"The VM '{item[PRIVATE]['machine']['name']}' is powered off.",
        "possibleCauses": "The source machine was stopped or terminated.",
        "recommendedAction": "Start the machine; replication goes on by itself.",
        "creationTimeUtc": stamp(since),
    }


def _error(item: Document, code: str, level: str, category: str) -> Document:
    return {
        "innerHealthErrors": [],
        "errorSource": "ReplicationUnitProviderErrorOnPrimary",
        "errorType": "1005",
        "errorLevel": level,
        "errorCategory": category,
        "errorCode": code,
        "summaryMessage": "",
        "recoveryProviderErrorMessage": None,
        "entityId": item[PRIVATE]["vmId"],
        "errorId": f"6:{code}",
        "customerResolvability": "NotAllowed",
    }


def _threshold(world: World, item: Document) -> timedelta:
    policy = world.store.peek(POLICIES.kind, item["properties"]["policyId"])
    details = policy["properties"]["providerSpecificDetails"] if policy else {}
    return timedelta(minutes=details.get("recoveryPointThresholdInMinutes") or 15)
