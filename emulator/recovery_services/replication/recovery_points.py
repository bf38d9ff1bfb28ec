"""Recovery points: one every five minutes while a machine replicates, newest first.

While a machine is stopped, or its agent does not reach the server (443 for control, 9443 for data:
"Physical server to Azure disaster recovery architecture"), there are none.

Points are computed from the times of an item, not stored; only those that a failover made on its
way (its latest data) are kept with the item.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

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
_Period: TypeAlias = tuple[datetime, datetime | None]
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
        arrives = _arrives(private, guest)
        last = min(filter(None, [world.now, arrives[-1][1] if arrives else first]))
        policy = _policy(world, item)
        history = _history(policy)
        apart = _app_consistent_every(policy, private["machine"]["osType"])
        skipped = max(0, int((world.now - history - first) / EVERY))
        for index in range(skipped, max(0, int((last - first) / EVERY)) + 1):
            moment = first + index * EVERY
            kept = first <= moment and world.now - history <= moment <= last
            if kept and any(_within(period, moment) for period in arrives):
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
    guest = machine.peek(world, private["machine"]["instance"])
    regular = []
    for begin, end in reversed(_arrives(private, guest)):
        ended = end is not None and world.present.passed(end)
        index = (end - first) // EVERY if end and ended else world.present.whole(first, EVERY)
        if index >= 0 and first + index * EVERY >= begin:
            regular.append(first + index * EVERY)
            break
    made = (datetime.fromisoformat(one["time"]) for one in private["made"])
    return max([*regular, *made], default=None)


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
    arrived = [begin for begin, _ in _arrives(private, guest) if begin <= at - _TRANSFER]
    ends = [end for _, end in _arrives(private, guest)[: len(arrived)]]
    written = min(filter(None, [at - _TRANSFER, *ends[-1:]]))
    record = _record(guest, written)
    name = world.guid("latest-point", private["cycle"], len(private["made"]))
    return Point(name, written, record)


def keep(item: Document, point: Point) -> None:
    """Keep a point that a failover made with its item."""
    kept = {"name": point.name, "time": point.time.isoformat(), "record": point.record}
    item[PRIVATE]["made"].append(kept)


def lag(world: World, item: Document) -> timedelta | None:
    """The age of the newest recoverable data (the RPO) of a machine that replicates.

    None before there is a recovery point, and for a machine that sends nothing: its data ages.
    """
    private = item[PRIVATE]
    if private["protected"] is None or silent_since(world, item) is not None:
        return None
    slot = world.present.whole(datetime.fromisoformat(private["protected"]), EVERY)
    return timedelta(seconds=round(world.uniform(20, 240, "rpo", private["cycle"], slot)))


def rpo_seconds(world: World, item: Document) -> int | None:
    """The RPO in whole seconds, for a view; None before there is a recovery point."""
    private = item[PRIVATE]
    if private["protected"] is None:
        return None
    silent = silent_since(world, item)
    if silent is None:
        known = lag(world, item)
        return None if known is None else int(known.total_seconds())

    def age(now: datetime) -> int:
        return int((now - silent + _TRANSFER).total_seconds())

    seconds: int = world.present.written(("rpo", silent), age)
    return seconds


def silent_since(world: World, item: Document) -> datetime | None:
    """The moment since which a machine sends no data; None while it does."""
    guest = machine.peek(world, item[PRIVATE]["machine"]["instance"])
    sent = machine.replicated(guest)[-1:] if guest is not None else []
    for _, end in sent:
        if end is not None and world.present.passed(end):
            return end
    return machine.stopped_at(guest) if guest is not None and not sent else None


def _record(guest: Document | None, moment: datetime, *, flushed: bool = False) -> int:
    """The last record in the data of a moment. An app-consistent point has what was in memory too:
    VSS flushes before its snapshot."""
    if guest is None:
        return 0
    return machine.records(guest, moment) if flushed else machine.held(guest, moment)


def _arrives(private: Document, guest: Document | None) -> list[_Period]:
    """The periods in which data reaches the vault; it is used until the machine is failed over."""
    if guest is None:
        return []
    sent = machine.replicated(guest)
    if private["failedOver"] is None:
        return sent
    over = datetime.fromisoformat(private["failedOver"])
    return [(begin, min(over, end or over)) for begin, end in sent if begin <= over]


def _within(period: _Period, moment: datetime) -> bool:
    begin, end = period
    return begin <= moment and (end is None or moment <= end)


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
