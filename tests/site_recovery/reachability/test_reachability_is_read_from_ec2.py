"""Reading the evidence from EC2: associations, groups, prefix lists and gateways, in a few calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from site_recovery.errors import MigrationError
from site_recovery.reachability import ec2_network
from site_recovery.reachability.check import judge
from site_recovery.reachability.connections import Check, Machine, Proxy, Server
from site_recovery.reachability.rows import blocked

REGION = "eu-west-1"
ROLE = "configuration server"
IMAGE = "ami-12c6146b"


@dataclass
class Estate:
    """A VPC with a server's subnet behind a NAT gateway, and machines in another."""

    ec2: Any
    vpc: str
    subnets: dict[str, str]
    groups: dict[str, str]
    main_table: str
    calls: list[str] = field(default_factory=list)

    def run(self, count: int = 1) -> dict[str, Machine]:
        answer = self.ec2.run_instances(
            ImageId=IMAGE,
            MinCount=count,
            MaxCount=count,
            SubnetId=self.subnets["machines"],
            SecurityGroupIds=[self.groups["machines"]],
        )
        return {
            f"web-{place}": Machine(one["InstanceId"], one["PrivateIpAddress"], "windows")
            for place, one in enumerate(answer["Instances"], 1)
        }

    def start_server(self) -> str:
        answer = self.ec2.run_instances(
            ImageId=IMAGE,
            MinCount=1,
            MaxCount=1,
            SubnetId=self.subnets["server"],
            PrivateIpAddress="10.10.2.10",
            SecurityGroupIds=[self.groups["server"]],
        )
        return str(answer["Instances"][0]["InstanceId"])

    def check(self, machines: dict[str, Machine], **server: Any) -> Check:
        known = {
            "role": ROLE,
            "subnet_id": self.subnets["server"],
            "private_ip": "10.10.2.10",
            "group_ids": frozenset({self.groups["server"]}),
        }
        return Check(self.vpc, Server(**{**known, **server}), machines, push=False)

    def blocked(self, check: Check) -> dict[str, str]:
        self.calls.clear()
        found = ec2_network.read(check, REGION, self.ec2)
        return blocked(judge(check, found), check.machines, ROLE)

    def allow(
        self, group: str, other: dict[str, Any], ports: tuple[int, ...] = (443, 9443)
    ) -> None:
        self.ec2.authorize_security_group_ingress(
            GroupId=self.groups[group],
            IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **other} for port in ports
            ],
        )

    def from_machines(self) -> dict[str, Any]:
        return {"UserIdGroupPairs": [{"GroupId": self.groups["machines"]}]}


@pytest.fixture
def estate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    # Moto would read hundreds of images for every test.
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws():
        ec2 = boto3.client("ec2", region_name=REGION)
        vpc = ec2.create_vpc(CidrBlock="10.10.0.0/16")["Vpc"]["VpcId"]
        subnets = {
            name: ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]
            for name, cidr in (
                ("public", "10.10.0.0/24"),
                ("machines", "10.10.1.0/24"),
                ("server", "10.10.2.0/24"),
            )
        }
        groups = {
            name: ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
            for name in ("machines", "server")
        }
        main = ec2.describe_route_tables(
            Filters=[
                {"Name": "vpc-id", "Values": [vpc]},
                {"Name": "association.main", "Values": ["true"]},
            ]
        )["RouteTables"][0]["RouteTableId"]
        igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
        public = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=public, SubnetId=subnets["public"])
        ec2.create_route(RouteTableId=public, DestinationCidrBlock="0.0.0.0/0", GatewayId=igw)
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = ec2.create_nat_gateway(SubnetId=subnets["public"], AllocationId=address)
        ec2.create_route(
            RouteTableId=main,
            DestinationCidrBlock="0.0.0.0/0",
            NatGatewayId=nat["NatGateway"]["NatGatewayId"],
        )
        made = Estate(ec2, vpc, subnets, groups, main)
        ec2.meta.events.register(
            "before-call.ec2", lambda model, **_: made.calls.append(model.name)
        )
        yield made


def test_a_closed_port_is_told_with_the_groups_that_do_not_open_it(estate: Estate) -> None:
    estate.start_server()
    estate.allow("server", estate.from_machines(), (443,))
    machines = estate.run()
    assert estate.blocked(estate.check(machines)) == {
        "web-1": f"tcp 9443 to the {ROLE}: {estate.groups['server']} (server): "
        f"no ingress rule for tcp 9443 from {machines['web-1'].private_ip}"
    }


