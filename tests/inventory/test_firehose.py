"""Flow logs behind Firehose are read where their stream puts them, over boto3 against moto."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from inventory import firehose, flow_logs
from inventory.connections import DEFAULT_FIELDS, Flow
from inventory.firehose import Store
from inventory.flow_log import FlowLog, listed
from inventory.flow_logs import Read
from tests.inventory.test_connections import DB, WEB, record

ACCOUNT, REGION, VPC = "123456789012", "eu-west-1", "vpc-0123456789abcdef0"
NOW = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
STREAM = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/flows"
LOG = FlowLog("fl-1", VPC, "", "", STREAM, DEFAULT_FIELDS, {})
[ENI] = {record(WEB, DB).split()[DEFAULT_FIELDS.index("interface-id")]}
BOTH = [Flow(WEB, DB, 9), Flow(DB, WEB, 9)]


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Makes the stream with values of its destination in S3."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(flow_logs, "listed", lambda _: iter([LOG, replace(LOG, id="fl-2")]))
    with mock_aws():
        client("s3").create_bucket(
            Bucket="flows", CreateBucketConfiguration={"LocationConstraint": REGION}
        )

        def make(**values: Any) -> None:
            client("firehose").create_delivery_stream(
                DeliveryStreamName="flows",
                ExtendedS3DestinationConfiguration={
                    "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/flows",
                    "BucketARN": "arn:aws:s3:::flows",
                    **values,
                },
            )

        yield make


def put(folder: str, when: str, body: bytes, name: str = "flows") -> None:
    key = f"{folder}{name}-1-{when}-1a2b3c4d-0000-4000-8000-1a2b3c4d5e6f.gz"
    client("s3").put_object(Bucket="flows", Key=key, Body=body)


def read() -> Read:
    return flow_logs.read(client, ACCOUNT, REGION, {VPC, ENI}, NOW, 1)


def wrapped(*lines: str) -> str:
    return "".join(json.dumps({"message": line}) for line in lines)


def subscribed(*lines: str) -> str:
    events = [{"id": "1", "timestamp": 0, "message": line} for line in lines]
    return json.dumps({"messageType": "DATA_MESSAGE", "logEvents": events})


@pytest.mark.parametrize(
    "envelope",
    [
        lambda *lines: "\n".join(lines),
        wrapped,
        lambda *lines: "\n".join(map(wrapped, lines)),
        subscribed,
    ],
    ids=["lines", "JSON without line ends", "JSON lines", "a subscription's envelope"],
)
@pytest.mark.parametrize("compress", [gzip.compress, bytes], ids=["gzip", "plain"])
def test_records_are_read_in_each_envelope(
    envelope: Callable[..., str],
    compress: Callable[[bytes], bytes],
    stream: Callable[..., None],
) -> None:
    stream(Prefix="network/")
    body = compress(envelope(record(WEB, DB), record(DB, WEB)).encode())
    put("network/2026/02/28/23/", "2026-02-28-23-40-00", body)
    assert read() == Read({ENI: BOTH, VPC: []})


def test_files_of_another_time_of_another_stream_and_records_of_other_networks_do_not_count(
    stream: Callable[..., None],
) -> None:
    stream()
    body = gzip.compress(record(WEB, DB).encode())
    put("2026/02/28/22/", "2026-02-28-22-10-00", body)
    put("2026/03/01/00/", "2026-03-01-00-10-00", body, name="flows-of-others")
    foreign = record(WEB, DB).replace(ENI, "eni-of-others")
    put("2026/03/01/00/", "2026-03-01-00-11-00", gzip.compress(foreign.encode()))
    put("2026/03/01/00/", "2026-03-01-00-12-00", body)
    assert read() == Read({ENI: BOTH[:1], VPC: []}), "and two logs of a stream are read once"


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"CompressionFormat": "Snappy"}, "compresses it with Snappy"),
        (
            {"DataFormatConversionConfiguration": {"Enabled": True}},
            "converts its records to another format",
        ),
        ({"CustomTimeZone": "Asia/Tokyo"}, "names its files in Asia/Tokyo"),
    ],
)
def test_a_stream_that_cannot_be_read_is_named_with_the_way_out(
    values: dict[str, Any], what: str
) -> None:
    class Described:
        def describe_delivery_stream(self, **_: str) -> Any:
            to = {"BucketARN": "arn:aws:s3:::flows", **values}
            return {
                "DeliveryStreamDescription": {
                    "Destinations": [{"ExtendedS3DestinationDescription": to}]
                }
            }

    with pytest.raises(firehose.StreamError, match=what):
        firehose.store(Described(), STREAM, ACCOUNT)


def test_a_stream_of_another_account_and_records_in_no_known_form_are_said(
    stream: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream()
    put("2026/03/01/00/", "2026-03-01-00-10-00", b"a record of something else")
    told = read()
    assert told.flows == {}, "neither of its logs counts as read"
    [problem, _] = told.problems
    assert "none of the 1 records of stream flows is in the format of the flow log" in str(problem)
    assert "read connections with --connections ss" in str(problem)
    other = replace(LOG, stream=STREAM.replace(ACCOUNT, "210987654321"))
    monkeypatch.setattr(flow_logs, "listed", lambda _: iter([other]))
    told = read()
    assert told.flows == {}
    assert "Firehose in account 210987654321, which is not read" in str(told.problems[0])


def test_a_format_that_does_not_say_whose_a_record_is_is_refused(
    stream: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = tuple(name for name in DEFAULT_FIELDS if name != "interface-id")
    monkeypatch.setattr(flow_logs, "listed", lambda _: iter([replace(LOG, fields=fields)]))
    assert "its format lacks interface-id" in str(read().problems[0])


@pytest.mark.parametrize(
    ("prefix", "folders"),
    [
        ("a/!{timestamp:yyyy/MM/dd/HH/}", ["a/2026/02/28/23/", "a/2026/03/01/00/"]),
        ("!{timestamp:yyyy}/!{timestamp:MM}/x-", ["2026/02/x-", "2026/03/x-"]),
        ("!{timestamp:yyyy}/!{firehose:random-string}/", ["2026/"]),
        ("!{timestamp:'year='yyyy}/", [""]),
    ],
)
def test_a_prefix_is_followed_as_far_as_it_can_be_known(prefix: str, folders: list[str]) -> None:
    since = datetime(2026, 2, 28, 23, 50, tzinfo=UTC)
    assert Store("flows", "flows", prefix).folders(since, NOW) == folders


def test_firehose_is_where_a_flow_log_says(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pages:
        def get_paginator(self, _: str) -> Pages:
            return self

        def paginate(self) -> Any:
            log = {"FlowLogId": "fl-1", "ResourceId": VPC, "FlowLogStatus": "ACTIVE"}
            where = {"LogDestinationType": "kinesis-data-firehose", "LogDestination": STREAM}
            return [{"FlowLogs": [{**log, **where}]}]

    assert list(listed(Pages())) == [LOG]
