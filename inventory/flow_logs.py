"""Reads the VPC flow logs of a region where they are: in CloudWatch Logs or in S3, also behind Firehose.

Sources: "Flow log basics", "Publish flow logs to CloudWatch Logs", "Publish flow logs to Amazon S3"
(Amazon VPC user guide).
"""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from inventory import firehose, parquet
from inventory.connections import DEFAULT_FIELDS, NEEDED, Flow, flows
from site_recovery.aws.client import AWS_FAILURES, aws_problem
from site_recovery.problems import Problem

PERMISSIONS = (
    "ec2:DescribeFlowLogs",
    "logs:FilterLogEvents",
    "s3:ListBucket",
    "s3:GetObject",
    *firehose.PERMISSIONS,
)
"""The IAM actions; those of S3 are of the bucket's account, which may be another one."""

_FIELD = re.compile(r"\$\{([\w-]+)\}")
_KEY_TIME = re.compile(r"_(\d{8}T\d{4})Z_")
_INTERVAL = timedelta(minutes=10)
"""The longest aggregation interval: a file or a record may begin that much earlier."""
_INTERFACE = "interface-id"
_PAGES_MAX = 2000
"""Of one log group: 20 million records. Then the rest of the time is left out, and it is said."""


Clients = Callable[[str], Any]
"""Makes clients of one account, by the name of a service."""


@dataclass(frozen=True)
class FlowLog:
    """One flow log (DescribeFlowLogs).

    Attributes:
        resource: the VPC, subnet or interface that it is of.
        group: its log group, or an empty text.
        bucket: the ARN of its bucket, with a prefix if there is one, or an empty text.
        stream: the ARN of its stream of Firehose, or an empty text.
        fields: the columns of its records.
        options: the file format and the partitions in S3.
    """

    id: str
    resource: str
    group: str
    bucket: str
    stream: str
    fields: tuple[str, ...]
    options: dict[str, Any]

    @property
    def parquet(self) -> bool:
        """Whether its files in S3 are in Parquet, not text."""
        return bool(self.options.get("FileFormat") == "parquet")