class TestAServerThatTheStackDidNotMake:
    def test_is_found_by_its_address_and_judged_by_its_own_groups(self, estate: Estate) -> None:
        estate.start_server()
        estate.allow("server", estate.from_machines(), (443,))
        blocked = estate.blocked(estate.check(estate.run(), subnet_id="", group_ids=frozenset()))
        assert list(blocked) == ["web-1"]
        assert estate.groups["server"] in blocked["web-1"]

    def test_finds_its_way_out_by_itself(self, estate: Estate) -> None:
        estate.start_server()
        estate.allow("server", estate.from_machines())
        estate.ec2.delete_route(RouteTableId=estate.main_table, DestinationCidrBlock="0.0.0.0/0")
        assert set(estate.blocked(estate.check(estate.run()))) == {"web-1"}
        assert estate.blocked(estate.check(estate.run(), subnet_id="")) == {}

    def test_is_missed_where_nothing_has_its_address(self, estate: Estate) -> None:
        check = estate.check(estate.run(), subnet_id="", private_ip="10.10.2.99")
        with pytest.raises(MigrationError, match=r"no network interface of vpc-\w+ has 10.10.2.99"):
            ec2_network.read(check, REGION, estate.ec2)


def test_groups_that_name_each_other_connect_their_members(estate: Estate) -> None:
    estate.start_server()
    estate.allow("server", estate.from_machines())
    assert estate.blocked(estate.check(estate.run())) == {}


def test_a_group_attached_to_the_interface_counts(estate: Estate) -> None:
    estate.start_server()
    extra = estate.ec2.create_security_group(
        GroupName="extra", Description="extra", VpcId=estate.vpc
    )["GroupId"]
    estate.allow("server", {"UserIdGroupPairs": [{"GroupId": extra}]})
    machines = estate.run()
    assert set(estate.blocked(estate.check(machines))) == {"web-1"}
    interface = estate.ec2.describe_network_interfaces(
        Filters=[{"Name": "private-ip-address", "Values": [machines["web-1"].private_ip]}]
    )["NetworkInterfaces"][0]["NetworkInterfaceId"]
    estate.ec2.modify_network_interface_attribute(
        NetworkInterfaceId=interface, Groups=[estate.groups["machines"], extra]
    )
    assert estate.blocked(estate.check(machines)) == {}


@pytest.mark.parametrize(("cidr", "held"), [("10.10.1.0/24", True), ("10.99.0.0/16", False)])
def test_a_prefix_list_permits_what_it_holds(estate: Estate, cidr: str, held: bool) -> None:
    estate.start_server()
    made = estate.ec2.create_managed_prefix_list(
        PrefixListName="office",
        Entries=[{"Cidr": cidr}],
        MaxEntries=2,
        AddressFamily="IPv4",
    )["PrefixList"]["PrefixListId"]
    estate.allow("server", {"PrefixListIds": [{"PrefixListId": made}]})
    assert (estate.blocked(estate.check(estate.run())) == {}) is held


def test_an_acl_of_the_servers_subnet_is_found_by_its_association(estate: Estate) -> None:
    estate.start_server()
    estate.allow("server", estate.from_machines())
    acls = estate.ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [estate.vpc]}])
    own = next(
        (acl["NetworkAclId"], association["NetworkAclAssociationId"])
        for acl in acls["NetworkAcls"]
        for association in acl["Associations"]
        if association["SubnetId"] == estate.subnets["server"]
    )
    acl = estate.ec2.create_network_acl(VpcId=estate.vpc)["NetworkAcl"]["NetworkAclId"]
    estate.ec2.replace_network_acl_association(AssociationId=own[1], NetworkAclId=acl)
    for egress in (True, False):
        estate.ec2.create_network_acl_entry(
            NetworkAclId=acl,
            RuleNumber=100,
            Protocol="-1",
            RuleAction="allow",
            Egress=egress,
            CidrBlock="0.0.0.0/0",
        )
    estate.ec2.create_network_acl_entry(
        NetworkAclId=acl,
        RuleNumber=90,
        Protocol="6",
        RuleAction="deny",
        Egress=False,
        CidrBlock="10.10.1.0/24",
        PortRange={"From": 9443, "To": 9443},
    )
    reasons = estate.blocked(estate.check(estate.run()))
    assert f"{acl} ingress rule 90 denies tcp 9443 from 10.10.1." in reasons["web-1"]
    assert "tcp 443 to" not in reasons["web-1"]


def test_a_server_without_a_way_out_blocks_every_machine(estate: Estate) -> None:
    estate.start_server()
    estate.allow("server", estate.from_machines())
    estate.ec2.delete_route(RouteTableId=estate.main_table, DestinationCidrBlock="0.0.0.0/0")
    reason = (
        f"tcp 443 from the {ROLE} to the internet: "
        f"route table {estate.main_table} has no route to the internet"
    )
    assert estate.blocked(estate.check(estate.run(2))) == {"web-1": reason, "web-2": reason}


