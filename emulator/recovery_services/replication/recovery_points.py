"""Recovery points: one every five minutes while a machine replicates, newest first.

Points are computed from the times of an item, not stored; only those that a failover made on its
way (its latest data) are kept with the item.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from emulator.guests import machine
from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    POLICIES,
    PROTECTED_ITEMS,
    RECOVERY_POINTS,
    name_of,
    not_found,
    page,
    require,
)
from emulator.recovery_services.wire.times import stamp

routes = Routes(API_VERSIONS)

EVERY = timedelta(minutes=5)
CRASH_CONSISTENT = "CrashConsistent"
APP_CONSISTENT = "ApplicationConsistent"  # The word was not recorded: [inferred].
_DEFAULT_HISTORY = timedelta(days=1)
_TRANSFER = timedelta(seconds=20)
"""The time by which the data in the vault lags behind the machine."""


@dataclass(frozen=True)
class Point:
    """A state to which a machine can be recovered; `record` is the last that it holds."""

    name: str
    time: datetime
    record: int
    kind: str = CRASH_CONSISTENT


@routes.route("GET", RECOVERY_POINTS.collection, "RecoveryPoints_ListByReplicationProtectedItems")
def list_points(world: World, request: Request, **path: str) -> Response:
    """The recovery points of an item, newest first."""
    item = require(world, PROTECTED_ITEMS, path)
    return Response(200, page(request, [_shown(item, point) for point in points(world, item)]))


@routes.route("GET", RECOVERY_POINTS.template, "RecoveryPoints_Get")
def get_point(world: World, request: Request, **path: str) -> Response:
    """One recovery point."""
    item = require(world, PROTECTED_ITEMS, path)
    point = find(world, item, path["point"])
    if point is None:
        raise not_found(path["point"])
    return Response(200, _shown(item, point))


def points(world: World, item: Document) -> list[Point]:
    """All points that the policy still keeps, newest first."""
    private = item[PRIVATE]
    found = [
        Point(made["name"], datetime.fromisoformat(made["time"]), made["record"])
        for made in private["made"]
    ]
    if private["protected"] is not None:
        guest = machine.peek(world, private["machine"]["instance"])
        first = datetime.fromisoformat(private["protected"])
        last = _ended(private, guest) or world.now
        policy = _policy(world, item)
        history = _history(policy)
        apart = _app_consistent_every(policy, private["machine"]["osType"])
        skipped = max(0, int((world.now - history - first) / EVERY))
        for index in range(skipped, max(0, int((last - first) / EVERY)) + 1):
            moment = first + index * EVERY
            if moment <= last and moment >= world.now - history:
                name = world.guid("recovery-point", private["cycle"], index)
                consistent = apart is not None and index > 0 and index % apart == 0
                record = _record(guest, moment, flushed=consistent)
                kind = APP_CONSISTENT if consistent else CRASH_CONSISTENT
                found.append(Point(name, moment, record, kind))
    return sorted(found, key=lambda point: point.time, reverse=True)


def newest(world: World, item: Document) -> datetime | None:
    """The time of the newest point, without computing the others; None before there is one."""
    private = item[PRIVATE]
    if private["protected"] is None:
        return None
    first = datetime.fromisoformat(private["protected"])
    ended = _ended(private, machine.peek(world, private["machine"]["instance"]))
    if ended is None:
        since = world.present.whole(first, EVERY)
    else:
        since = max(timedelta(), ended - first) // EVERY
    regular = first + since * EVERY
    return max([regular, *(datetime.fromisoformat(made["time"]) for made in private["made"])])


def newest_name(world: World, item: Document) -> str | None:
    """The name of the newest point, without computing the others; None before there is one."""
    private = item[PRIVATE]
    moment = newest(world, item)
    if moment is None:
        return None
    for made in private["made"]:
        if datetime.fromisoformat(made["time"]) == moment:
            return str(made["name"])
    index = round((moment - datetime.fromisoformat(private["protected"])) / EVERY)
    return world.guid("recovery-point", private["cycle"], index)


def identifier(item: Document, name: str) -> str:
    """The id of a recovery point as its item shows it.

    In the modernized experience it names the container `cloud_<fabric's identifier>`, which is
    listed nowhere (recorded); the list of points has the item's own id.
    """
    container = item[PRIVATE].get("pointsUnderContainer")
    under = PROTECTED_ITEMS.id(container, item["name"]) if container else item["id"]
    return RECOVERY_POINTS.id(under, name)


def find(world: World, item: Document, name_or_id: str) -> Point | None:
    """The point of that name or id among the item's own, or None."""
    if "/" in name_or_id:
        known = (RECOVERY_POINTS.id(item["id"], ""), identifier(item, ""))
        if not name_or_id.lower().startswith(tuple(prefix.lower() for prefix in known)):
            return None
    name = name_of(name_or_id).lower()
    return next((point for point in points(world, item) if point.name == name), None)


