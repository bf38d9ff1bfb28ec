"""The server through which the machines replicate, and its image, in EC2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from site_recovery.aws.client import AWS_FAILURES, aws_problem, connect
from site_recovery.errors import MigrationError
from site_recovery.fleet import ExperienceName
from site_recovery.problems import Problem
from site_recovery.server_names import SERVER_ROLES

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef, InstanceTypeDef

ROLE_TAG = "site-recovery:role"
VAULT_TAG = "site-recovery:vault"
"""The tags by which an existing instance of the server is found."""

_LIVE = ["pending", "running", "stopping", "stopped"]
"""The states of an instance that exists."""

IMAGE_PARAMETERS: dict[ExperienceName, str] = {
    "classic": "/aws/service/ami-windows-latest/Windows_Server-2016-English-Full-Base",
    "modernized": "/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base",
}
"""Public SSM parameters with the id of the newest image of the newest Windows Server that each server
supports ("Calling AMI public parameters", Amazon EC2)."""

PERMISSIONS = (
    "ec2:DescribeInstances",
    "ec2:DescribeImages",
    "ec2:DescribeSubnets",
    "ec2:DescribeInstanceTypes",
    "ssm:GetParameter",
)


@dataclass(frozen=True)
class ServerQuestion:
    """What identifies the server, and where it will be.

    Attributes:
        name: its `Name` tag.
        vault_id: its vault; None if that is not known.
        image_id: its image in the config, or None.
        subnet_id: its subnet in the config.
        instance_type: its type in the config, or None.
    """

    experience: ExperienceName
    vpc_id: str
    name: str
    vault_id: str | None
    image_id: str | None
    subnet_id: str
    instance_type: str | None = None


@dataclass(frozen=True)
class Subnet:
    """A subnet of a VPC; `cidr` is its IPv4 network."""

    vpc_id: str
    cidr: str


@dataclass(frozen=True)
class InstanceType:
    """An EC2 instance type; memory in MiB, architectures such as `x86_64`."""

    vcpus: int
    memory_mib: int
    architectures: tuple[str, ...]


@dataclass(frozen=True)
class ServerFacts:
    """The facts of the server from AWS.

    Attributes:
        image_id: the image of the config, else that of the existing server, else the newest public
            one.
        image_name: the name of the image of the config; None if a server exists, or the image is
            not visible.
        image_seen: whether the image is visible. It is not read if a server exists.
        instance_type: that of the existing server, or None.
        subnet: its subnet; None if it does not exist.
        declared_type: the instance type of the config; None if it is not offered in the region.
    """

    image_id: str
    subnet: Subnet | None
    image_name: str | None = None
    image_seen: bool = True
    instance_type: str | None = None
    declared_type: InstanceType | None = None


def server_facts(
    question: ServerQuestion, region: str, ec2: EC2Client | None = None
) -> tuple[ServerFacts | None, list[Problem]]:
    """Find the server and, if there is none, the image to create it from.

    An existing server keeps its image, which may be deregistered by now; so it is not read.

    Returns:
        The facts; if AWS did not answer, None and one problem that says so.
    """
    try:
        ec2 = ec2 or connect("ec2", region)
        subnet = _subnet(ec2, question.subnet_id)
        described = _instance_type(ec2, question.instance_type)
        server = _server(ec2, question)
        if server is not None:
            image_id = question.image_id or server["ImageId"]
            return ServerFacts(
                image_id, subnet, instance_type=server["InstanceType"], declared_type=described
            ), []
        if question.image_id is None:
            return ServerFacts(
                _newest_image(question.experience, region), subnet, declared_type=described
            ), []
        images = _images(ec2, question.image_id)
    except AWS_FAILURES as error:
        return None, [aws_problem(error, "AWS", region, PERMISSIONS)]
    name = images[0].get("Name") if images else None
    return ServerFacts(
        question.image_id, subnet, name, image_seen=bool(images), declared_type=described
    ), []


def _subnet(ec2: EC2Client, subnet_id: str) -> Subnet | None:
    # With a filter the call does not fail for a subnet that does not exist.
    found = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": [subnet_id]}])["Subnets"]
    return Subnet(found[0]["VpcId"], found[0]["CidrBlock"]) if found else None


def _instance_type(ec2: EC2Client, name: str | None) -> InstanceType | None:
    if name is None:
        return None
    # With a filter the call does not fail for a type that is not offered.
    found = ec2.describe_instance_types(Filters=[{"Name": "instance-type", "Values": [name]}])
    for described in found["InstanceTypes"]:
        if described["InstanceType"] == name:
            return InstanceType(
                described["VCpuInfo"]["DefaultVCpus"],
                described["MemoryInfo"]["SizeInMiB"],
                tuple(described["ProcessorInfo"]["SupportedArchitectures"]),
            )
    return None


def live_servers(
    role: str, vault_id: str, region: str, ec2: EC2Client | None = None
) -> dict[str, str]:
    """All instances that carry the tags of a vault's server: by their ids, their private addresses.

    Args:
        role: the value of `ROLE_TAG`.
        vault_id: the ARM id of the vault, in any casing.
        region: the AWS region.
        ec2: a client of EC2.

    Raises:
        MigrationError: AWS did not answer, or refused.
    """
    try:
        ec2 = ec2 or connect("ec2", region)
        servers = tagged_servers(ec2, role, vault_id)
        return {found["InstanceId"]: found.get("PrivateIpAddress", "") for found in servers}
    except AWS_FAILURES as error:
        raise MigrationError(str(aws_problem(error, "EC2", region, PERMISSIONS[:1]))) from error


def tagged_servers(
    ec2: EC2Client, role: str, vault_id: str, *more: FilterTypeDef
) -> Iterator[InstanceTypeDef]:
    """The instances that carry the tags of a vault's server (DescribeInstances).

    Args:
        ec2: a client of EC2.
        role: the value of `ROLE_TAG`.
        vault_id: the ARM id of the vault, in any casing; empty for servers without one.
        more: more filters.
    """
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[
            {"Name": f"tag:{ROLE_TAG}", "Values": [role]},
            {"Name": "instance-state-name", "Values": _LIVE},
            *more,
        ]
    )
    for page in pages:
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
                # Servers of other stacks may have the same name, but another vault. ARM ids are
                # case-insensitive.
                if tags.get(VAULT_TAG, "").lower() == vault_id.lower():
                    yield instance


def _server(ec2: EC2Client, question: ServerQuestion) -> InstanceTypeDef | None:
    found = tagged_servers(
        ec2,
        SERVER_ROLES[question.experience],
        question.vault_id or "",
        {"Name": "vpc-id", "Values": [question.vpc_id]},
        {"Name": "tag:Name", "Values": [question.name]},
    )
    return next(found, None)


def _images(ec2: EC2Client, image_id: str) -> list[Any]:
    try:
        return list(ec2.describe_images(ImageIds=[image_id])["Images"])
    except ClientError as error:
        if error.response["Error"]["Code"].startswith("InvalidAMIID"):
            return []
        raise


def _newest_image(experience: ExperienceName, region: str) -> str:
    ssm = connect("ssm", region)
    return ssm.get_parameter(Name=IMAGE_PARAMETERS[experience])["Parameter"]["Value"]