def test_a_server_that_is_to_be_made_is_judged_by_its_subnet(estate: Estate) -> None:
    check = estate.check(estate.run(), private_ip=None, group_ids=None)
    assert estate.blocked(check) == {}
    estate.ec2.delete_route(RouteTableId=estate.main_table, DestinationCidrBlock="0.0.0.0/0")
    assert "has no route to the internet" in estate.blocked(check)["web-1"]


def test_groups_are_not_judged_where_they_are_not_to_be(estate: Estate) -> None:
    estate.start_server()
    machines = estate.run()
    assert set(estate.blocked(estate.check(machines))) == {"web-1"}
    assert estate.blocked(estate.check(machines, group_ids=None)) == {}


def test_a_server_subnet_of_another_vpc_is_refused(estate: Estate) -> None:
    check = estate.check(estate.run(), private_ip=None, subnet_id="subnet-other")
    with pytest.raises(MigrationError, match=r"subnet-other is not in vpc-.*source\.vpcId"):
        ec2_network.read(check, REGION, estate.ec2)


def test_a_machine_without_the_address_is_blocked_by_name(estate: Estate) -> None:
    estate.start_server()
    estate.allow("server", estate.from_machines())
    moved = {"web-1": replace(estate.run()["web-1"], private_ip="10.10.1.250")}
    reasons = estate.blocked(estate.check(moved))
    assert "has no network interface with 10.10.1.250" in reasons["web-1"]


def test_two_hundred_machines_take_no_more_calls_than_one(estate: Estate) -> None:
    estate.start_server()
    estate.allow("server", estate.from_machines())
    estate.blocked(estate.check(estate.run()))
    few = list(estate.calls)
    assert estate.blocked(estate.check(estate.run(200))) == {}
    assert estate.calls == few
    assert len(few) <= 10


def test_a_refusal_of_aws_names_the_permissions(estate: Estate) -> None:
    check = estate.check(estate.run())
    with Stubber(estate.ec2) as stub:
        stub.add_client_error("describe_network_interfaces", "UnauthorizedOperation")
        with pytest.raises(MigrationError, match="ec2:DescribeNetworkAcls") as refusal:
            ec2_network.read(check, REGION, estate.ec2)
    assert "\n" not in str(refusal.value)


class TestAProxy:
    def ask(self, estate: Estate, host: str) -> dict[str, str]:
        machines = {name: replace(one, proxied=True) for name, one in estate.run().items()}
        check = replace(estate.check(machines), proxy=Proxy(host, 3128))
        return {
            (f"{row.machine} {row.direction}"): row.evidence
            for row in judge(check, ec2_network.read(check, REGION, estate.ec2))
            if not row.open
        }

    def start(self, estate: Estate, subnet: str) -> None:
        group = estate.ec2.create_security_group(
            GroupName="proxy", Description="proxy", VpcId=estate.vpc
        )["GroupId"]
        estate.groups["proxy"] = group
        estate.ec2.run_instances(
            ImageId=IMAGE,
            MinCount=1,
            MaxCount=1,
            SubnetId=estate.subnets[subnet],
            PrivateIpAddress="10.10.0.10",
            SecurityGroupIds=[group],
        )

    def test_that_is_an_instance_is_found_with_its_groups_and_its_own_way(
        self, estate: Estate
    ) -> None:
        estate.start_server()
        estate.allow("server", estate.from_machines())
        self.start(estate, "public")
        closed = self.ask(estate, "10.10.0.10")
        assert set(closed) == {
            f"{ROLE} server to proxy",
            "web-1 to proxy",
            "proxy proxy to internet",
        }
        assert (
            f"{estate.groups['proxy']} (proxy): no ingress rule for tcp 3128"
            in (closed["web-1 to proxy"])
        )
        assert "10.10.0.10 has no public address" in closed["proxy proxy to internet"]
        estate.allow("proxy", {"IpRanges": [{"CidrIp": "10.10.0.0/16"}]}, (3128,))
        assert set(self.ask(estate, "10.10.0.10")) == {"proxy proxy to internet"}

    def test_whose_address_nobody_has_is_missed(self, estate: Estate) -> None:
        estate.start_server()
        estate.allow("server", estate.from_machines())
        closed = self.ask(estate, "10.10.0.10")
        assert closed["web-1 to proxy"] == (f"no network interface of {estate.vpc} has 10.10.0.10")

    def test_that_is_outside_takes_no_further_call(self, estate: Estate) -> None:
        estate.start_server()
        estate.allow("server", estate.from_machines())
        assert self.ask(estate, "203.0.113.10") == {}
