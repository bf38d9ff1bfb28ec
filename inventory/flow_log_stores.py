"""Reads flow logs where they are: in CloudWatch Logs, in S3, and in S3 behind Firehose.

Sources: "Publish flow logs to CloudWatch Logs", "Publish flow logs to Amazon S3" (Amazon VPC user guide).
"""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from inventory import firehose, parquet
from inventory.connections import NEEDED, Flow, flows
from inventory.flow_log import INTERFACE, FlowLog

_KEY_TIME = re.compile(r"_(\d{8}T\d{4})Z_")
_INTERVAL = timedelta(minutes=10)
"""The longest aggregation interval: a file or a record may begin that much earlier."""
PAGES_MAX = 2000
"""Of one log group: 20 million records. Then the rest of the time is left out, and it is said."""

Clients = Callable[[str], Any]
"""Makes clients of one account, by the name of a service."""


def from_group(logs: Any, log: FlowLog, since: datetime, now: datetime) -> tuple[list[Flow], bool]:
    """The flows of a log group, and whether all of that time was read."""
    found: list[Flow] = []
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=log.group,
        startTime=int(since.timestamp() * 1000),
        endTime=int(now.timestamp() * 1000),
        filterPattern="ACCEPT",
    )
    for number, page in enumerate(pages, 1):
        found += flows((event["message"] for event in page["events"]), log.fields)
        if number == PAGES_MAX:
            return found, not page.get("nextToken")
    return found, True


def from_bucket(
    s3: Any, log: FlowLog, account: str, region: str, since: datetime, now: datetime
) -> Iterator[Flow]:
    """The flows of the files in a bucket."""
    bucket, _, prefix = log.bucket.split(":", 5)[5].partition("/")
    prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    for folder in _folders(log, account, region, since, now):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix + folder)
        for page in pages:
            for stored in page.get("Contents", ()):
                if _counts(stored["Key"], log, since, now):
                    body = s3.get_object(Bucket=bucket, Key=stored["Key"])["Body"].read()
                    yield from _of_parquet(body) if log.parquet else _of_text(body)


def from_stream(
    clients: Clients,
    log: FlowLog,
    account: str,
    resources: Collection[str],
    since: datetime,
    now: datetime,
) -> Iterator[tuple[str, list[Flow]]]:
    """What a stream of Firehose put into S3: interfaces, each with the flows of a record of it.

    Raises:
        StreamError: it cannot be read, or nothing in it is a record in the format of the log.
    """
    store = firehose.store(clients("firehose"), log.stream, account)
    s3, at = clients("s3"), log.fields.index(INTERFACE)
    lines = fitting = 0
    for folder in store.folders(since - _INTERVAL, now):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=store.bucket, Prefix=folder)
        for stored in (each for page in pages for each in page.get("Contents", ())):
            begun = store.begun(stored["Key"])
            if begun is None or not since - _INTERVAL <= begun <= now:
                continue
            body = s3.get_object(Bucket=store.bucket, Key=stored["Key"])["Body"].read()
            for line in firehose.records(body):
                lines += 1
                values = line.split()
                if len(values) != len(log.fields):
                    continue
                fitting += 1
                if values[at] in resources:
                    yield values[at], list(flows([line], log.fields))
    if lines and not fitting:
        raise firehose.StreamError(
            f"none of the {lines} records of stream {store.stream} is in the format of the flow log"
        )


def _folders(
    log: FlowLog, account: str, region: str, since: datetime, now: datetime
) -> Sequence[str]:
    """The folder of each day; those of hours are in it."""
    first = (since - _INTERVAL).date()
    days = [first + timedelta(days=n) for n in range((now.date() - first).days + 1)]
    if log.options.get("HiveCompatiblePartitions"):
        place = f"AWSLogs/aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}/"
        return [f"{place}year={day:%Y}/month={day:%m}/day={day:%d}/" for day in days]
    return [f"AWSLogs/{account}/vpcflowlogs/{region}/{day:%Y/%m/%d}/" for day in days]


def _counts(key: str, log: FlowLog, since: datetime, now: datetime) -> bool:
    found = _KEY_TIME.search(key)
    ending = ".parquet" if log.parquet else ".gz"
    if found is None or f"_{log.id}_" not in key or not key.endswith(ending):
        return False
    begun = datetime.strptime(found[1], "%Y%m%dT%H%M").replace(tzinfo=UTC)
    return since - _INTERVAL <= begun <= now


def _of_text(body: bytes) -> Iterator[Flow]:
    """The flows of a file, whose first line names the fields."""
    with gzip.open(io.BytesIO(body), "rt", encoding="utf-8", errors="replace") as lines:
        fields = next(lines, "").split()
        if set(NEEDED) <= set(fields):
            yield from flows(lines, fields)


def _of_parquet(body: bytes) -> Iterator[Flow]:
    """The flows of a file in Parquet, whose columns name themselves."""
    library = parquet.library()
    if library is not None:
        yield from parquet.read(body, library)
