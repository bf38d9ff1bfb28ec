"""A region of an account, made from a seed: networks, instances with their volumes, and what manages them.

Everything is as botocore returns it. An instance has the fields that EC2 gives for any instance, because what a
client computes depends on how much it reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

Item = dict[str, Any]

_LAUNCHED = datetime(2024, 3, 1, tzinfo=UTC)
_A_VPC = 180
"""How many machines a VPC has on average; some have more than a stack takes."""
_APPLICATIONS = ("shop", "billing", "search", "crm", "reports", "identity", "mail", "tickets")
_ROLES = ("web", "app", "db", "cache", "batch", "queue")
_ENVIRONMENTS = ("prod", "prod", "prod", "staging", "test", "dev")
_SYSTEMS = (
    (
        "Windows_Server-2019-English-Full-Base-2024.01.16",
        "Microsoft Windows Server 2019 Datacenter",
    ),
    (
        "Windows_Server-2022-English-Full-Base-2024.01.16",
        "Microsoft Windows Server 2022 Datacenter",
    ),
    ("ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20240126", "Ubuntu"),
    ("RHEL-8.8.0_HVM-20230623-x86_64-3-Hourly2-GP2", "Red Hat Enterprise Linux"),
    ("suse-sles-15-sp5-v20240129-hvm-ssd-x86_64", "SLES"),
    ("amzn2-ami-kernel-5.10-hvm-2.0.20240131.0-x86_64-gp2", "Amazon Linux"),
    ("our-own-image-2023-11", "Ubuntu"),
)
"""The names of images, and what their agents report."""
_VERSIONS = ("10.0.17763", "10.0.20348", "22.04", "8.8", "15.5", "2", "20.04")
_TYPES = {
    "t3.medium": (2, 4096),
    "m5.large": (2, 8192),
    "m5.2xlarge": (8, 32768),
    "r5.4xlarge": (16, 131072),
    "c5.xlarge": (4, 8192),
    "m6g.large": (2, 8192),
}
_ARM = ("m6g.large",)
_INTEL = tuple(name for name in _TYPES if name not in _ARM)


@dataclass
class Region:
    """What a region of an account lists, by id where others name it."""

    account: str
    name: str
    vpcs: list[Item] = field(default_factory=list)
    subnets: list[Item] = field(default_factory=list)
    images: list[Item] = field(default_factory=list)
    types: list[Item] = field(default_factory=list)
    instances: list[Item] = field(default_factory=list)
    volumes: list[Item] = field(default_factory=list)
    managed: list[Item] = field(default_factory=list)
    written: dict[str, list[float]] = field(default_factory=dict)
    """Bytes that were written to volumes on each of the last days."""


def made(account: str, name: str, machines: int, seed: int = 1) -> Region:
    """A region with that many machines. The same arguments give the same region."""
    random = Random(f"{seed} {account} {name}")
    region = Region(account, name)
    region.images = [_image(number) for number in range(len(_SYSTEMS))]
    region.types = [_type(each) for each in _TYPES]
    for number in range(-(-machines // _A_VPC)):
        vpc = _id(random, "vpc")
        tag = f"{random.choice(_APPLICATIONS)}-{number}"
        region.vpcs.append(_tagged({"VpcId": vpc, "CidrBlock": f"10.{number}.0.0/16"}, Name=tag))
        region.subnets += [
            {"SubnetId": _id(random, "subnet"), "VpcId": vpc, "OwnerId": account} for _ in range(3)
        ]
    for number in range(machines):
        _add_machine(region, random, number)
    return region


def _add_machine(region: Region, random: Random, number: int) -> None:
    # Unevenly: the first networks are larger than the last.
    at = min(random.randrange(len(region.vpcs)) for _ in range(2))
    subnet = random.choice(region.subnets[3 * at : 3 * at + 3])
    system = random.randrange(len(_SYSTEMS))
    kind = random.choice(_INTEL if random.random() > 0.03 else _ARM)
    running = random.random() > 0.07
    instance = _id(random, "i")
    volumes = [_id(random, "vol") for _ in range(random.choice((1, 1, 2, 3)))]
    region.instances.append(
        _instance(region, random, instance, number, subnet, system, kind, running, volumes)
    )
    for count, volume in enumerate(volumes):
        region.volumes.append(
            _volume(volume, instance, _device(count), random.choice((50, 100, 500)))
        )
        if running:
            region.written[volume] = [random.random() * 4e9 for _ in range(14)]
    if running and random.random() > 0.08:
        region.managed.append(_managed(instance, system, random.random() > 0.02))


def _instance(
    region: Region,
    random: Random,
    instance: str,
    number: int,
    subnet: Item,
    system: int,
    kind: str,
    running: bool,
    volumes: list[str],
) -> Item:
    address = f"10.{random.randrange(200)}.{number // 250 % 250}.{number % 250 + 4}"
    name = f"{address.replace('.', '-')}.{region.name}.compute.internal"
    role, application = random.choice(_ROLES), random.choice(_APPLICATIONS)
    group = {"GroupId": _id(random, "sg"), "GroupName": f"{application}-{role}"}
    interface = _id(random, "eni")
    described = {
        "AmiLaunchIndex": 0,
        "ImageId": region.images[system]["ImageId"],
        "InstanceId": instance,
        "InstanceType": kind,
        "KeyName": "operations",
        "LaunchTime": _LAUNCHED,
        "Monitoring": {"State": "disabled"},
        "Placement": {"AvailabilityZone": f"{region.name}a", "GroupName": "", "Tenancy": "default"},
        "PrivateDnsName": name,
        "PrivateIpAddress": address,
        "ProductCodes": [],
        "PublicDnsName": "",
        "State": {"Code": 16, "Name": "running"} if running else {"Code": 80, "Name": "stopped"},
        "StateTransitionReason": "" if running else "User initiated",
        "SubnetId": subnet["SubnetId"],
        "VpcId": subnet["VpcId"],
        "Architecture": "arm64" if kind in _ARM else "x86_64",
        "BlockDeviceMappings": [
            {
                "DeviceName": _device(count),
                "Ebs": {
                    "AttachTime": _LAUNCHED,
                    "DeleteOnTermination": count == 0,
                    "Status": "attached",
                    "VolumeId": volume,
                },
            }
            for count, volume in enumerate(volumes)
        ],
        "ClientToken": f"{random.getrandbits(128):032x}",
        "EbsOptimized": True,
        "EnaSupport": True,
        "Hypervisor": "xen",
        "IamInstanceProfile": {
            "Arn": f"arn:aws:iam::{region.account}:instance-profile/{application}",
            "Id": f"AIPA{random.getrandbits(64):016X}",
        },
        "NetworkInterfaces": [_interface(region, subnet, interface, address, name, group)],
        "RootDeviceName": _device(0),
        "RootDeviceType": "ebs",
        "SecurityGroups": [group],
        "SourceDestCheck": True,
        "VirtualizationType": "hvm",
        "CpuOptions": {"CoreCount": 1, "ThreadsPerCore": 2},
        "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
        "HibernationOptions": {"Configured": False},
        "MetadataOptions": {
            "State": "applied",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 2,
            "HttpEndpoint": "enabled",
            "HttpProtocolIpv6": "disabled",
            "InstanceMetadataTags": "disabled",
        },
        "EnclaveOptions": {"Enabled": False},
        "PlatformDetails": "Windows" if system < 2 else "Linux/UNIX",
        "UsageOperation": "RunInstances:0002" if system < 2 else "RunInstances",
        "UsageOperationUpdateTime": _LAUNCHED,
        "PrivateDnsNameOptions": {
            "HostnameType": "ip-name",
            "EnableResourceNameDnsARecord": False,
            "EnableResourceNameDnsAAAARecord": False,
        },
        "MaintenanceOptions": {"AutoRecovery": "default"},
        "CurrentInstanceBootMode": "legacy-bios",
    }
    if system < 2:
        described["Platform"] = "windows"
    return _tagged(
        described,
        Name=f"{application}-{role}-{number:04}",
        Application=application,
        Environment=random.choice(_ENVIRONMENTS),
        Owner=f"team-{application}",
    )


def _interface(
    region: Region, subnet: Item, interface: str, address: str, name: str, group: Item
) -> Item:
    return {
        "Attachment": {
            "AttachTime": _LAUNCHED,
            "AttachmentId": interface.replace("eni", "eni-attach"),
            "DeleteOnTermination": True,
            "DeviceIndex": 0,
            "Status": "attached",
            "NetworkCardIndex": 0,
        },
        "Description": "",
        "Groups": [group],
        "Ipv6Addresses": [],
        "MacAddress": "06:" + ":".join(interface[-10:][n : n + 2] for n in range(0, 10, 2)),
        "NetworkInterfaceId": interface,
        "OwnerId": region.account,
        "PrivateDnsName": name,
        "PrivateIpAddress": address,
        "PrivateIpAddresses": [
            {"Primary": True, "PrivateDnsName": name, "PrivateIpAddress": address}
        ],
        "SourceDestCheck": True,
        "Status": "in-use",
        "SubnetId": subnet["SubnetId"],
        "VpcId": subnet["VpcId"],
        "InterfaceType": "interface",
    }


def _volume(volume: str, instance: str, device: str, size: int) -> Item:
    return {
        "AvailabilityZoneId": "euw1-az1",
        "VolumeId": volume,
        "Size": size,
        "SnapshotId": "",
        "AvailabilityZone": "eu-west-1a",
        "State": "in-use",
        "CreateTime": _LAUNCHED,
        "Attachments": [
            {
                "DeleteOnTermination": True,
                "VolumeId": volume,
                "InstanceId": instance,
                "Device": device,
                "State": "attached",
                "AttachTime": _LAUNCHED,
            }
        ],
        "Encrypted": True,
        "KmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/1a2b3c4d-0000-4000-8000-1a2b3c4d5e6f",
        "Iops": 3000,
        "Throughput": 125,
        "VolumeType": "gp3",
        "MultiAttachEnabled": False,
    }


def _managed(instance: str, system: int, online: bool) -> Item:
    windows = system < 2
    return {
        "InstanceId": instance,
        "PingStatus": "Online" if online else "ConnectionLost",
        "LastPingDateTime": _LAUNCHED,
        "AgentVersion": "3.2.2086.0",
        "IsLatestVersion": False,
        "PlatformType": "Windows" if windows else "Linux",
        "PlatformName": _SYSTEMS[system][1],
        "PlatformVersion": _VERSIONS[system],
        "ResourceType": "EC2Instance",
        "IPAddress": "10.0.0.4",
        "ComputerName": f"{instance}.internal",
        "AssociationStatus": "Success",
        "LastAssociationExecutionDate": _LAUNCHED,
        "LastSuccessfulAssociationExecutionDate": _LAUNCHED,
        "AssociationOverview": {
            "DetailedStatus": "Success",
            "InstanceAssociationStatusAggregatedCount": {"Success": 2},
        },
        "SourceType": "AWS::EC2::Instance",
    }


def _image(number: int) -> Item:
    return {
        "ImageId": f"ami-{number:017x}",
        "Name": _SYSTEMS[number][0],
        "Architecture": "x86_64",
        "State": "available",
        "RootDeviceType": "ebs",
        "VirtualizationType": "hvm",
    }


def _type(name: str) -> Item:
    vcpus, memory = _TYPES[name]
    return {
        "InstanceType": name,
        "CurrentGeneration": True,
        "InstanceStorageSupported": False,
        "VCpuInfo": {"DefaultVCpus": vcpus, "DefaultCores": vcpus // 2},
        "MemoryInfo": {"SizeInMiB": memory},
    }


def _device(number: int) -> str:
    return "/dev/sda1" if number == 0 else f"/dev/sd{'fghijk'[number - 1]}"


def _id(random: Random, kind: str) -> str:
    return f"{kind}-{random.getrandbits(68):017x}"


def _tagged(item: Item, **tags: str) -> Item:
    return {**item, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
