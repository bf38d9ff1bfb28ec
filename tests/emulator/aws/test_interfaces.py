"""The security groups of an interface are its own, whatever its instance was launched with."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

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


@pytest.mark.parametrize("which", ["deleted", "of another network"])
def test_no_interface_gets_a_group_that_its_network_does_not_have(ec2: Any, which: str) -> None:
    instance = launched(ec2)
    network = instance["VpcId"]
    if which != "deleted":
        network = ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="gone", Description="gone", VpcId=network)
    if which == "deleted":
        ec2.delete_security_group(GroupId=group["GroupId"])
    interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    before = groups(ec2, instance["InstanceId"])
    wanted = [*before[0], group["GroupId"]]
    for call, about in (
        (ec2.modify_network_interface_attribute, {"NetworkInterfaceId": interface}),
        (ec2.modify_instance_attribute, {"InstanceId": instance["InstanceId"]}),
    ):
        with pytest.raises(ClientError) as refused:
            call(**about, Groups=wanted)
        assert refused.value.response["Error"]["Code"] == "InvalidGroup.NotFound"
        assert group["GroupId"] in refused.value.response["Error"]["Message"]
    assert groups(ec2, instance["InstanceId"]) == before


def test_no_interface_gets_more_groups_than_the_account_may_give_it(ec2: Any) -> None:
    instance = launched(ec2)
    interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    before = groups(ec2, instance["InstanceId"])
    made = [
        ec2.create_security_group(GroupName=f"g{n}", Description="g", VpcId=instance["VpcId"])
        for n in range(6)
    ]
    wanted = [group["GroupId"] for group in made]
    for call, about in (
        (ec2.modify_network_interface_attribute, {"NetworkInterfaceId": interface}),
        (ec2.modify_instance_attribute, {"InstanceId": instance["InstanceId"]}),
    ):
        with pytest.raises(ClientError) as refused:
            call(**about, Groups=wanted)
        code = refused.value.response["Error"]["Code"]
        assert code == "SecurityGroupsPerInterfaceLimitExceeded"
        assert groups(ec2, instance["InstanceId"]) == before
        call(**about, Groups=wanted[:5])
        call(**about, Groups=before[0])
