"""Which flow logs a region has, and whether connections can be read from them.

Source: "Flow log basics" (Amazon VPC user guide).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from inventory import parquet
from inventory.connections import DEFAULT_FIELDS, NEEDED
from site_recovery.problems import Problem

INTERFACE = "interface-id"
_FIELD = re.compile(r"\$\{([\w-]+)\}")


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


def listed(ec2: Any) -> Iterator[FlowLog]:
    """The active flow logs that have accepted traffic."""
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


def unreadable(log: FlowLog) -> Problem | None:
    """Why connections cannot be read from a flow log, or None."""
    place = f"flow log {log.id} of {log.resource}"
    missing = [field for field in NEEDED if field not in log.fields]
    if missing:
        return Problem(
            place,
            f"its format lacks {', '.join(missing)}",
            "Make one with the default format beside it, or read connections with --connections ss",
        )
    if log.stream and INTERFACE not in log.fields:
        return Problem(
            place,
            f"its format lacks {INTERFACE}, and records of its stream of Firehose may be of other networks",
            "Make one with the default format beside it, or read connections with --connections ss",
        )
    if log.parquet and parquet.library() is None:
        return Problem(
            place,
            "its files are in Parquet, and the library that reads them is not installed",
            f"Run `{parquet.INSTALL}` (170 MB), or read connections with --connections ss",
        )
    return None
