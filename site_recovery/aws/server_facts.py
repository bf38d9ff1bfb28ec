"""What AWS says of the server that the machines replicate through, and of the image for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from site_recovery.aws.client import AWS_FAILURES, CLIENT_CONFIG, aws_problem
from site_recovery.fleet import ExperienceName
from site_recovery.problems import Problem
from site_recovery.server_names import SERVER_ROLES

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

ROLE_TAG = "site-recovery:role"
VAULT_TAG = "site-recovery:vault"
"""Tags of the server's instance, by which it is known to be there already."""

IMAGE_PARAMETERS: dict[ExperienceName, str] = {
    "classic": "/aws/service/ami-windows-latest/Windows_Server-2016-English-Full-Base",
    "modernized": "/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base",
}
"""Public SSM parameters that hold the id of the newest image ("Calling AMI public parameters",
Amazon EC2), of the newest Windows Server that each server supports."""

PERMISSIONS = (
    "ec2:DescribeInstances",
    "ec2:DescribeImages",
    "ec2:DescribeSubnets",
    "ssm:GetParameter",
)


@dataclass(frozen=True)
class ServerQuestion:
    """What is asked.

    Attributes:
        name: the server's `Name` tag.
        vault_id: the vault that it serves; None where that is not known.
        image_id: the image that the config names, if it does.
        subnet_id: where the server is put.
    """

    experience: ExperienceName
    vpc_id: str
    name: str
    vault_id: str | None
    image_id: str | None
    subnet_id: str


@dataclass(frozen=True)
class Subnet:
    """A subnet of a VPC; `cidr` is its IPv4 network."""

    vpc_id: str
    cidr: str


@dataclass(frozen=True)
class ServerFacts:
    """What AWS says.

    Attributes:
        image_id: the image for the server: the one asked for, else the one that the server was
            made from, else the newest public one.
        image_name: the name of the image that is asked for; None where no server has to be made
            or nothing of that id can be seen.
        image_seen: whether there is such an image. Not asked where a server is there.
        instance_type: of the server that is there; None without one.
        subnet: where it is put; None where there is no such subnet.
    """

    image_id: str
    subnet: Subnet | None
    image_name: str | None = None
    image_seen: bool = True
    instance_type: str | None = None


def server_facts(
    question: ServerQuestion, region: str, ec2: EC2Client | None = None
) -> tuple[ServerFacts | None, list[Problem]]:
    """Look for the server, and where there is none yet for the image to make it from.

    A server that is there keeps its image, so none is looked for: it may long be deregistered.

    Returns:
        The facts; where AWS cannot be asked, None and one problem that says so.
    """
    try:
        ec2 = ec2 or boto3.client("ec2", region_name=region, config=CLIENT_CONFIG)
        subnet = _subnet(ec2, question.subnet_id)
        server = _server(ec2, question)
        if server is not None:
            image_id = question.image_id or server["ImageId"]
            return ServerFacts(image_id, subnet, instance_type=server["InstanceType"]), []
        if question.image_id is None:
            return ServerFacts(_newest_image(question.experience, region), subnet), []
        images = _images(ec2, question.image_id)
    except AWS_FAILURES as error:
        return None, [aws_problem(error, "AWS", region, PERMISSIONS)]
    name = images[0].get("Name") if images else None
    return ServerFacts(question.image_id, subnet, name, image_seen=bool(images)), []


def _subnet(ec2: EC2Client, subnet_id: str) -> Subnet | None:
    # A filter leaves out what is not there instead of failing the call.
    found = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": [subnet_id]}])["Subnets"]
    return Subnet(found[0]["VpcId"], found[0]["CidrBlock"]) if found else None


def _server(ec2: EC2Client, question: ServerQuestion) -> Any | None:
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[
            {"Name": "vpc-id", "Values": [question.vpc_id]},
            {"Name": f"tag:{ROLE_TAG}", "Values": [SERVER_ROLES[question.experience]]},
            {"Name": "tag:Name", "Values": [question.name]},
            {
                "Name": "instance-state-name",
                "Values": ["pending", "running", "stopping", "stopped"],
            },
        ]
    )
    for page in pages:
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
                # Servers of other stacks may have the same name, each for a vault of its own. ARM
                # ids are not told apart by case.
                wanted = (question.vault_id or "").lower()
                if tags.get(VAULT_TAG, "").lower() == wanted:
                    return instance
    return None


def _images(ec2: EC2Client, image_id: str) -> list[Any]:
    try:
        return list(ec2.describe_images(ImageIds=[image_id])["Images"])
    except ClientError as error:
        if error.response["Error"]["Code"].startswith("InvalidAMIID"):
            return []
        raise


def _newest_image(experience: ExperienceName, region: str) -> str:
    ssm = boto3.client("ssm", region_name=region, config=CLIENT_CONFIG)
    return ssm.get_parameter(Name=IMAGE_PARAMETERS[experience])["Parameter"]["Value"]
