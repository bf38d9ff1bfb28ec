"""The role of `aws:assumeRoles`, in which all clients of a process work."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from moto import mock_aws

from site_recovery.aws import roles
from site_recovery.aws.client import connect

OTHER = "210987654321"
ROLE = f"arn:aws:iam::{OTHER}:role/migration"


@pytest.fixture(autouse=True)
def _the_environment_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    with mock_aws():
        yield
    roles.use(None)


def caller() -> tuple[str, str]:
    """The account and the ARN of the credentials."""
    found = connect("sts", "eu-west-1").get_caller_identity()
    return found["Account"], found["Arn"]


def test_clients_work_in_the_role_and_without_it_as_the_environment_says() -> None:
    own = caller()
    roles.use(json.dumps([{"roleArn": ROLE, "sessionName": "wave-1"}]))
    account, arn = caller()
    assert account == OTHER
    assert arn.endswith("assumed-role/migration/wave-1")
    roles.use(None)
    assert caller() == own


def test_resources_of_the_other_account_are_seen() -> None:
    roles.use(json.dumps([{"roleArn": ROLE}]))
    ec2 = connect("ec2", "eu-west-1")
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]
    assert vpc["OwnerId"] == OTHER
    roles.use(None)
    own = connect("ec2", "eu-west-1").describe_vpcs()["Vpcs"]
    assert vpc["VpcId"] not in {one["VpcId"] for one in own}


def test_a_role_that_is_refused_elsewhere_leaves_the_credentials() -> None:
    own = caller()
    roles.use("nonsense")
    assert roles.used() is None
    assert caller() == own
