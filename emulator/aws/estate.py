"""The estate that is seeded into moto: one VPC, its subnets and a fleet of old servers.

The fleet has private addresses only and reaches the internet through a NAT gateway. The same seed
and version of moto give the same ids, so that a committed configuration can name them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from emulator import partitions
from emulator.aws.fleet import FLEET, MORE, PROFILE, Machine

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.type_defs import BlockDeviceMappingTypeDef

REGION = "eu-west-1"
ZONE = "eu-west-1a"
VPC_CIDR = "10.10.0.0/16"
MACHINES_CIDR = "10.10.1.0/24"
MORE_MACHINES_CIDR = "10.10.16.0/20"
MIGRATION_CIDR = "10.10.2.0/24"
PUBLIC_CIDR = "10.10.0.0/24"
# What the fleet's applications need. None of these ports is one of Site Recovery.
APPLICATION_PORTS = (80, 443, 3389)

IMAGES = {
    "windows-server-2008-r2-sp1": "ami-08f2008c5b1a40001",
    "windows-server-2012": "ami-08f2012a6c2b50002",
    "windows-server-2012-r2": "ami-08f2012b7d3c60003",
    "windows-server-2016": "ami-08f2016c8e4d70004",
    "windows-server-2022": "ami-08f2022d0b92c0009",
    "rhel-6.7": "ami-08f0067d9f5e80005",
    "rhel-6.7-paravirtual": "ami-08f0067eaf6f90006",
    "amazon-linux-2": "ami-08f0002fbf70a0007",
    "amazon-linux-2-arm64": "ami-08f0002acf81b0008",
}

_MANAGED_POLICY = "policy/AmazonSSMManagedInstanceCore"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@dataclass(frozen=True)
class Seeded:
    """The ids of the created resources."""

    region: str
    vpc: str
    subnets: dict[str, str]
    security_group: str
    images: dict[str, str]
    machines: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """The same as plain data."""
        return asdict(self)


def seed(
    ec2: EC2Client,
    iam: Any,
    begin: Callable[[str], None],
    fleet: Sequence[Machine] = FLEET,
) -> Seeded:
    """Create the estate.

    Args:
        ec2: a client of a fresh EC2.
        iam: a client of the same account's IAM, which has Amazon's managed policies.
        begin: called with a name before each thing that is created, so that the caller can let
            its id follow from that name and from nothing that was created before.
        fleet: its machines.
    """
    begin("vpc")
    vpc = ec2.create_vpc(CidrBlock=VPC_CIDR)["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "estate"}])
    subnets = {
        name: _subnet(ec2, begin, vpc, name, cidr)
        for name, cidr in (("machines", MACHINES_CIDR), ("migration", MIGRATION_CIDR))
    }
    if any(one.subnet == MORE for one in fleet):
        subnets[MORE] = _subnet(ec2, begin, vpc, MORE, MORE_MACHINES_CIDR)
    begin("security group")
    group = ec2.create_security_group(
        GroupName="estate", Description="What the applications of the estate need", VpcId=vpc
    )["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": port,
                "ToPort": port,
                "IpRanges": [{"CidrIp": VPC_CIDR}],
            }
            for port in APPLICATION_PORTS
        ],
    )
    machines = {one.name: _run(ec2, begin, one, subnets[one.subnet], group) for one in fleet}
    begin("way out")
    _way_out(ec2, vpc)
    begin("profile")
    _profile(iam, partitions.global_arn("iam", ec2.meta.region_name, "aws", _MANAGED_POLICY))
    for one in fleet:
        if one.profile is not None:
            begin(f"profile of {one.name}")
            ec2.associate_iam_instance_profile(
                IamInstanceProfile={"Name": one.profile}, InstanceId=machines[one.name]
            )
    return Seeded(REGION, vpc, subnets, group, dict(IMAGES), machines)


def _subnet(ec2: EC2Client, begin: Callable[[str], None], vpc: str, name: str, cidr: str) -> str:
    begin(f"subnet {name}")
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=ZONE)["Subnet"]
    ec2.create_tags(Resources=[subnet["SubnetId"]], Tags=[{"Key": "Name", "Value": name}])
    return subnet["SubnetId"]


def _way_out(ec2: EC2Client, vpc: str) -> None:
    """Create a NAT gateway in a public subnet, and the default route of all other subnets to
    it."""
    public = ec2.create_subnet(VpcId=vpc, CidrBlock=PUBLIC_CIDR, AvailabilityZone=ZONE)["Subnet"]
    ec2.create_tags(Resources=[public["SubnetId"]], Tags=[{"Key": "Name", "Value": "public"}])
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=public["SubnetId"])
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public["SubnetId"], AllocationId=address)["NatGateway"]
    main = ec2.describe_route_tables(
        Filters=[
            {"Name": "vpc-id", "Values": [vpc]},
            {"Name": "association.main", "Values": ["true"]},
        ]
    )["RouteTables"][0]["RouteTableId"]
    ec2.create_route(
        RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat["NatGatewayId"]
    )


def _profile(iam: Any, policy: str) -> None:
    """Create the profile that lets Systems Manager manage a machine."""
    iam.create_role(RoleName=PROFILE, AssumeRolePolicyDocument=json.dumps(_TRUST))
    iam.attach_role_policy(RoleName=PROFILE, PolicyArn=policy)
    iam.create_instance_profile(InstanceProfileName=PROFILE)
    iam.add_role_to_instance_profile(InstanceProfileName=PROFILE, RoleName=PROFILE)


def _run(
    ec2: EC2Client, begin: Callable[[str], None], machine: Machine, subnet: str, group: str
) -> str:
    begin(f"machine {machine.name}")
    letters = "fghij"
    devices = [
        (machine.root_device, machine.root_gib),
        *((f"/dev/sd{letters[place]}", size) for place, size in enumerate(machine.data_gib)),
    ]
    mappings: list[BlockDeviceMappingTypeDef] = [
        {"DeviceName": device, "Ebs": {"VolumeSize": size, "VolumeType": "gp2"}}
        for device, size in devices
    ]
    reservation = ec2.run_instances(
        ImageId=IMAGES[machine.image],
        InstanceType=machine.instance_type,  # type: ignore[arg-type]
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        PrivateIpAddress=machine.private_ip,
        SecurityGroupIds=[group],
        BlockDeviceMappings=mappings,
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": machine.name}]}
        ],
    )
    return reservation["Instances"][0]["InstanceId"]
