"""How much data changes on machines in a day, estimated from what was written to their volumes.

A block that is written twice counts twice. That is what Site Recovery limits: "average source disk data churn" in
MB a second and the "daily data change rate" of a server are rates of writes, and no counter of a hypervisor tells
which blocks they were to ("Support matrix for disaster recovery of VMware VMs and physical servers to Azure",
"Plan capacity and scaling for VMware disaster recovery to Azure").

Source: "Amazon CloudWatch metrics for Amazon EBS" (`VolumeWriteBytes`, whose sum is the bytes that
were written in the period) and GetMetricData (at most 500 metrics a request).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from site_recovery.batches import batches
from site_recovery.problems import Problem

PERMISSIONS = ("cloudwatch:GetMetricData",)
"""The IAM action; it cannot be limited to single resources."""

DAYS = 7
"""How many days are read: a week has every day of work and of rest."""
_A_DAY = 86400
_METRICS = 500
_AT_ONCE = 8
"""Requests at the same time; CloudWatch takes 50 a second (GetMetricData, of an account and region)."""
_GIB = 2**30


@dataclass(frozen=True)
class Churn:
    """What was written to the volumes of a machine.

    Attributes:
        gib: GiB written on the day with most of it.
        unmeasured: volumes without a single value, such as those of a machine that is stopped.
    """

    gib: float
    unmeasured: tuple[str, ...] = ()


def read(
    cloudwatch: Any, volumes: Iterable[str], now: datetime, days: int = DAYS
) -> dict[str, list[float]]:
    """What was written to volumes on each of the last days, in GiB.

    Args:
        cloudwatch: a client of their region.
        volumes: their ids.
        now: the days before that of this time are read, in UTC.
        days: how many.

    Returns:
        A number for each day, by volume; a volume without a single value is missing.

    Raises:
        botocore.exceptions.ClientError: CloudWatch refuses.
    """
    end = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start = end - timedelta(days=days)
    written: dict[str, list[float]] = {}
    paginator = cloudwatch.get_paginator("get_metric_data")

    def values(some: Sequence[str]) -> list[tuple[str, datetime, float]]:
        names = {f"v{number}": volume for number, volume in enumerate(some)}
        queries = [_query(name, volume) for name, volume in names.items()]
        return [
            (names[result["Id"]], time, value)
            for page in paginator.paginate(
                MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending"
            )
            for result in page["MetricDataResults"]
            for time, value in zip(result["Timestamps"], result["Values"], strict=True)
        ]

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for found in pool.map(values, batches(sorted(set(volumes)), _METRICS)):
            for volume, time, value in found:
                written.setdefault(volume, [0.0] * days)[(time - start).days] += value / _GIB
    return written


def _query(name: str, volume: str) -> dict[str, Any]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/EBS",
                "MetricName": "VolumeWriteBytes",
                "Dimensions": [{"Name": "VolumeId", "Value": volume}],
            },
            "Period": _A_DAY,
            "Stat": "Sum",
        },
        "ReturnData": True,
    }


def of_machine(volumes: Iterable[str], written: dict[str, list[float]]) -> Churn:
    """The churn of a machine: that of its busiest day.

    Args:
        volumes: the ids of its volumes.
        written: by volume, as `read` returns it.
    """
    volumes = list(volumes)
    known = [written[volume] for volume in volumes if volume in written]
    by_day = [sum(day) for day in zip(*known, strict=True)]
    return Churn(max(by_day, default=0.0), tuple(v for v in volumes if v not in written))


def too_much(name: str, churn: Churn, most: int) -> Problem | None:
    """Why a machine alone is more than a server takes, or None.

    Args:
        name: the machine.
        churn: its own.
        most: GiB that one server replicates in a day.
    """
    if churn.gib <= most:
        return None
    return Problem(
        name,
        f"{churn.gib:,.0f} GiB were written to its volumes on one day, and a server replicates "
        f"{most:,} GiB of change a day",
        "Find out what writes so much, and let it write less while the machine replicates",
    )
