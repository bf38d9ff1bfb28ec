"""Documents and associations in the local AWS, and their progress as the rollout reads it."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import boto3
import pytest

from components.mobility_agent import document
from site_recovery.aws.agent_rollout import Progress, Rollout, State, look
from site_recovery.aws.associations import Associations
from tests.local_aws import LocalAws

REGION = "eu-west-1"
PARAMETERS = {
    "PackageUrl": "https://packages.example.com/agent",
    "PackageSha256": "",
    "ServerAddress": "10.10.2.10",
    "SecretId": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:asr-agent-AbCdEf",
    "Region": REGION,
    "Experience": "classic",
}


def associate(platform: str, *instance_ids: str) -> str:
    """A document and its association, as the component declares them."""
    ssm = boto3.client("ssm", region_name=REGION)
    made = ssm.create_document(
        Name=f"agent-{platform}-{instance_ids[0]}",
        Content=document.content(platform),
        DocumentType="Command",
        DocumentFormat="JSON",
        TargetType="/AWS::EC2::Instance",
    )["DocumentDescription"]
    return ssm.create_association(
        Name=made["Name"],
        DocumentVersion=made["DefaultVersion"],
        Targets=[{"Key": "InstanceIds", "Values": list(instance_ids)}],
        Parameters={name: [value] for name, value in PARAMETERS.items()},
        ScheduleExpression="rate(30 minutes)",
        MaxConcurrency="20",
        MaxErrors="100%",
    )["AssociationDescription"]["AssociationId"]


def report(aws: LocalAws, association: str, instance: str, status: str, **said: str) -> None:
    """Report the result of a run, as the SSM agent of a machine does."""
    body = {"associationId": association, "instanceId": instance, "status": status}
    detail = {"detail": "fetching\n" + json.dumps(said)}
    request = urllib.request.Request(
        f"{aws.endpoint}/_emulator/systems-manager/executions",
        data=json.dumps(body | detail).encode(),
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def now(rollout: Rollout) -> dict[str, Progress]:
    return look(rollout, Associations(REGION))[0]


@pytest.fixture
def rollout(aws: LocalAws) -> Rollout:
    machines: dict[str, Any] = aws.estate["machines"]
    names = ("web-01", "web-02", "db-01")
    windows = associate("windows", machines["web-01"], machines["web-02"])
    linux = associate("linux", machines["db-01"])
    return Rollout((windows, linux), {name: machines[name] for name in names})


def test_a_rollout_is_followed_from_its_start_to_what_each_machine_said(
    aws: LocalAws, rollout: Rollout
) -> None:
    windows, linux = rollout.associations
    web, other, db = rollout.machines.values()
    assert {its.state for its in now(rollout).values()} == {State.PENDING}
    report(aws, windows, web, "InProgress")
    report(aws, windows, other, "Success", agent="registered", message="registered")
    report(aws, linux, db, "Failed", agent="failed", message="the AWS CLI is not here.")
    assert now(rollout) == {
        "web-01": Progress(State.PENDING, f"{web} is installing"),
        "web-02": Progress(State.INSTALLED),
        "db-01": Progress(State.FAILED, "the AWS CLI is not here"),
    }
    assert Associations(REGION).start([linux])
    report(aws, linux, db, "Success", agent="registered", message="registered")
    assert now(rollout)["db-01"] == Progress(State.INSTALLED)
