"""EC2 does not delete a security group that something uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local_aws import LocalAws


@pytest.fixture
def ec2(aws: LocalAws) -> Any:
    return boto3.client("ec2", region_name="eu-west-1")


@pytest.fixture
def launched(ec2: Any) -> Any:
    [reservation, *_] = ec2.describe_instances()["Reservations"]
    return reservation["Instances"][0]


@pytest.fixture
def make(ec2: Any, launched: Any) -> Iterator[Callable[[str], str]]:
    made: list[str] = []

    def group(name: str) -> str:
        about = {"GroupName": name, "Description": name, "VpcId": launched["VpcId"]}
        made.append(ec2.create_security_group(**about)["GroupId"])
        return made[-1]

    yield group
    there = {one["GroupId"] for one in ec2.describe_security_groups()["SecurityGroups"]}
    for one in there & set(made):
        ec2.delete_security_group(GroupId=one)


def refusal(ec2: Any, group: str) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        ec2.delete_security_group(GroupId=group)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_one_of_a_stopped_instance_is_deleted_once_its_interface_has_another(
    ec2: Any, launched: Any, make: Callable[[str], str]
) -> None:
    fence = make("fence of a stopped instance")
    [interface] = launched["NetworkInterfaces"]
    its, before = (
        {"NetworkInterfaceId": interface["NetworkInterfaceId"]},
        [group["GroupId"] for group in interface["Groups"]],
    )
    ec2.modify_network_interface_attribute(**its, Groups=[fence])
    ec2.stop_instances(InstanceIds=[launched["InstanceId"]])

    said = refusal(ec2, fence)

    assert said == ("DependencyViolation", f"resource {fence} has a dependent object")
    ec2.start_instances(InstanceIds=[launched["InstanceId"]])
    ec2.modify_network_interface_attribute(**its, Groups=before)
    ec2.delete_security_group(GroupId=fence)


def test_one_of_a_terminated_instance_is_deleted(
    ec2: Any, launched: Any, make: Callable[[str], str]
) -> None:
    group = make("group of a short life")
    [made] = ec2.run_instances(
        ImageId=launched["ImageId"],
        MinCount=1,
        MaxCount=1,
        SubnetId=launched["SubnetId"],
        SecurityGroupIds=[group],
    )["Instances"]
    assert refusal(ec2, group)[0] == "DependencyViolation"
    ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
    ec2.delete_security_group(GroupId=group)


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_one_that_a_rule_of_another_names_is_deleted_once_the_rule_is_gone(
    ec2: Any, make: Callable[[str], str], direction: str
) -> None:
    named, naming = make("named"), make("naming")
    rule: dict[str, Any] = {
        "IpPermissions": [
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "UserIdGroupPairs": [{"GroupId": named}],
            }
        ]
    }
    getattr(ec2, f"authorize_security_group_{direction}")(GroupId=naming, **rule)
    assert refusal(ec2, named)[0] == "DependencyViolation"
    getattr(ec2, f"revoke_security_group_{direction}")(GroupId=naming, **rule)
    ec2.delete_security_group(GroupId=named)


def test_one_that_names_itself_is_deleted(ec2: Any, make: Callable[[str], str]) -> None:
    own = make("names itself")
    ec2.authorize_security_group_ingress(
        GroupId=own,
        IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": own}]}],
    )
    ec2.delete_security_group(GroupId=own)


def test_the_default_group_of_a_vpc_is_never_deleted(ec2: Any, launched: Any) -> None:
    filters = [
        {"Name": "vpc-id", "Values": [launched["VpcId"]]},
        {"Name": "group-name", "Values": ["default"]},
    ]
    [default] = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    code, message = refusal(ec2, default["GroupId"])
    assert code == "CannotDelete"
    assert "cannot be deleted by a user" in message