@dataclass
class Read:
    """What flow logs told.

    Attributes:
        flows: the accepted TCP flows, by the resource whose log has them; empty lists count as read.
        problems: what could not be read.
    """

    flows: dict[str, list[Flow]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read(
    clients: Clients,
    account: str,
    region: str,
    resources: Collection[str],
    now: datetime,
    hours: float,
) -> Read:
    """The accepted TCP flows of the last hours.

    Args:
        clients: of the account.
        account: its id.
        region: the AWS region.
        resources: VPCs, subnets and interfaces whose logs count.
        now: the end of the time that is read.
        hours: its length.
    """
    found = Read()
    try:
        logs = [log for log in _flow_logs(clients("ec2")) if log.resource in resources]
    except AWS_FAILURES as error:
        return Read(problems=[aws_problem(error, "AWS", region, PERMISSIONS)])
    since = now - timedelta(hours=hours)
    streams: set[str] = set()
    for log in logs:
        wrong = _unreadable(log)
        if wrong is not None:
            found.problems.append(wrong)
            continue
        try:
            if log.group:
                accepted, whole = _from_group(clients("logs"), log, since, now)
                found.problems += [] if whole else [_too_long(log)]
            elif log.stream:
                accepted = []
                # A stream may have several flow logs, and would count twice.
                if log.stream not in streams:
                    _add_stream(found, clients, log, account, resources, since, now)
                    streams.add(log.stream)
            else:
                accepted = list(_from_bucket(clients("s3"), log, account, region, since, now))
        except AWS_FAILURES as error:
            found.problems.append(aws_problem(error, f"flow log {log.id}", region, PERMISSIONS))
            continue
        except firehose.StreamError as error:
            found.problems.append(_undelivered(log, error))
            continue
        except (OSError, EOFError, ValueError) as error:
            found.problems.append(_damaged(log, error))
            continue
        found.flows.setdefault(log.resource, []).extend(accepted)
    return found


def _flow_logs(ec2: Any) -> Iterator[FlowLog]:
    for page in ec2.get_paginator("describe_flow_logs").paginate():
        for log in page["FlowLogs"]:
            if log.get("TrafficType") == "REJECT" or log.get("FlowLogStatus") != "ACTIVE":
                continue
            where = log.get("LogDestinationType", "cloud-watch-logs")
            destination = log.get("LogDestination") or ""
            group = log.get("LogGroupName") or destination.partition(":log-group:")[2]
            yield FlowLog(
                log["FlowLogId"],
                log["ResourceId"],
                group.removesuffix(":*") if where == "cloud-watch-logs" else "",
                destination if where == "s3" else "",
                destination if where == "kinesis-data-firehose" else "",
                tuple(_FIELD.findall(log.get("LogFormat") or "")) or DEFAULT_FIELDS,
                log.get("DestinationOptions") or {},
            )


def _unreadable(log: FlowLog) -> Problem | None:
    place = f"flow log {log.id} of {log.resource}"
    missing = [field for field in NEEDED if field not in log.fields]
    if missing:
        return Problem(
            place,
            f"its format lacks {', '.join(missing)}",
            "Make one with the default format beside it, or read connections with --connections ss",
        )
    if log.stream and _INTERFACE not in log.fields:
        return Problem(
            place,
            f"its format lacks {_INTERFACE}, and records of its stream of Firehose may be of other networks",
            "Make one with the default format beside it, or read connections with --connections ss",
        )
    if log.parquet and parquet.library() is None:
        return Problem(
            place,
            "its files are in Parquet, and the library that reads them is not installed",
            f"Run `{parquet.INSTALL}` (170 MB), or read connections with --connections ss",
        )
    return None


def _undelivered(log: FlowLog, error: Exception) -> Problem:
    return Problem(
        f"flow log {log.id} of {log.resource}",
        str(error),
        "Make one that goes to CloudWatch Logs or S3 beside it, or read connections with "
        "--connections ss",
    )


def _too_long(log: FlowLog) -> Problem:
    return Problem(
        f"flow log {log.id} of {log.resource}",
        f"log group {log.group} has more than {_PAGES_MAX:,} pages of records in that time, and the "
        "rest was left out",
        "Read less time with --flow-hours",
    )


def _damaged(log: FlowLog, error: Exception) -> Problem:
    return Problem(
        f"flow log {log.id} of {log.resource}",
        f"one of its files cannot be read ({error})",
        "Read connections with --connections ss, or less time with --flow-hours",
    )


def _from_group(logs: Any, log: FlowLog, since: datetime, now: datetime) -> tuple[list[Flow], bool]:
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
        if number == _PAGES_MAX:
            return found, not page.get("nextToken")
    return found, True


def _from_bucket(
    s3: Any, log: FlowLog, account: str, region: str, since: datetime, now: datetime
) -> Iterator[Flow]:
    bucket, _, prefix = log.bucket.split(":", 5)[5].partition("/")
    prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    for folder in _folders(log, account, region, since, now):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix + folder)
        for page in pages:
            for stored in page.get("Contents", ()):
                if _counts(stored["Key"], log, since, now):
                    body = s3.get_object(Bucket=bucket, Key=stored["Key"])["Body"].read()
                    yield from _of_parquet(body) if log.parquet else _of_text(body)


def _add_stream(
    found: Read,
    clients: Clients,
    log: FlowLog,
    account: str,
    resources: Collection[str],
    since: datetime,
    now: datetime,
) -> None:
    """Add what a stream of Firehose put into S3, each flow to the interface that it is of.

    Raises:
        StreamError: it cannot be read, or nothing in it is a record in the format of the log.
    """
    store = firehose.store(clients("firehose"), log.stream, account)
    s3, at = clients("s3"), log.fields.index(_INTERFACE)
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
                    found.flows.setdefault(values[at], []).extend(flows([line], log.fields))
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
