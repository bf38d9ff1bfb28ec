"""Interface endpoints and prefix lists decide who reaches Systems Manager; the program reads them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from emulator.aws.estate import REGION
from emulator.aws.network import describe
from site_recovery.aws.service_endpoints import SERVICES, management_endpoints
from tests.emulator.aws.systems_manager_aws import EVERYTHING, Cloud
from tests.local_aws import local_aws

HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}


@pytest.fixture(scope="module")
def started() -> Iterator[Cloud]:
    with local_aws() as local:
        yield Cloud(local)


@pytest.fixture
def cloud(started: Cloud) -> Iterator[Cloud]:
    """A VPC without endpoints, which count for all that is in it."""
    yield started
    listed = started.ec2.describe_vpc_endpoints()["VpcEndpoints"]
    made = [one["VpcEndpointId"] for one in listed if one["State"] == "available"]
    if made:
        started.ec2.delete_vpc_endpoints(VpcEndpointIds=made)


def group(cloud: Cloud, name: str) -> str:
    """A security group of the test, whose names are taken by other tests."""
    return cloud.group(f"{name}-{uuid.uuid4().hex[:8]}")


def endpoint(cloud: Cloud, service: str, guard: str | None = None, **changes: Any) -> str:
    """Make an interface endpoint, which all of the VPC may use unless a group says otherwise."""
    if guard is None:
        guard = group(cloud, f"endpoint-{service}")
        let_in = [{**HTTPS, "IpRanges": [{"CidrIp": "10.10.0.0/16"}]}]
        cloud.ec2.authorize_security_group_ingress(GroupId=guard, IpPermissions=let_in)
    asked = {
        "VpcId": cloud.vpc,
        "ServiceName": f"com.amazonaws.{REGION}.{service}",
        "VpcEndpointType": "Interface",
        "SubnetIds": [cloud.subnets["machines"]],
        "SecurityGroupIds": [guard],
        "PrivateDnsEnabled": True,
        **changes,
    }
    return str(cloud.ec2.create_vpc_endpoint(**asked)["VpcEndpoint"]["VpcEndpointId"])


def fence(cloud: Cloud, name: str, *addresses: str) -> str:
    """A group that lets nothing out but 443 to some addresses."""
    made = group(cloud, name)
    cloud.shut(made)
    ranges = [{"CidrIp": f"{address}/32"} for address in addresses]
    if ranges:
        cloud.ec2.authorize_security_group_egress(
            GroupId=made, IpPermissions=[{**HTTPS, "IpRanges": ranges}]
        )
    return made


def give(cloud: Cloud, machine: str, only: str) -> None:
    [reservation] = cloud.ec2.describe_instances(InstanceIds=[machine])["Reservations"]
    interface = reservation["Instances"][0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    cloud.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[only])


def addresses(cloud: Cloud) -> dict[str, tuple[str, ...]]:
    found, problems = management_endpoints(cloud.vpc, REGION, cloud.ec2)
    assert not problems
    return dict(found.addresses)


def test_a_vpc_without_endpoints_has_none_of_the_services(cloud: Cloud) -> None:
    found, problems = management_endpoints(cloud.vpc, REGION, cloud.ec2)
    assert (found.missing, problems) == (SERVICES, [])


def test_the_endpoints_are_found_by_their_addresses_in_their_subnets(cloud: Cloud) -> None:
    for service in SERVICES:
        endpoint(cloud, service)
    found, _ = management_endpoints(cloud.vpc, REGION, cloud.ec2)
    assert found.missing == ()
    [subnet] = cloud.ec2.describe_subnets(SubnetIds=[cloud.subnets["machines"]])["Subnets"]
    for its in found.addresses.values():
        assert all(ip_address(one) in ip_network(subnet["CidrBlock"]) for one in its)


@pytest.mark.parametrize(
    "unusable",
    [
        {"PrivateDnsEnabled": False},
        {"ServiceName": f"com.amazonaws.{REGION}.ssm-contacts"},
        {"ServiceName": "com.amazonaws.eu-west-3.ssm"},
    ],
    ids=["without private DNS", "another service", "another region"],
)
def test_an_endpoint_that_the_names_do_not_lead_to_does_not_count(
    cloud: Cloud, unusable: dict[str, Any]
) -> None:
    endpoint(cloud, "ssm", **unusable)
    assert addresses(cloud) == {}


def test_a_fence_to_the_endpoints_alone_keeps_a_machine_managed(cloud: Cloud) -> None:
    machine = cloud.machine(group(cloud, "own"))
    assert cloud.ping(machine) == "Online"
    give(cloud, machine, fence(cloud, "closed"))
    assert cloud.ping(machine) == "ConnectionLost"

    for service in SERVICES:
        endpoint(cloud, service)
    ways = {one for its in addresses(cloud).values() for one in its}
    give(cloud, machine, fence(cloud, "narrow", *sorted(ways)))

    assert cloud.ping(machine) == "Online"
    network = describe(cloud.ec2).network
    assert not network.connects(machine, "example.com", 443)


def test_a_machine_that_an_endpoint_does_not_let_in_is_lost(cloud: Cloud) -> None:
    """Private DNS leads to the endpoint, even if there is another way out."""
    machine = cloud.machine(group(cloud, "own"))
    assert cloud.ping(machine) == "Online"
    endpoint(cloud, "ssm", group(cloud, "lets-nobody-in"))
    assert cloud.ping(machine) == "ConnectionLost"


def test_a_machine_needs_one_of_the_channels_for_commands(cloud: Cloud) -> None:
    closed = group(cloud, "lets-nobody-in")
    machine = cloud.machine(group(cloud, "own"))
    endpoint(cloud, "ssmmessages", closed)
    assert cloud.ping(machine) == "Online"
    endpoint(cloud, "ec2messages", closed)
    assert cloud.ping(machine) == "ConnectionLost"


def test_a_rule_lets_through_to_a_prefix_list(cloud: Cloud) -> None:
    made = cloud.ec2.create_managed_prefix_list(
        PrefixListName="partners",
        MaxEntries=2,
        AddressFamily="IPv4",
        Entries=[{"Cidr": "198.51.100.0/24"}],
    )["PrefixList"]["PrefixListId"]
    partners = group(cloud, "partners")
    machine = cloud.machine(partners)
    cloud.ec2.revoke_security_group_egress(GroupId=partners, IpPermissions=EVERYTHING)
    cloud.ec2.authorize_security_group_egress(
        GroupId=partners, IpPermissions=[{**HTTPS, "PrefixListIds": [{"PrefixListId": made}]}]
    )
    network = describe(cloud.ec2).network
    assert network.connects(machine, "198.51.100.7", 443)
    assert not network.connects(machine, "203.0.113.7", 443)
