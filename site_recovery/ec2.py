"""The facts of machines, as EC2 tells them by instance id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)

from site_recovery import images
from site_recovery.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_PAGE = 100
"""Instance ids in one DescribeInstances filter; EC2 takes 200 values a filter."""


@dataclass(frozen=True)
class Disk:
    """A volume of a machine. `device` as EC2 names it; `size_gib` in GiB."""

    device: str
    size_gib: int
    volume_id: str


@dataclass(frozen=True)
class MachineFacts:
    """What EC2 says of one machine (DescribeInstances, DescribeImages, DescribeVolumes).

    Attributes:
        os: a key of the support matrix, or None where the image's name does not tell.
        platform: `windows` or `linux`.
        virtualization: `hvm` or `paravirtual`.
        disks: the boot disk first.
        state: the instance's state, such as `running` or `terminated`.
    """

    instance_id: str
    state: str
    private_ip: str | None
    platform: str
    os: str | None
    image_name: str | None
    architecture: str
    virtualization: str
    instance_type: str
    vpc_id: str | None
    subnet_id: str | None
    network_interface_id: str | None
    security_group_ids: tuple[str, ...]
    disks: tuple[Disk, ...]


def machine_facts(
    instance_ids: Mapping[str, str], region: str, client: EC2Client | None = None
) -> tuple[dict[str, MachineFacts], list[Problem]]:
    """Read the facts of machines.

    Args:
        instance_ids: instance id by machine name.
        region: the AWS region that the instances are in.
        client: an EC2 client; by default one from the environment (credentials, endpoint).

    Returns:
        The facts by machine name, and a problem for every machine that has none; where AWS
        cannot be asked at all, one problem says so.
    """
    try:
        ec2 = client or boto3.client(
            "ec2",
            region_name=region,
            config=Config(retries={"mode": "standard"}, connect_timeout=5, read_timeout=30),
        )
        instances = {
            instance["InstanceId"]: instance
            for instance in _instances(ec2, sorted(set(instance_ids.values())))
        }
        image_names = _image_names(ec2, {i["ImageId"] for i in instances.values()})
        volumes = _volumes(ec2, instances)
    except (NoCredentialsError, PartialCredentialsError) as error:
        return {}, [
            Problem(
                "AWS",
                f"no usable credentials ({error})",
                "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where "
                "an instance role gives them",
            )
        ]
    except EndpointConnectionError as error:
        return {}, [
            Problem(
                "AWS",
                f"EC2 does not answer ({error})",
                "Check the network and AWS_ENDPOINT_URL; for local clouds run `make up`",
            )
        ]
    except (ClientError, BotoCoreError) as error:
        return {}, [
            Problem(
                "AWS",
                f"EC2 in {region} refused: {error}",
                "Check that the credentials may call ec2:DescribeInstances, "
                "ec2:DescribeImages and ec2:DescribeVolumes in this region",
            )
        ]
    facts: dict[str, MachineFacts] = {}
    problems: list[Problem] = []
    for machine, instance_id in instance_ids.items():
        instance = instances.get(instance_id)
        if instance is None:
            problems.append(
                Problem(
                    f"machines.{machine}.instanceId",
                    f"there is no instance {instance_id} in {region}",
                    "Correct the id, or aws:region; to take the machine out of the migration "
                    "remove it from its wave too",
                )
            )
        else:
            facts[machine] = _facts(instance, image_names, volumes)
    return facts, problems


def _instances(ec2: EC2Client, ids: list[str]) -> Iterator[Any]:
    # A filter, unlike InstanceIds, leaves out what is not there instead of failing the call.
    paginator = ec2.get_paginator("describe_instances")
    for page_ids in _batches(ids):
        for page in paginator.paginate(Filters=[{"Name": "instance-id", "Values": page_ids}]):
            for reservation in page["Reservations"]:
                yield from reservation["Instances"]


def _image_names(ec2: EC2Client, ids: set[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for page_ids in _batches(sorted(ids)):
        images_page = ec2.describe_images(Filters=[{"Name": "image-id", "Values": page_ids}])
        names.update({i["ImageId"]: i.get("Name", "") for i in images_page["Images"]})
    return names


def _volumes(ec2: EC2Client, instances: Mapping[str, Any]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    paginator = ec2.get_paginator("describe_volumes")
    for page_ids in _batches(sorted(instances)):
        for page in paginator.paginate(
            Filters=[{"Name": "attachment.instance-id", "Values": page_ids}]
        ):
            sizes.update({volume["VolumeId"]: volume["Size"] for volume in page["Volumes"]})
    return sizes


def _facts(
    instance: Any, image_names: Mapping[str, str], volumes: Mapping[str, int]
) -> MachineFacts:
    image_name = image_names.get(instance["ImageId"])
    root = instance.get("RootDeviceName")
    mappings = [m for m in instance.get("BlockDeviceMappings", []) if "Ebs" in m]
    interfaces = sorted(
        instance.get("NetworkInterfaces", []),
        key=lambda interface: interface.get("Attachment", {}).get("DeviceIndex", 0),
    )
    return MachineFacts(
        instance_id=instance["InstanceId"],
        state=instance["State"]["Name"],
        private_ip=instance.get("PrivateIpAddress") or None,
        platform="windows" if instance.get("Platform", "").lower() == "windows" else "linux",
        os=images.operating_system(image_name) if image_name else None,
        image_name=image_name,
        architecture=instance.get("Architecture", "x86_64"),
        virtualization=instance.get("VirtualizationType", "hvm"),
        instance_type=instance.get("InstanceType", ""),
        vpc_id=instance.get("VpcId"),
        subnet_id=instance.get("SubnetId"),
        network_interface_id=interfaces[0]["NetworkInterfaceId"] if interfaces else None,
        security_group_ids=tuple(
            group["GroupId"] for interface in interfaces[:1] for group in interface["Groups"]
        ),
        disks=tuple(
            Disk(
                mapping["DeviceName"],
                volumes.get(mapping["Ebs"]["VolumeId"], 0),
                mapping["Ebs"]["VolumeId"],
            )
            for mapping in sorted(
                mappings, key=lambda m: (m["DeviceName"] != root, m["DeviceName"])
            )
        ),
    )


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(ids)
    while batch := list(islice(iterator, _PAGE)):
        yield batch
