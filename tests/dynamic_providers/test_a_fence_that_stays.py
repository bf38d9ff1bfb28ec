"""A fence goes with its stack, unless a machine has it: EC2 would not delete it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from dynamic_providers import engine
from dynamic_providers.fence_clearance import FenceClearanceProvider
from dynamic_providers.shared import claims
from site_recovery.errors import MigrationError
from tests.local_aws import LocalAws

NAME = "ec2-to-azure-dev-fence"


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []

    def log(_urn: str, text: str, *, ephemeral: bool = False, warning: bool = False) -> None:
        del ephemeral, warning
        lines.append(text)

    monkeypatch.setattr(engine, "current", lambda: SimpleNamespace(log=log, alive=lambda: True))
    return lines


@pytest.fixture
def ec2(aws: LocalAws) -> Any:
    return boto3.client("ec2", region_name=aws.estate["region"])


@pytest.fixture
def inputs(aws: LocalAws, ec2: Any) -> dict[str, Any]:
    made = ec2.create_security_group(
        GroupName=f"{NAME}-{len(ec2.describe_security_groups()['SecurityGroups'])}",
        Description="fence",
        VpcId=aws.estate["vpc"],
        TagSpecifications=[
            {"ResourceType": "security-group", "Tags": [{"Key": "Name", "Value": NAME}]}
        ],
    )
    return {
        "group_id": made["GroupId"],
        "tag": NAME,
        "region": aws.estate["region"],
        "urn": "urn:pulumi:dev::p::t::fence",
    }


def machine(aws: LocalAws, ec2: Any, group: str) -> str:
    """A machine that its cutover stopped, and that has only this group."""
    [made] = ec2.run_instances(
        ImageId=aws.estate["images"]["windows-server-2016"],
        MinCount=1,
        MaxCount=1,
        SubnetId=aws.estate["subnets"]["machines"],
        SecurityGroupIds=[group],
    )["Instances"]
    ec2.stop_instances(InstanceIds=[made["InstanceId"]])
    return str(made["InstanceId"])


def name_of(ec2: Any, group: str) -> str | None:
    """The name in its tags; None if it is gone."""
    try:
        [found] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    except ClientError:
        return None
    return next(str(tag["Value"]) for tag in found["Tags"] if tag["Key"] == "Name")


def removed(inputs: dict[str, Any]) -> None:
    provider = FenceClearanceProvider()
    created = provider.create(inputs)
    assert created.outs is not None
    provider.delete(created.id, created.outs)


def test_one_that_no_machine_has_is_deleted(
    ec2: Any, inputs: dict[str, Any], told: list[str]
) -> None:
    removed(inputs)
    assert name_of(ec2, inputs["group_id"]) is None
    assert told == []


def test_one_that_a_stopped_machine_has_stays_under_another_name_and_the_run_says_so(
    aws: LocalAws, ec2: Any, inputs: dict[str, Any], told: list[str]
) -> None:
    source = machine(aws, ec2, inputs["group_id"])
    removed(inputs)
    assert name_of(ec2, inputs["group_id"]) == f"{NAME}-kept"
    [line] = told
    assert line.startswith(f"security group {inputs['group_id']} stays in AWS, as {NAME}-kept: ")
    assert f"it fences {source}," in line

    ec2.terminate_instances(InstanceIds=[source])
    ec2.delete_security_group(GroupId=inputs["group_id"])


def test_one_that_is_gone_already_is_no_failure_and_a_refresh_forgets_it(
    ec2: Any, inputs: dict[str, Any], told: list[str]
) -> None:
    provider = FenceClearanceProvider()
    assert provider.read("fence", inputs).id == "fence"
    ec2.delete_security_group(GroupId=inputs["group_id"])
    assert provider.read("fence", inputs).id == ""
    provider.delete("fence", inputs)
    assert told == []


def test_one_that_is_gone_while_its_record_is_there_has_to_be_refreshed(
    ec2: Any, inputs: dict[str, Any]
) -> None:
    ec2.delete_security_group(GroupId=inputs["group_id"])
    with pytest.raises(MigrationError, match=f"{inputs['group_id']}.* Run pulumi refresh"):
        FenceClearanceProvider().create(inputs)


def test_a_record_that_is_only_replaced_leaves_the_group(ec2: Any, inputs: dict[str, Any]) -> None:
    provider = FenceClearanceProvider()
    assert not provider.diff("fence", inputs, inputs).changes
    renamed = {**inputs, "tag": "another"}
    assert not provider.diff("fence", inputs, renamed).changes, "the group keeps its name"
    assert provider.diff("fence", inputs, {**inputs, "group_id": "sg-2"}).replaces == ["group_id"]
    provider.check(inputs, dict(inputs))
    assert claims.of_this_process.program_runs
    removed(inputs)
    assert name_of(ec2, inputs["group_id"]) == NAME


def test_what_aws_refuses_is_told_with_the_permission_that_is_missing(
    inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> Any:
        raise ClientError(
            {"Error": {"Code": "UnauthorizedOperation", "Message": "denied"}},
            "DescribeNetworkInterfaces",
        )

    monkeypatch.setattr("site_recovery.aws.kept_fence.connect", refused)
    with pytest.raises(MigrationError, match="ec2:DescribeNetworkInterfaces"):
        FenceClearanceProvider().delete("fence", inputs)
