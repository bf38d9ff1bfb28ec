"""Requests that EC2 refuses and moto carries out: by an instance's state, and by the rules of tags.

And an address in use, which moto refuses as an internal error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local_aws import LocalAws


@pytest.fixture
def ec2(aws: LocalAws) -> Any:
    return boto3.client("ec2", region_name="eu-west-1")


@pytest.fixture
def instance(ec2: Any) -> str:
    """An instance of the test's own."""
    [reservation, *_] = ec2.describe_instances()["Reservations"]
    image = reservation["Instances"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    return str(made["Instances"][0]["InstanceId"])


def state(ec2: Any, instance: str) -> str:
    [reservation] = ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    return str(reservation["Instances"][0]["State"]["Name"])


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


def test_what_is_terminated_is_neither_started_nor_stopped(ec2: Any, instance: str) -> None:
    ec2.terminate_instances(InstanceIds=[instance])
    for call in (ec2.start_instances, ec2.stop_instances, ec2.reboot_instances):
        assert refusal(call, InstanceIds=[instance]) == "IncorrectInstanceState"
        assert state(ec2, instance) == "terminated"


def test_an_address_is_taken_until_its_instance_is_terminated(ec2: Any) -> None:
    [reservation, *_] = ec2.describe_instances()["Reservations"]
    its = reservation["Instances"][0]
    wanted = {"ImageId": its["ImageId"], "SubnetId": its["SubnetId"], "MinCount": 1, "MaxCount": 1}
    first = ec2.run_instances(**wanted)["Instances"][0]
    wanted["PrivateIpAddress"] = first["PrivateIpAddress"]
    assert refusal(ec2.run_instances, **wanted) == "InvalidIPAddress.InUse"
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    second = ec2.run_instances(**wanted)["Instances"][0]
    assert second["PrivateIpAddress"] == first["PrivateIpAddress"]


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        (("note", "x" * 257), "InvalidParameterValue"),
        (("x" * 128, "note"), "InvalidParameterValue"),
        (("aws:note", "x"), "InvalidParameterValue"),
        (("AWS:note", "x"), "InvalidParameterValue"),
    ],
    ids=["a long value", "a long key", "a key of AWS", "a key of AWS in capitals"],
)
def test_a_tag_that_breaks_a_rule_is_refused(
    ec2: Any, instance: str, tag: tuple[str, str], code: str
) -> None:
    tags = [{"Key": tag[0], "Value": tag[1]}]
    assert refusal(ec2.create_tags, Resources=[instance], Tags=tags) == code
    assert ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [instance]}])["Tags"] == []


def test_a_tag_of_the_greatest_lengths_is_taken(ec2: Any, instance: str) -> None:
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "k" * 127, "Value": "v" * 256}])


def test_an_instance_that_is_not_there_gets_no_tag(ec2: Any) -> None:
    missing = "i-0123456789abcdef0"
    tags = [{"Key": "note", "Value": "x"}]
    code = refusal(ec2.create_tags, Resources=[missing], Tags=tags)
    assert code == "InvalidInstanceID.NotFound"