def latest(world: World, item: Document, at: datetime) -> Point:
    """The point that a failover makes of all data in the vault at a moment; kept by `keep`."""
    private = item[PRIVATE]
    guest = machine.peek(world, private["machine"]["instance"])
    written = at - _TRANSFER
    record = _record(guest, written)
    name = world.guid("latest-point", private["cycle"], len(private["made"]))
    return Point(name, written, record)


def keep(item: Document, point: Point) -> None:
    """Keep a point that a failover made with its item."""
    kept = {"name": point.name, "time": point.time.isoformat(), "record": point.record}
    item[PRIVATE]["made"].append(kept)


def lag(world: World, item: Document) -> timedelta | None:
    """The age of the newest recoverable data (the RPO) of a machine that runs.

    None before there is a recovery point, and for a machine that is stopped: its data ages.
    """
    private = item[PRIVATE]
    if private["protected"] is None or _halted(world, private) is not None:
        return None
    slot = world.present.whole(datetime.fromisoformat(private["protected"]), EVERY)
    return timedelta(seconds=round(world.uniform(20, 240, "rpo", private["cycle"], slot)))


def rpo_seconds(world: World, item: Document) -> int | None:
    """The RPO in whole seconds, for a view; None before there is a recovery point."""
    private = item[PRIVATE]
    if private["protected"] is None:
        return None
    halted = _halted(world, private)
    if halted is None:
        known = lag(world, item)
        return None if known is None else int(known.total_seconds())

    def age(now: datetime) -> int:
        return int((now - halted + _TRANSFER).total_seconds())

    seconds: int = world.present.written(("rpo", halted), age)
    return seconds


def _record(guest: Document | None, moment: datetime, *, flushed: bool = False) -> int:
    """The last record in the data of a moment. An app-consistent point has what was in memory too:
    VSS flushes before its snapshot."""
    if guest is None:
        return 0
    return machine.records(guest, moment) if flushed else machine.held(guest, moment)


def _halted(world: World, private: Document) -> datetime | None:
    guest = machine.peek(world, private["machine"]["instance"])
    return machine.stopped_at(guest) if guest else None


def _ended(private: Document, guest: Document | None) -> datetime | None:
    """When the last data reached the vault; None while more comes."""
    halted = machine.stopped_at(guest) if guest else None
    ends = [] if halted is None else [halted]
    if private["failedOver"] is not None:
        ends.append(datetime.fromisoformat(private["failedOver"]))
    return min(ends, default=None)


def _policy(world: World, item: Document) -> Document:
    policy = world.store.peek(POLICIES.kind, item["properties"]["policyId"])
    details: Document = policy["properties"]["providerSpecificDetails"] if policy else {}
    return details


def _history(policy: Document) -> timedelta:
    minutes = policy.get("recoveryPointHistory") or policy.get("recoveryPointHistoryInMinutes")
    return timedelta(minutes=minutes) if minutes else _DEFAULT_HISTORY


def _app_consistent_every(policy: Document, os_type: str) -> int | None:
    """One in how many points is app-consistent: Windows only, as it needs VSS."""
    minutes = policy.get("appConsistentFrequencyInMinutes")
    if not minutes or os_type != "Windows":
        return None
    return max(1, round(timedelta(minutes=minutes) / EVERY))


def _shown(item: Document, point: Point) -> Document:
    return {
        "name": point.name,
        "type": RECOVERY_POINTS.type,
        "id": RECOVERY_POINTS.id(item["id"], point.name),
        "properties": {
            "recoveryPointTime": stamp(point.time),
            "recoveryPointType": point.kind,
            "providerSpecificDetails": {
                "instanceType": item[PRIVATE]["experience"],
                "isMultiVmSyncPoint": "false",
            },
        },
    }
