"""What changes in a day is estimated from CloudWatch, over boto3 against moto."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from inventory import churn, planning, report
from inventory.churn import Churn
from inventory.found import Found, Reading
from inventory.stack_file import StackFile
from inventory.waves import Conditions
from tests.inventory.fleets import REGION, found

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)
GIB = 2**30


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield boto3.client("cloudwatch", region_name=REGION)


def write(cloudwatch: Any, volume: str, days_ago: int, *gib: float) -> None:
    """Let a volume report, every five minutes, what was written to it."""
    begun = NOW.replace(hour=1) - timedelta(days=days_ago)
    cloudwatch.put_metric_data(
        Namespace="AWS/EBS",
        MetricData=[
            {
                "MetricName": "VolumeWriteBytes",
                "Dimensions": [{"Name": "VolumeId", "Value": volume}],
                "Timestamp": begun + timedelta(minutes=5 * number),
                "Value": each * GIB,
            }
            for number, each in enumerate(gib)
        ],
    )


def test_the_bytes_of_a_day_are_added_up_and_those_of_today_are_left_out(cloudwatch: Any) -> None:
    write(cloudwatch, "vol-1", 1, 1.0, 2.0)
    write(cloudwatch, "vol-1", 7, 0.5)
    write(cloudwatch, "vol-1", 0, 100.0)
    write(cloudwatch, "vol-1", 8, 100.0)
    assert churn.read(cloudwatch, ["vol-1"], NOW) == {"vol-1": [0.5, 0, 0, 0, 0, 0, 3.0]}


def test_a_thousand_volumes_take_three_requests(cloudwatch: Any) -> None:
    write(cloudwatch, "vol-0777", 1, 5.0)
    asked: list[int] = []
    cloudwatch.meta.events.register(
        "before-parameter-build.cloudwatch.GetMetricData",
        lambda params, **_: asked.append(len(params["MetricDataQueries"])),
    )
    volumes = [f"vol-{number:04}" for number in range(1001)]
    assert churn.read(cloudwatch, volumes, NOW)["vol-0777"][-1] == 5.0
    # They are asked for at the same time.
    assert sorted(asked) == [1, 500, 500]


def test_a_machine_changes_as_much_as_all_its_volumes_on_their_busiest_day() -> None:
    written = {"a": [1.0, 9.0], "b": [5.0, 0.5]}
    assert churn.of_machine(["a", "b"], written) == Churn(9.5)
    assert churn.of_machine(["a", "idle"], written) == Churn(9.0, ("idle",))
    assert churn.of_machine([], written) == Churn(0.0)


def planned(*machines: Found, files: tuple[StackFile, ...] = ()) -> list[planning.StackPlan]:
    return planning.plan(machines, files, {}, Conditions())


def busy(number: int, gib: float) -> Found:
    return replace(found(number), churn=Churn(gib))


def test_a_stack_has_no_more_change_than_one_server_replicates() -> None:
    plans = planned(busy(1, 1500), busy(2, 600), busy(3, 400), busy(4, 1500))
    assert [sorted(one.file.machines.values()) for one in plans] == [
        ["web-001", "web-003"],
        ["web-002"],
        ["web-004"],
    ]


def test_the_change_of_machines_that_are_declared_counts_too() -> None:
    [first] = planned(busy(1, 1900))
    plans = planned(busy(1, 1900), busy(2, 200), files=(first.file,))
    assert [one.file.stack for one in plans] == ["shop", "shop-2"]


def test_a_machine_that_is_too_much_for_any_server_is_alone_and_told() -> None:
    plans = planned(busy(1, 100), busy(2, 2500), busy(3, 100))
    text = report.written(plans, Reading())
    assert [len(one.file.machines) for one in plans] == [2, 1]
    assert "web-002: 2,500 GiB were written to its volumes on one day" in " ".join(text.split())


def test_the_report_says_how_much_changes_and_what_was_not_measured() -> None:
    plans = planned(busy(1, 100), replace(found(2), churn=Churn(0.0, ("vol-1", "vol-2"))))
    text = report.written(plans, Reading())
    assert "| shop | 2 | 2 | 0 | 0 | 100 | 100 (without 2 volumes) |" in text
    unread = report.written(planned(found(1)), Reading())
    assert "| not read |" in unread
