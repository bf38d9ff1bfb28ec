"""Reads the VPC flow logs of a region where they are, and says which cannot be read and why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from inventory import firehose, flow_log_stores
from inventory.connections import Flow
from inventory.flow_log import FlowLog, listed, unreadable
from inventory.flow_log_stores import Clients, from_bucket, from_group, from_stream
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
        logs = [log for log in listed(clients("ec2")) if log.resource in resources]
    except AWS_FAILURES as error:
        return Read(problems=[aws_problem(error, "AWS", region, PERMISSIONS)])
    since = now - timedelta(hours=hours)
    streams: set[str] = set()
    for log in logs:
        wrong = unreadable(log)
        if wrong is not None:
            found.problems.append(wrong)
            continue
        try:
            if log.group:
                accepted, whole = from_group(clients("logs"), log, since, now)
                found.problems += [] if whole else [_too_long(log)]
            elif log.stream:
                accepted = []
                # A stream may have several flow logs, and would count twice.
                if log.stream not in streams:
                    for interface, of_it in from_stream(
                        clients, log, account, resources, since, now
                    ):
                        found.flows.setdefault(interface, []).extend(of_it)
                    streams.add(log.stream)
            else:
                accepted = list(from_bucket(clients("s3"), log, account, region, since, now))
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
        f"log group {log.group} has more than {flow_log_stores.PAGES_MAX:,} pages of records in that time, and the "
        "rest was left out",
        "Read less time with --flow-hours",
    )


def _damaged(log: FlowLog, error: Exception) -> Problem:
    return Problem(
        f"flow log {log.id} of {log.resource}",
        f"one of its files cannot be read ({error})",
        "Read connections with --connections ss, or less time with --flow-hours",
    )
