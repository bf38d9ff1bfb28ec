"""Flow logs are read where they are: in CloudWatch Logs and in S3, over boto3 against moto."""

from __future__ import annotations

import gzip
import importlib
import io
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from inventory import flow_log, flow_log_stores, flow_logs, parquet
from inventory.connections import Flow
from inventory.flow_logs import Read
from site_recovery.batches import batches
from tests.inventory.test_connections import DB, WEB, record

ACCOUNT, REGION = "123456789012", "eu-west-1"
NOW = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
TODAY = datetime.now(UTC)
"""CloudWatch Logs takes no event that is older than two weeks."""
BOTH = [Flow(WEB, DB, 9), Flow(DB, WEB, 9)]
HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start "
    "end action log-status"
)


@pytest.fixture
def vpc(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


def read(*resources: str, hours: float = 1, now: datetime = NOW) -> Read:
    return flow_logs.read(client, ACCOUNT, REGION, resources, now, hours)


def to_group(vpc: str, times: list[tuple[datetime, str]], **options: Any) -> None:
    logs = client("logs")
    logs.create_log_group(logGroupName="flows")
    client("ec2").create_flow_logs(
        ResourceIds=[vpc],
        ResourceType="VPC",
        LogDestinationType="cloud-watch-logs",
        LogGroupName="flows",
        DeliverLogsPermissionArn=f"arn:aws:iam::{ACCOUNT}:role/flows",
        **{"TrafficType": "ALL", **options},
    )
    logs.create_log_stream(logGroupName="flows", logStreamName="eni-1-all")
    for some in batches(times, 10_000):
        logs.put_log_events(
            logGroupName="flows",
            logStreamName="eni-1-all",
            logEvents=[{"timestamp": int(t.timestamp() * 1000), "message": m} for t, m in some],
        )


def to_bucket(vpc: str) -> str:
    client("s3").create_bucket(
        Bucket="flows", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    made = client("ec2").create_flow_logs(
        ResourceIds=[vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination="arn:aws:s3:::flows",
    )
    return str(made["FlowLogIds"][0])


def put(folder: str, log: str, begun: str, *lines: str) -> None:
    key = f"{folder}{ACCOUNT}_vpcflowlogs_{REGION}_{log}_{begun}Z_1a2b3c4d.log.gz"
    body = gzip.compress("\n".join((HEADER, *lines)).encode())
    client("s3").put_object(Bucket="flows", Key=key, Body=body)


def test_records_of_a_log_group_are_read_as_far_back_as_is_asked_for(vpc: str) -> None:
    early, late = TODAY - timedelta(hours=2), TODAY - timedelta(minutes=20)
    to_group(vpc, [(early, record(("10.0.0.3", 1), DB)), (late, record(WEB, DB))])
    assert read(vpc, now=TODAY) == Read({vpc: BOTH[:1]})
    assert len(read(vpc, hours=3, now=TODAY).flows[vpc]) == 2


def test_a_log_group_of_many_pages_is_read_to_its_end(
    vpc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    when = TODAY - timedelta(minutes=20)
    to_group(vpc, [(when, record(WEB, DB)) for _ in range(10_500)])
    assert len(read(vpc, now=TODAY).flows[vpc]) == 10_500
    monkeypatch.setattr(flow_log_stores, "PAGES_MAX", 1)
    cut = read(vpc, now=TODAY)
    assert len(cut.flows[vpc]) == 10_000
    assert "Read less time with --flow-hours" in str(cut.problems[0])


@pytest.mark.parametrize(
    ("prefix", "before"), [("", ""), ("/network/", "network/"), ("/a/b", "a/b/")]
)
def test_files_of_a_bucket_are_read_over_midnight(
    vpc: str, prefix: str, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = to_bucket(vpc)
    changed(monkeypatch, bucket=f"arn:aws:s3:::flows{prefix}")
    days = f"{before}AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/2026"
    put(f"{days}/02/28/", log, "20260228T2335", record(WEB, DB))
    put(f"{days}/03/01/", log, "20260301T0005", record(DB, WEB))
    put(f"{days}/02/28/", log, "20260228T2200", record(("10.0.0.3", 1), DB))
    put(f"{days}/03/01/", "fl-another", "20260301T0005", record(("10.0.0.3", 2), DB))
    assert read(vpc) == Read({vpc: BOTH})


def test_partitions_for_hive_with_an_hour_are_read(
    vpc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = to_bucket(vpc)
    changed(monkeypatch, options={"HiveCompatiblePartitions": True, "PerHourPartition": True})
    folder = (
        f"AWSLogs/aws-account-id={ACCOUNT}/aws-service=vpcflowlogs/aws-region={REGION}/"
        "year=2026/month=03/day=01/hour=00/"
    )
    put(folder, log, "20260301T0005", record(WEB, DB))
    assert read(vpc) == Read({vpc: BOTH[:1]})


def changed(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    """Let flow logs have what moto does not keep: prefixes and `DestinationOptions`."""
    listed = flow_log.listed
    monkeypatch.setattr(
        flow_logs, "listed", lambda ec2: (replace(log, **values) for log in listed(ec2))
    )


def test_a_format_that_tells_no_connection_is_said_with_the_way_out(vpc: str) -> None:
    to_group(vpc, [], LogFormat="${srcaddr} ${dstaddr} ${protocol}")
    told = read(vpc)
    assert told.flows == {}
    [problem] = told.problems
    assert "its format lacks srcport, dstport, packets, action" in str(problem)
    assert "Make one with the default format" in str(problem)


def test_parquet_without_its_library_is_said_with_the_command_that_installs_it(
    vpc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_bucket(vpc)
    changed(monkeypatch, options={"FileFormat": "parquet"})
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    [problem] = read(vpc).problems
    assert "its files are in Parquet" in str(problem)
    assert parquet.INSTALL in str(problem)
    assert (Path(__file__).parents[2] / parquet.INSTALL.rpartition(" ")[2]).exists()


def test_files_in_parquet_are_read(vpc: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arrow = pytest.importorskip(
        "pyarrow", reason=f"`{parquet.INSTALL}` installs what reads Parquet"
    )
    log = to_bucket(vpc)
    changed(monkeypatch, options={"FileFormat": "parquet", "PerHourPartition": True})
    # The columns in an order of their own, with a NODATA record, whose values are null.
    names = (
        "tcp_flags",
        "srcaddr",
        "srcport",
        "dstaddr",
        "dstport",
        "protocol",
        "packets",
        "action",
    )
    rows = [
        (18, WEB[0], WEB[1], DB[0], DB[1], 6, 9, "ACCEPT"),
        (0, DB[0], DB[1], WEB[0], WEB[1], 6, 9, "ACCEPT"),
        (2, WEB[0], 1, DB[0], 2, 6, 1, "REJECT"),
        (0, WEB[0], 1, DB[0], 2, 17, 9, "ACCEPT"),
        (None, None, None, None, None, None, None, None),
    ]
    table = arrow.table({name: [row[n] for row in rows] for n, name in enumerate(names)})
    file, other = io.BytesIO(), io.BytesIO()
    importlib.import_module("pyarrow.parquet").write_table(table, file, compression="gzip")
    importlib.import_module("pyarrow.parquet").write_table(table.select(["srcaddr"]), other)
    folder = f"AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/2026/03/01/00/{ACCOUNT}_vpcflowlogs_{REGION}"
    for number, body in enumerate((file, other)):
        key = f"{folder}_{log}_20260301T000{number}Z_1a2b3c4d.log.parquet"
        client("s3").put_object(Bucket="flows", Key=key, Body=body.getvalue())
    assert read(vpc) == Read({vpc: [replace(BOTH[0], flags=18), BOTH[1]]})


def test_the_order_of_the_fields_is_that_of_the_format(vpc: str) -> None:
    fields = ("action", "packets", "protocol", "dstport", "srcport", "dstaddr", "srcaddr", "vpc-id")
    values = f"ACCEPT 9 6 {DB[1]} {WEB[1]} {DB[0]} {WEB[0]} {vpc}"
    to_group(
        vpc,
        [(TODAY - timedelta(minutes=20), values)],
        LogFormat=" ".join(f"${{{name}}}" for name in fields),
    )
    assert read(vpc, now=TODAY) == Read({vpc: BOTH[:1]})


def test_a_log_of_what_is_refused_and_one_of_another_network_do_not_count(vpc: str) -> None:
    to_group(vpc, [(TODAY, record(WEB, DB))], TrafficType="REJECT")
    assert read(vpc, now=TODAY) == Read()
    assert read("vpc-of-others", now=TODAY) == Read()


def test_a_bucket_that_is_gone_is_a_problem_and_not_the_end(vpc: str) -> None:
    to_bucket(vpc)
    client("s3").delete_bucket(Bucket="flows")
    told = read(vpc)
    assert told.flows == {}
    assert len(told.problems) == 1


def test_a_file_that_is_damaged_is_a_problem_and_not_the_end(vpc: str) -> None:
    log = to_bucket(vpc)
    folder = f"AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/2026/03/01/"
    key = f"{folder}{ACCOUNT}_vpcflowlogs_{REGION}_{log}_20260301T0005Z_1a2b3c4d.log.gz"
    client("s3").put_object(Bucket="flows", Key=key, Body=b"no gzip")
    told = read(vpc)
    assert told.flows == {}
    assert "one of its files cannot be read" in str(told.problems[0])
