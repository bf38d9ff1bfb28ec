"""Answers of the local AWS that are held back, though what was asked is done."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.emulator.aws.systems_manager_aws import Cloud
from tests.local_aws import LocalAws, local_aws


@pytest.fixture(scope="module")
def local() -> Iterator[LocalAws]:
    with local_aws() as running:
        yield running


def control(local: LocalAws, method: str, body: object = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{local.endpoint}/_emulator/holds", content, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["value"]


def test_a_held_call_is_carried_out_and_not_answered(local: LocalAws) -> None:
    ec2 = Cloud(local).client("ec2")
    vpc = local.estate["vpc"]
    assert control(local, "PUT", {"operation": "CreateSecurityGroup"}) == [
        {"operation": "CreateSecurityGroup", "waiting": 0}
    ]
    with ThreadPoolExecutor(1) as threads:
        made = threads.submit(
            ec2.create_security_group, GroupName="held", Description="d", VpcId=vpc
        )
        while control(local, "GET")[0]["waiting"] == 0:
            assert not made.done()
        found = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["held"]}])
        assert not made.done()
        assert control(local, "DELETE") == []

        assert made.result(30)["GroupId"] == found["SecurityGroups"][0]["GroupId"]


def test_a_hold_without_an_operation_is_refused(local: LocalAws) -> None:
    with pytest.raises(HTTPError, match="400"):
        control(local, "PUT", {"nth": 1})
