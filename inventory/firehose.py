"""Flow logs that go to Amazon Data Firehose, read where their stream puts them: in S3.

Sources: "Publish flow logs to Amazon Data Firehose" (Amazon VPC user guide: plain text), "Configure Amazon S3 object
name format" and "Understand custom prefixes for Amazon S3 objects" (Amazon Data Firehose developer guide: prefix,
time, name), "Log group-level subscription filters" (Amazon CloudWatch Logs user guide: the envelope `logEvents`).
A record is a line, or the `message` of a JSON object; each of them is read.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

PERMISSIONS = ("firehose:DescribeDeliveryStream",)
"""The IAM action; the bucket needs those of S3 too."""

_HOURS = "yyyy/MM/dd/HH/"
_EXPRESSION = re.compile(r"!\{(?P<kind>[\w-]+):(?P<value>[^}]*)\}")
_PLAIN_TIME = re.compile(r"(?:yyyy|MM|dd|HH|[^A-Za-z'])*")
_PARTS = (("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"))
_HOUR = timedelta(hours=1)
_GZIP = b"\x1f\x8b"
_COMPRESSIONS = ("UNCOMPRESSED", "GZIP")


class StreamError(Exception):
    """A stream whose records cannot be read. The text says why, as the end of a sentence about a flow log."""


@dataclass(frozen=True)
class Store:
    """Where a stream puts its records.

    Attributes:
        stream: its name, with which the names of its files begin.
        prefix: what comes before the names; it may have expressions of Firehose in it.
    """

    stream: str
    bucket: str
    prefix: str

    def folders(self, since: datetime, now: datetime) -> list[str]:
        """The beginnings of the names of all files of a time, as far as the prefix tells them."""
        first = since.replace(minute=0, second=0, microsecond=0)
        times = (first + timedelta(hours=n) for n in range((now - first) // _HOUR + 1))
        return list(dict.fromkeys(_evaluated(self.prefix, time) for time in times))

    def begun(self, key: str) -> datetime | None:
        """When the records of a file arrived; None for a file of something else."""
        name = key.rpartition("/")[2]
        found = re.match(re.escape(self.stream) + r"-\d+-(\d{4}(?:-\d\d){5})-", name)
        if found is None:
            return None
        return datetime.strptime(found[1], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC)


def store(firehose: Any, arn: str, account: str) -> Store:
    """Where a stream puts its records (DescribeDeliveryStream).

    Args:
        firehose: a client of the account.
        arn: of the stream.
        account: the id of the account.

    Raises:
        StreamError: they cannot be read from there.
        botocore.exceptions.ClientError: Firehose refuses.
    """
    *_, owner, name = arn.split(":", 5)
    if owner != account:
        raise StreamError(f"it is delivered to Firehose in account {owner}, which is not read")
    stream = name.partition("/")[2]
    described = firehose.describe_delivery_stream(DeliveryStreamName=stream)
    to = described["DeliveryStreamDescription"]["Destinations"][0].get(
        "ExtendedS3DestinationDescription"
    )
    if to is None:
        raise StreamError(f"stream {stream} of Firehose does not deliver it to S3")
    if (to.get("DataFormatConversionConfiguration") or {}).get("Enabled"):
        raise StreamError(f"stream {stream} of Firehose converts its records to another format")
    if to.get("CompressionFormat", _COMPRESSIONS[0]) not in _COMPRESSIONS:
        raise StreamError(
            f"stream {stream} of Firehose compresses it with {to['CompressionFormat']}"
        )
    if to.get("CustomTimeZone", "UTC") != "UTC":
        raise StreamError(f"stream {stream} of Firehose names its files in {to['CustomTimeZone']}")
    prefix = to.get("Prefix") or ""
    if "!{" not in prefix:
        # Firehose adds the time itself if no expression says where it goes.
        prefix += f"!{{timestamp:{_HOURS}}}"
    return Store(stream, to["BucketARN"].rpartition(":")[2], prefix)


def _evaluated(prefix: str, time: datetime) -> str:
    """A prefix at a time, up to the first expression that only Firehose can evaluate."""
    made, end = "", 0
    for found in _EXPRESSION.finditer(prefix):
        made += prefix[end : found.start()]
        value = found["value"]
        if found["kind"] != "timestamp" or not _PLAIN_TIME.fullmatch(value):
            return made
        for part, instead in _PARTS:
            value = value.replace(part, f"{time:{instead}}")
        made, end = made + value, found.end()
    return made + prefix[end:]


def records(body: bytes) -> Iterator[str]:
    """The records of a file.

    Args:
        body: lines, or JSON objects with the records in `message`, or in the `message` of each of
            `logEvents`; one after the other, with line ends between them or not, compressed or not.

    Raises:
        ValueError: something begins as JSON and is none.
        OSError, EOFError: it is compressed, and damaged.
    """
    text = (gzip.decompress(body) if body.startswith(_GZIP) else body).decode("utf-8", "replace")
    decoder = json.JSONDecoder()
    for line in text.splitlines():
        rest = line.strip()
        if not rest.startswith("{"):
            yield rest
        while rest.startswith("{"):
            value, end = decoder.raw_decode(rest)
            yield from _messages(value)
            rest = rest[end:].lstrip()


def _messages(value: Any) -> Iterator[str]:
    events: Sequence[Any] = value.get("logEvents", (value,))
    for event in events:
        if isinstance(event, dict) and isinstance(event.get("message"), str):
            yield event["message"].strip()
