"""The estate that is seeded into moto: one VPC, its subnets and a small fleet of old servers.

The fleet has private addresses only and reaches the internet through a NAT gateway. The same seed
and version of moto give the same ids, so that a committed configuration can name them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.type_defs import BlockDeviceMappingTypeDef

REGION = "eu-west-1"
ZONE = "eu-west-1a"
VPC_CIDR = "10.10.0.0/16"
MACHINES_CIDR = "10.10.1.0/24"
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

# The role and the instance profile of machines that Systems Manager manages, both of this name.
PROFILE = "estate-machine"
MANAGED_POLICY = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
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
class Machine:
    """A machine of the fleet: its image is a key of `IMAGES`, its sizes are in GiB.

    `profile` is the name of its instance profile; None leaves it unmanaged.
    """

    name: str
    private_ip: str
    image: str
    instance_type: str
    root_gib: int
    data_gib: tuple[int, ...] = ()
    profile: str | None = PROFILE

    @property
    def root_device(self) -> str:
        """The device name of the root disk, as the image has it."""
        return "/dev/xvda" if self.image.startswith("amazon") else "/dev/sda1"


_R2, _2012, _2008 = "windows-server-2012-r2", "windows-server-2012", "windows-server-2008-r2-sp1"

FLEET = (
    Machine("web-01", "10.10.1.11", _R2, "t2.large", 50),
    Machine("web-02", "10.10.1.12", _R2, "t2.large", 50),
    Machine("web-03", "10.10.1.13", _R2, "t2.large", 50, (20,)),
    Machine("app-01", "10.10.1.21", _2012, "m4.large", 60),
    Machine("app-02", "10.10.1.22", _2012, "m4.large", 60),
    Machine("legacy-01", "10.10.1.31", _2008, "m4.large", 40),
    Machine("legacy-02", "10.10.1.32", _2008, "m4.large", 40),
    Machine("db-01", "10.10.1.41", "rhel-6.7", "m4.xlarge", 30, (100,)),
    Machine("db-02", "10.10.1.42", "rhel-6.7", "m4.xlarge", 30, (100,)),
    # Graviton: an example of a machine that Site Recovery cannot migrate. It is not managed either.
    Machine("arm-01", "10.10.1.91", "amazon-linux-2-arm64", "t4g.medium", 30, profile=None),
)


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


def seed(ec2: EC2Client, iam: Any, begin: Callable[[str], None]) -> Seeded:
    """Create the estate.

    Args:
        ec2: a client of a fresh EC2.
        iam: a client of the same account's IAM, which has Amazon's managed policies.
        begin: called with a name before each thing that is created, so that the caller can let
            its id follow from that name and from nothing that was created before.
    """
    begin("vpc")
    vpc = ec2.create_vpc(CidrBlock=VPC_CIDR)["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "estate"}])
    subnets = {
        name: _subnet(ec2, begin, vpc, name, cidr)
        for name, cidr in (("machines", MACHINES_CIDR), ("migration", MIGRATION_CIDR))
    }
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
    machines = {one.name: _run(ec2, begin, one, subnets["machines"], group) for one in FLEET}
    begin("way out")
    _way_out(ec2, vpc)
    begin("profile")
    _profile(iam)
    for one in FLEET:
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


def _profile(iam: Any) -> None:
    """Create the profile that lets Systems Manager manage a machine."""
    iam.create_role(RoleName=PROFILE, AssumeRolePolicyDocument=json.dumps(_TRUST))
    iam.attach_role_policy(RoleName=PROFILE, PolicyArn=MANAGED_POLICY)
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
