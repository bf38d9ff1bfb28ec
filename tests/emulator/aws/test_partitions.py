"""The partition of each region, as the SDKs of AWS list them, and the ARNs that have it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.loaders import Loader
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from emulator import partitions
from emulator.aws import policies
from emulator.aws.access.facts import Facts
from emulator.aws.policies import Request
from tests.emulator.providers.providers_client import Engine, running

TABLE = Loader().load_data("partitions")["partitions"]
REGIONS = [(region, each) for each in TABLE for region in each["regions"]]
GROUP = "aws:ec2/securityGroup:SecurityGroup"
KEYS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}


@pytest.mark.parametrize(("region", "listed"), REGIONS, ids=lambda each: str(each)[:20])
def test_a_region_is_in_the_partition_that_the_sdk_says(
    region: str, listed: dict[str, Any]
) -> None:
    if region.endswith("-global"):
        return  # It is no place.
    its = partitions.of(region)
    assert (its.name, its.dns_suffix) == (listed["id"], listed["outputs"]["dnsSuffix"])
    assert re.match(listed["regionRegex"], region)


@pytest.fixture(params=["us-gov-west-1", "cn-north-1", "eu-west-1"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[tuple[Engine, str, str]]:
    """The stand-in provider in a region, the region and a VPC there."""
    region = str(request.param)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": region,
    }
    try:
        connect: Any = boto3.client
        ec2 = connect("ec2", region, endpoint_url=f"http://{host}:{port}", **KEYS)
        vpc = ec2.create_vpc(CidrBlock="10.10.0.0/16")["Vpc"]["VpcId"]
        with running("emulator.providers.aws", environment) as engine:
            engine.configure(region=region)
            yield engine, region, vpc
    finally:
        server.stop()


def test_what_the_stand_in_provider_makes_is_in_the_partition_of_its_region(
    elsewhere: tuple[Engine, str, str],
) -> None:
    engine, region, vpc = elsewhere
    name = partitions.of(region).name
    told = engine.invoke("aws:index/getPartition:getPartition")
    assert told["partition"] == name
    assert told["dnsSuffix"] == partitions.of(region).dns_suffix
    found = engine.invoke("aws:ec2/getVpc:getVpc", id=vpc)
    group = engine.create(GROUP, "g", {"vpcId": vpc, "description": "d"})
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = engine.create("aws:iam/role:Role", "r", {"assumeRolePolicy": trust})
    for arn in (found["arn"], group.state["arn"], role.state["arn"]):
        assert arn.startswith(f"arn:{name}:"), arn


@pytest.mark.parametrize("region", ["us-gov-west-1", "cn-north-1", "eu-west-1"])
def test_a_permission_is_asked_for_in_the_partition_of_the_region(region: str) -> None:
    name, facts = partitions.of(region).name, Facts(lambda _: None, region, "123456789012")
    assert facts.arn("iam", "role/x") == f"arn:{name}:iam::123456789012:role/x"
    assert facts.arn("ec2", "vpc/x") == f"arn:{name}:ec2:{region}:123456789012:vpc/x"


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("named", ["aws", "aws-cn", "aws-us-gov"])
def test_the_root_of_an_account_is_named_in_its_partition(partition: str, named: str) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": {"AWS": f"arn:{named}:iam::123456789012:root"},
        "Action": "*",
        "Resource": "*",
    }
    caller = f"arn:{partition}:iam::123456789012:user/x"
    request = Request(caller, "secretsmanager:GetSecretValue", "*", {})
    verdict = policies.of_resource({"Statement": [statement]}, request)
    assert (verdict == "deny") == (partition == named)
