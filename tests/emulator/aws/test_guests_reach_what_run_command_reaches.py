"""Guests and Run Command judge a connection alike: security groups, network ACLs and routes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from emulator.aws.estate import REGION
from emulator.guests.ec2_estate import Ec2Estate
from tests.emulator.aws.systems_manager_aws import Cloud
from tests.local_aws import local_aws


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with local_aws() as local:
        yield Cloud(local)


@pytest.fixture
def estate(cloud: Cloud) -> Ec2Estate:
    return Ec2Estate(cloud.local.endpoint, REGION, real=itertools.count().__next__)


def reaches(estate: Ec2Estate, source: str, target: str, port: int = 9443) -> bool:
    estate.look()
    found = {one.id: one for one in estate.instances()}
    return estate.allows(found[source], found[target], port)


def gets_out(estate: Ec2Estate, source: str) -> bool:
    estate.look()
    return estate.allows_out({one.id: one for one in estate.instances()}[source], 443)


def test_a_network_acl_closes_the_way_between_subnets(cloud: Cloud, estate: Ec2Estate) -> None:
    group = cloud.group("acl")
    cloud.allow(group, 9443)
    subnet = cloud.subnet()
    near, far = cloud.machine(group, subnet), cloud.machine(group)
    acl = cloud.acl(subnet)
    assert reaches(estate, far, near)
    cloud.entry(acl, 50, False, "deny", (9443, 9443))
    assert not reaches(estate, far, near)
    assert reaches(estate, near, far)
    assert reaches(estate, cloud.machine(group, subnet), near)  # ACLs act between subnets only.


def test_a_network_acl_that_stops_the_answers_closes_the_way(
    cloud: Cloud, estate: Ec2Estate
) -> None:
    group = cloud.group("answers")
    cloud.allow(group, 9443)
    subnet = cloud.subnet()
    acl = cloud.acl(subnet)
    machine = cloud.machine(group, subnet)
    assert gets_out(estate, machine)
    cloud.entry(acl, 50, False, "deny", (1024, 65535))
    assert not gets_out(estate, machine)


def test_without_a_route_nothing_gets_out(cloud: Cloud, estate: Ec2Estate) -> None:
    group = cloud.group("routes")
    subnet = cloud.subnet()
    machine = cloud.machine(group, subnet)
    assert gets_out(estate, machine)
    cloud.table(subnet)
    assert not gets_out(estate, machine)
    public = cloud.ec2.describe_subnets(Filters=[{"Name": "tag:Name", "Values": ["public"]}])
    assert not gets_out(estate, cloud.machine(group, public["Subnets"][0]["SubnetId"]))


def test_machines_of_two_networks_do_not_reach_each_other(cloud: Cloud, estate: Ec2Estate) -> None:
    """Even machines with the same private address are separate."""
    group = cloud.group("here")
    cloud.allow(group, 9443)
    here = cloud.machine(group)
    vpc = cloud.ec2.create_vpc(CidrBlock="10.10.0.0/16")["Vpc"]["VpcId"]
    subnet = cloud.ec2.create_subnet(VpcId=vpc, CidrBlock="10.10.1.0/24")["Subnet"]["SubnetId"]
    there = cloud.ec2.run_instances(
        ImageId="ami-12345678",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        PrivateIpAddress="10.10.1.11",
    )["Instances"][0]["InstanceId"]
    assert reaches(estate, here, cloud.machine(group))
    assert not reaches(estate, here, there)
