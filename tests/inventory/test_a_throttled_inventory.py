"""An inventory of an AWS that refuses much of what it is asked, over the sockets and retries of botocore."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from threading import Lock

import pytest
from botocore.retries.adaptive import ClientRateLimiter

from benchmarks.inventory.buckets import Buckets
from benchmarks.inventory.server import Aws, serving
from benchmarks.inventory.wire import Call
from inventory.__main__ import main

ACCOUNTS, REGION, MACHINES = ("000000000001", "000000000002"), "eu-west-1", 130
"""Three pages of Systems Manager, and several of EC2 if its pages are short."""


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait between two attempts: what is refused here does not depend on the time."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    monkeypatch.setattr(ClientRateLimiter, "on_sending_request", lambda *_, **__: None)


class Refusing:
    """Refuses each different call a number of times before it serves it."""

    def __init__(self, times: int, actions: frozenset[str] | None = None) -> None:
        self._times, self._actions = times, actions
        self._seen: Counter[str] = Counter()
        self._lock = Lock()

    def takes(self, call: Call) -> bool:
        if self._actions is not None and call.action not in self._actions:
            return True
        with self._lock:
            self._seen[str(call)] += 1
            return self._seen[str(call)] > self._times


def run(directory: Path, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> int:
    directory.mkdir()
    profiles = directory.parent / "config"
    profiles.write_text(
        "".join(
            f"[profile {account}]\naws_access_key_id = AKIA{account}\naws_secret_access_key = x\n"
            for account in ACCOUNTS
        )
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(profiles))
    options = ["--directory", str(directory), "--region", REGION]
    with serving(aws) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        return main([*options, *(word for name in ACCOUNTS for word in ("--profile", name))])


def files(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): path.read_text("utf-8")
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_a_throttled_inventory_writes_the_same_files_and_loses_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = Aws(MACHINES, lambda _: True, page=40)
    throttled = Aws(MACHINES, Refusing(2).takes, page=40)
    assert run(tmp_path / "free", free, monkeypatch) == 0
    assert run(tmp_path / "throttled", throttled, monkeypatch) == 0

    assert files(tmp_path / "throttled") == files(tmp_path / "free")
    assert throttled.counted.answered == free.counted.answered, "no page was asked for twice"
    assert throttled.counted.throttled["DescribeInstances"] == 2 * 2 * 4
    assert throttled.counted.throttled["DescribeInstanceInformation"] >= 2 * 2 * 3

    rows = (tmp_path / "throttled" / "inventory-report" / "machines.csv").read_text("utf-8")
    written = {row["instance"] for row in csv.DictReader(rows.splitlines())}
    report = (tmp_path / "throttled" / "inventory-report" / "report.md").read_text("utf-8")
    there = {
        one["InstanceId"]
        for account in ACCOUNTS
        for one in throttled.region(account, REGION).instances
    }
    assert len(there) == 2 * MACHINES
    assert {one for one in there if one in written or f"({one})" in report} == there


def test_a_service_that_refuses_to_the_end_is_named_with_the_way_out_and_the_rest_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws = Aws(MACHINES, Refusing(99, frozenset({"GetMetricData"})).takes)
    assert run(tmp_path / "stacks", aws, monkeypatch) == 1
    said = capsys.readouterr().err
    assert (
        f"profile {ACCOUNTS[0]} in {REGION}: CloudWatch in {REGION} answered that there were too"
        in said
    )
    assert "Run it again when less else calls AWS" in said
    assert "credentials" not in said
    assert list((tmp_path / "stacks").glob("Pulumi.*.yaml"))


def test_a_bucket_gives_what_aws_publishes_to_each_action_of_each_account() -> None:
    now = 0.0
    buckets = Buckets(1.0, lambda: now)

    def served(action: str, times: int, account: str = ACCOUNTS[0], **asked: object) -> int:
        call = Call(account, REGION, "ec2", action, asked)
        return sum(buckets.takes(call) for _ in range(times))

    assert served("DescribeInstances", 150, MaxResults=1000) == 100
    assert served("DescribeInstances", 150) == 50, "without a page it has a bucket of its own"
    assert served("DescribeVpcs", 10, account=ACCOUNTS[1]) == 10
    now = 2.0
    assert served("DescribeInstances", 150, MaxResults=1000) == 40
    assert served("DescribeInstances", 150) == 20
