"""The security groups of an interface are its own, whatever its instance was launched with."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.local_aws import LocalAws


@pytest.fixture
def ec2(aws: LocalAws) -> Any:
    return boto3.client("ec2", region_name="eu-west-1")


def launched(ec2: Any) -> Any:
    [reservation, *_] = ec2.describe_instances()["Reservations"]
    return reservation["Instances"][0]


def groups(ec2: Any, instance_id: str) -> list[list[str]]:
    """The groups of each interface, as both calls show them."""
    [reservation] = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
    shown = [
        sorted(group["GroupId"] for group in each["Groups"])
        for each in reservation["Instances"][0]["NetworkInterfaces"]
    ]
    described = ec2.describe_network_interfaces(
        Filters=[{"Name": "attachment.instance-id", "Values": [instance_id]}]
    )["NetworkInterfaces"]
    assert [sorted(group["GroupId"] for group in each["Groups"]) for each in described] == shown
    return shown


def test_all_groups_of_an_interface_can_be_replaced(ec2: Any) -> None:
    instance = launched(ec2)
    fence = ec2.create_security_group(
        GroupName="fence", Description="fence", VpcId=instance["VpcId"]
    )["GroupId"]
    interface = instance["NetworkInterfaces"][0]
    before = groups(ec2, instance["InstanceId"])

    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=interface["NetworkInterfaceId"], Groups=[fence]
    )
    assert groups(ec2, instance["InstanceId"]) == [[fence]]

    ec2.modify_instance_attribute(InstanceId=instance["InstanceId"], Groups=before[0])
    assert groups(ec2, instance["InstanceId"]) == before
