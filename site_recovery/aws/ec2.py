"""The facts of machines in EC2, by instance id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from site_recovery import cutover_memory
from site_recovery.aws import disks, images, placement
from site_recovery.aws.client import AWS_FAILURES, aws_problem, connect
from site_recovery.aws.disks import Disk
from site_recovery.aws.inventory import Driver
from site_recovery.aws.placement import Placement
from site_recovery.aws.server_facts import ROLE_TAG
from site_recovery.batches import batches
from site_recovery.config_paths import path
from site_recovery.declared.disks import DiskOrder, DiskSpec, orders
from site_recovery.declared.interfaces import SourceInterface
from site_recovery.errors import MigrationError
from site_recovery.fleet import Firmware, Platform
from site_recovery.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef

PERMISSIONS = (
    "ec2:DescribeInstances",
    "ec2:DescribeImages",
    "ec2:DescribeVolumes",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeSubnets",
)
"""The IAM actions for reading the facts; none of them can be limited to single resources."""

_PAGE = 100
"""How many ids are in one filter; EC2 accepts 200."""
_LONG_PAGE = 1000
"""The most instances in a page (DescribeInstances, MaxResults)."""
_VOLUMES_PAGE = 500
"""The most volumes in a page that EC2 always returns (DescribeVolumes, MaxResults)."""
_FIRMWARE: Mapping[str, Firmware] = {"legacy-bios": "BIOS", "uefi": "UEFI"}
"""What a machine boots from, by `CurrentInstanceBootMode` of DescribeInstances."""
_THERE = ["pending", "running", "stopping", "stopped"]
"""The states of an instance that is not terminated."""


_SCALING_GROUP_TAG = "aws:autoscaling:groupName"
"""The tag that an Auto Scaling group puts on its instances, and takes away if one is detached."""


@dataclass(frozen=True)
class _Type:
    """An instance type; memory in MiB."""

    vcpus: int | None = None
    memory_mib: int | None = None
    instance_store: tuple[int, ...] = ()


@dataclass(frozen=True)
class MachineFacts:
    """The facts of one machine from EC2, and from Systems Manager if it was read.

    Operations DescribeInstances, DescribeImages, DescribeVolumes, DescribeInstanceTypes,
    DescribeSubnets.

    Attributes:
        os: the key of the operating system in the support matrix, or None if the name of the
            image does not say.
        platform: `windows` or `linux`.
        virtualization: `hvm` or `paravirtual`.
        disks: the boot disk first.
        state: the instance's state, such as `running` or `terminated`.
        security_group_names: of the groups of its first interface, in the order of their ids.
        firmware: what it boots from; None if EC2 does not say it.
        vcpus: None for a type that EC2 does not describe.
        memory_mib: in MiB; None for a type that EC2 does not describe.
        instance_profile_arn: its instance profile, or None.
        drivers: the paravirtual drivers in the inventory of Systems Manager; EC2 does not know
            them.
        reported_os: the key of the operating system that the SSM agent reports, if it was asked.
        scaling_group: the Auto Scaling group that it is in, or None.
        market: `spot`, `scheduled` or `capacity-block`; None for an instance that is kept until its
            owner ends it.
        cut_over: whether a cutover of it began, which stops it and is not over.
        migrated_at: when its migration was seen to be complete; None before that.
        placement: where it runs, and whose subnet that is.
        tags: all its tags.
        interfaces: its network interfaces, the first one first.
        server_role: what it does for Site Recovery, if it is a server of a stack; else None.
    """

    instance_id: str
    state: str
    private_ip: str | None
    platform: Platform
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
    security_group_names: tuple[str, ...] = ()
    vcpus: int | None = None
    memory_mib: int | None = None
    firmware: Firmware | None = None
    instance_profile_arn: str | None = None
    drivers: tuple[Driver, ...] = ()
    server_role: str | None = None
    reported_os: str | None = None
    scaling_group: str | None = None
    market: str | None = None
    cut_over: bool = False
    migrated_at: datetime | None = None
    placement: Placement = field(default_factory=Placement)
    tags: Mapping[str, str] = field(default_factory=dict)
    interfaces: tuple[SourceInterface, ...] = ()

    @property
    def volumes(self) -> tuple[str, ...]:
        """The ids of its volumes; a disk of an instance store has none."""
        return tuple(disk.volume_id for disk in self.disks if not disk.instance_store)

    def disk_orders(self, specs: Mapping[str, DiskSpec]) -> list[DiskOrder]:
        """What is declared of each of its disks, by the keys of the config."""
        return orders(
            [disk.size_gib for disk in self.disks],
            [
                next((spec for key, spec in specs.items() if disk.is_named(key)), None)
                for disk in self.disks
            ],
        )


@dataclass(frozen=True)
class TaggedInstance:
    """An instance that was searched for by tags, with all of its tags."""

    instance_id: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class TaggedMachine:
    """A machine with its tags."""

    facts: MachineFacts
    tags: Mapping[str, str]


def every_machine(
    region: str, client: EC2Client | None = None
) -> tuple[list[TaggedMachine], list[Problem]]:
    """Read every instance of a region that is not terminated, sorted by id.

    Servers of Site Recovery are left out, because they do not migrate. The reads are paged by the
    thousand, so that an account of thousands of machines takes tens of requests.

    Args:
        region: the AWS region.
        client: an EC2 client; by default one from the environment (credentials, endpoint).

    Returns:
        The machines; if AWS did not answer, none and one problem that says so.
    """
    try:
        ec2 = client or _client(region)
        with ThreadPoolExecutor(1) as beside:
            attached = beside.submit(_every_volume, ec2)
            instances = [
                instance
                for page in ec2.get_paginator("describe_instances").paginate(
                    Filters=[{"Name": "instance-state-name", "Values": _THERE}],
                    PaginationConfig={"PageSize": _LONG_PAGE},
                )
                for reservation in page["Reservations"]
                for instance in reservation["Instances"]
            ]
            image_names = _image_names(ec2, {i["ImageId"] for i in instances})
            types = _types(ec2, {i.get("InstanceType", "") for i in instances})
            volumes = attached.result()
        owners = placement.owners(ec2, instances)
    except AWS_FAILURES as error:
        return [], [aws_problem(error, "EC2", region, PERMISSIONS)]
    machines = [
        TaggedMachine(
            _facts(instance, image_names, volumes, types, owners),
            {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])},
        )
        for instance in sorted(instances, key=lambda instance: str(instance["InstanceId"]))
    ]
    return [machine for machine in machines if ROLE_TAG not in machine.tags], []


def machine_facts(
    instance_ids: Mapping[str, str], region: str, client: EC2Client | None = None
) -> tuple[dict[str, MachineFacts], list[Problem]]:
    """Read the facts of machines.

    Args:
        instance_ids: instance id by machine name.
        region: the AWS region that the instances are in.
        client: an EC2 client; by default one from the environment (credentials, endpoint).

    Returns:
        The facts by machine name, and a problem for every machine without an instance; if AWS did
        not answer, only one problem that says so.
    """
    try:
        ec2 = client or _client(region)
        instances = {
            instance["InstanceId"]: instance
            for instance in _instances(ec2, sorted(set(instance_ids.values())))
        }
        image_names = _image_names(ec2, {i["ImageId"] for i in instances.values()})
        volumes = _volumes(ec2, instances)
        types = _types(ec2, {i.get("InstanceType", "") for i in instances.values()})
        owners = placement.owners(ec2, instances.values())
    except AWS_FAILURES as error:
        return {}, [aws_problem(error, "EC2", region, PERMISSIONS)]
    facts: dict[str, MachineFacts] = {}
    problems: list[Problem] = []
    for machine, instance_id in instance_ids.items():
        instance = instances.get(instance_id)
        if instance is None:
            problems.append(
                Problem(
                    path("machines", machine, "instanceId"),
                    f"there is no instance {instance_id} in {region}",
                    "Correct the id, or aws:region; to take the machine out of the migration "
                    "remove it from its wave too",
                )
            )
        else:
            facts[machine] = _facts(instance, image_names, volumes, types, owners)
    return facts, problems


def instance_states(
    instance_ids: Iterable[str], region: str, client: EC2Client | None = None
) -> dict[str, str]:
    """The state of each instance by its id; `terminated` also if EC2 does not know it any more.

    Args:
        instance_ids: the instances.
        region: the AWS region that they are in.
        client: an EC2 client; by default one from the environment (credentials, endpoint).

    Raises:
        MigrationError: AWS did not answer, or refused.
    """
    ids = sorted(set(instance_ids))
    states = dict.fromkeys(ids, "terminated")
    if not ids:
        return states
    try:
        for instance in _instances(client or _client(region), ids):
            states[instance["InstanceId"]] = instance["State"]["Name"]
    except AWS_FAILURES as error:
        raise MigrationError(str(aws_problem(error, "EC2", region, PERMISSIONS[:1]))) from error
    return states


def tagged_instances(
    vpc_id: str, tags: Mapping[str, str], region: str, client: EC2Client | None = None
) -> tuple[list[TaggedInstance], list[Problem]]:
    """The instances of a VPC that have all given tags and are not terminated, sorted by id.

    Servers of Site Recovery are left out, because they do not migrate.

    Args:
        vpc_id: the VPC.
        tags: values by key. `*` and `?` in a value are wildcards of EC2.
        region: the AWS region of the VPC.
        client: an EC2 client; by default one from the environment (credentials, endpoint).

    Returns:
        The instances; if AWS did not answer, none and one problem that says so.
    """
    filters: list[FilterTypeDef] = [
        {"Name": "vpc-id", "Values": [vpc_id]},
        {
            "Name": "instance-state-name",
            "Values": _THERE,
        },
    ]
    filters += [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
    try:
        ec2 = client or _client(region)
        found = [
            (instance["InstanceId"], {t["Key"]: t["Value"] for t in instance.get("Tags", [])})
            for page in ec2.get_paginator("describe_instances").paginate(Filters=filters)
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        ]
    except AWS_FAILURES as error:
        return [], [aws_problem(error, "EC2", region, PERMISSIONS[:1])]
    return [
        TaggedInstance(instance_id, its)
        for instance_id, its in sorted(found)
        if ROLE_TAG not in its
    ], []


def _client(region: str) -> EC2Client:
    return connect("ec2", region)


def _instances(ec2: EC2Client, ids: list[str]) -> Iterator[Any]:
    # With InstanceIds the call would fail for one that does not exist; with a filter it does not.
    paginator = ec2.get_paginator("describe_instances")
    for page_ids in batches(ids, _PAGE):
        for page in paginator.paginate(Filters=[{"Name": "instance-id", "Values": page_ids}]):
            for reservation in page["Reservations"]:
                yield from reservation["Instances"]


def _image_names(ec2: EC2Client, ids: set[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for page_ids in batches(sorted(ids), _PAGE):
        images_page = ec2.describe_images(Filters=[{"Name": "image-id", "Values": page_ids}])
        names.update({i["ImageId"]: i.get("Name", "") for i in images_page["Images"]})
    return names


def _every_volume(ec2: EC2Client) -> dict[str, Any]:
    """All volumes that are attached, by id (DescribeVolumes)."""
    return {
        volume["VolumeId"]: volume
        for page in ec2.get_paginator("describe_volumes").paginate(
            Filters=[{"Name": "attachment.status", "Values": ["attached"]}],
            PaginationConfig={"PageSize": _VOLUMES_PAGE},
        )
        for volume in page["Volumes"]
    }


def _volumes(ec2: EC2Client, instances: Mapping[str, Any]) -> dict[str, Any]:
    """The volumes of instances by id (DescribeVolumes)."""
    volumes: dict[str, Any] = {}
    paginator = ec2.get_paginator("describe_volumes")
    for page_ids in batches(sorted(instances), _PAGE):
        for page in paginator.paginate(
            Filters=[{"Name": "attachment.instance-id", "Values": page_ids}]
        ):
            volumes.update({volume["VolumeId"]: volume for volume in page["Volumes"]})
    return volumes


def _types(ec2: EC2Client, names: set[str]) -> dict[str, _Type]:
    """What EC2 says of instance types, by name."""
    types: dict[str, _Type] = {}
    paginator = ec2.get_paginator("describe_instance_types")
    # With a filter the call does not fail for a type that is not offered in this region.
    for page_names in batches(sorted(names), _PAGE):
        for page in paginator.paginate(Filters=[{"Name": "instance-type", "Values": page_names}]):
            types.update(
                {
                    described["InstanceType"]: _Type(
                        described["VCpuInfo"]["DefaultVCpus"],
                        described["MemoryInfo"]["SizeInMiB"],
                        disks.instance_store(described),
                    )
                    for described in page["InstanceTypes"]
                }
            )
    return types


def _facts(
    instance: Any,
    image_names: Mapping[str, str],
    volumes: Mapping[str, Any],
    types: Mapping[str, _Type],
    owners: Mapping[str, str],
) -> MachineFacts:
    image_name = image_names.get(instance["ImageId"])
    interfaces = sorted(
        instance.get("NetworkInterfaces", []),
        key=lambda interface: interface.get("Attachment", {}).get("DeviceIndex", 0),
    )
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    groups = [group for interface in interfaces[:1] for group in interface["Groups"]]
    kind = types.get(instance.get("InstanceType", ""), _Type())
    return MachineFacts(
        instance_profile_arn=(instance.get("IamInstanceProfile") or {}).get("Arn"),
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
        security_group_ids=tuple(group["GroupId"] for group in groups),
        disks=disks.of(instance, volumes, kind.instance_store),
        security_group_names=tuple(group.get("GroupName", "") for group in groups),
        vcpus=kind.vcpus,
        memory_mib=kind.memory_mib,
        # What it runs with now; its image may leave the choice to the instance type.
        firmware=_FIRMWARE.get(instance.get("CurrentInstanceBootMode", "")),
        server_role=tags.get(ROLE_TAG),
        scaling_group=tags.get(_SCALING_GROUP_TAG),
        market=instance.get("InstanceLifecycle") or None,
        cut_over=cutover_memory.BEGAN in tags,
        migrated_at=cutover_memory.Memory.read(tags).migrated_at,
        placement=placement.of(instance, owners),
        tags=tags,
        interfaces=tuple(map(_interface, interfaces)),
    )


def _interface(described: Any) -> SourceInterface:
    return SourceInterface.model_validate(
        {
            "index": described.get("Attachment", {}).get("DeviceIndex", 0),
            "id": described["NetworkInterfaceId"],
            "mac": described.get("MacAddress", ""),
            "address": described.get("PrivateIpAddress", ""),
        }
    )
