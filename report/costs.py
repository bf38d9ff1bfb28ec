"""How long machines replicated and ran in Azure so far, and what that costs by a price table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from report.operations import SUCCEEDED, Run
from report.prices import Prices
from site_recovery.operations import Operation

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_MONTH_DAYS = 30

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Usage:
    """What a machine used so far.

    Attributes:
        replication_days: days of replication; they count from the end of enabling it.
        test_hours: hours of the virtual machines of its test failovers.
        vm_hours: hours of its production virtual machine.
        size: the size of its virtual machine; empty if it is not known.
        cost: in the currency of the price table; None without one, or if a size has no price.
    """

    replication_days: float = 0.0
    test_hours: float = 0.0
    vm_hours: float = 0.0
    size: str = ""
    cost: float | None = None


def usage(
    runs: Sequence[Run],
    now: datetime,
    size: str,
    prices: Prices | None,
    *,
    replicates: bool,
    in_azure: bool,
) -> Usage:
    """What one machine used.

    Args:
        runs: what ran on the machine and on its wave's recovery plan, the oldest first.
        now: the time at the service.
        size: the size of its virtual machine in Azure; empty if it is not known.
        prices: the price table, or None.
        replicates: whether it has a protected item.
        in_azure: whether its production virtual machine is there.
    """
    replicated = _spans(
        runs,
        now,
        (Operation.ENABLE_PROTECTION,),
        (Operation.COMPLETE_MIGRATION, Operation.DISABLE_PROTECTION),
        open_=replicates,
    )
    tested = _spans(
        runs, now, (Operation.TEST_FAILOVER,), (Operation.TEST_FAILOVER_CLEANUP,), open_=True
    )
    lives = _spans(runs, now, (Operation.UNPLANNED_FAILOVER,), (), open_=in_azure)
    days, test_hours, vm_hours = (
        _sum(replicated) / _DAY,
        _sum(tested) / _HOUR,
        _sum(lives) / _HOUR,
    )
    cost = None if prices is None else _cost(prices, size, days, test_hours + vm_hours)
    return Usage(days, test_hours, vm_hours, size, cost)


def _cost(prices: Prices, size: str, days: float, hours: float) -> float | None:
    cost = 0.0
    if prices.replication is not None:
        billed = max(0.0, days - prices.replication.free_days)
        cost += billed * prices.replication.per_machine_month / _MONTH_DAYS
    if hours:
        hour = prices.hour_of(size)
        if hour is None:
            return None
        cost += hours * hour
    return cost


def _spans(
    runs: Iterable[Run],
    now: datetime,
    begin: Sequence[Operation],
    end: Sequence[Operation],
    *,
    open_: bool,
) -> list[Span]:
    """The times between the end of one operation and that of the next one that undoes it.

    Args:
        runs: the oldest first.
        now: the end of what goes on.
        begin: the operations that begin one.
        end: the operations that end one.
        open_: whether the last one goes on if nothing ended it.
    """
    spans: list[Span] = []
    since: datetime | None = None
    for run in runs:
        if run.state != SUCCEEDED or run.ended is None:
            continue
        if run.operation in begin and since is None:
            since = run.ended
        elif run.operation in end and since is not None:
            spans.append((since, run.ended))
            since = None
    if since is not None and open_:
        spans.append((since, now))
    return spans


def _sum(spans: Iterable[Span]) -> timedelta:
    return sum((max(end - begin, timedelta(0)) for begin, end in spans), timedelta(0))
