"""The estate as AWS describes it over its API."""

from __future__ import annotations

import base64
import json
import logging
import time
import urllib.request
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from emulator.aws.access.control import OWN_KEY
from emulator.aws.network import (
    describe,
    describe_groups,
    describe_instances,
    describe_network,
    interfaces_of,
)
from emulator.estate import operating_systems
from emulator.estate.machines import Assignment, Change, Disk, Instance, ReportStatus
from emulator.estate.network import Network
from emulator.estate.security_groups import INTERNET
from emulator.guests.instance_roles import InstanceRoles
from emulator.guests.systems_manager import SystemsManager

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client

_log = logging.getLogger(__name__)
_FRESH_SECONDS = 0.5
_TIMEOUT_SECONDS = 5
_FEW_VOLUMES = 100


@dataclass(frozen=True)
class _Region:
    """What EC2 has at one moment.

    Attributes:
        described: EC2's descriptions of them by their ids.
        changes: what the local AWS said of its changes before; None if it does not count them.
    """

    instances: list[Instance] = field(default_factory=list)
    network: Network = field(default_factory=Network)
    described: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    changes: tuple[str, int] | None = None


@dataclass(frozen=True)
class Address:
    """Where an emulator of Azure answers: its URL, and the PEM file of its authority, if any."""

    endpoint: str
    authority: str | None = None


@dataclass(frozen=True)
class _View:
    """The estate at one moment."""

    instances: list[Instance] = field(default_factory=list)
    network: Network = field(default_factory=Network)
    assignments: dict[str, list[Assignment]] = field(default_factory=dict)


class Ec2Estate:
    """An estate read from an AWS endpoint, at most twice a second.

    EC2 is read again only when something has changed in it: describing two hundred instances takes
    longer than half a second. While AWS does not answer, the estate stays as it was. User data is
    read once while an instance runs, because it can be changed only while the instance is stopped.

    With an address, the emulator there joins the local AWS. From then on it hears of every change of
    a machine or of the network before the caller of EC2 gets the answer, by `changed`, and reads
    only what has changed.

    Args:
        endpoint: the endpoint's URL; requests are signed with the emulator's own access key.
        region: the AWS region.
        real: a monotonic source of real seconds.
        address: of the emulator that reads it.
    """

    def __init__(
        self,
        endpoint: str,
        region: str,
        real: Callable[[], float] = time.monotonic,
        address: Address | None = None,
    ) -> None:
        @cache
        def client(service: str) -> Any:
            connect: Any = boto3.client  # its types know the services' names only as literals
            return connect(
                service,
                endpoint_url=endpoint,
                region_name=region,
                aws_access_key_id=OWN_KEY,
                aws_secret_access_key=OWN_KEY,  # moto asks for any
                config=Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 1}),
            )

        self._ec2: EC2Client = client("ec2")
        self._endpoint = endpoint
        self._region = _Region()
        self._roles = InstanceRoles(client)
        self._systems_manager = SystemsManager(client, endpoint)
        self._real = real
        self._address = address
        self._images: dict[str, str] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._user_data: dict[str, str | None] = {}
        self._view = _View()
        self._managed: tuple[_View, frozenset[str]] | None = None
        self._seen_at: float | None = None
        self._due = True

    def look(self) -> None:
        """Read EC2 again with the next question, unless it was read less than half a second
        ago."""
        self._due = self._seen_at is None or self._real() - self._seen_at >= _FRESH_SECONDS

    def expire(self) -> None:
        """Make the next `look` read EC2 again, even within half a second."""
        self._seen_at = None

    def changed(self, change: Change) -> None:
        """Read what has changed, and that alone if nothing else has changed unheard."""
        run, number = self._region.changes or ("", -1)
        if run == change.run and number >= change.number:
            return
        try:
            if (run, number) == (change.run, change.number - 1):
                self._region = self._read_part(self._region, change)
            else:
                self._region = self._read((change.run, change.number))
        except (BotoCoreError, ClientError) as error:
            _log.warning("AWS does not answer, the estate stays as it was: %s", error)
            return
        self._view = replace(
            self._view, instances=self._region.instances, network=self._region.network
        )

    def end_stop(self, instance_id: str, state: Literal["running", "stopped"]) -> None:
        """Over the control API of the local AWS."""
        facts = self._control("POST", "instances", {"instanceId": instance_id, "state": state})
        if facts is not None:
            self.changed(Change((instance_id,), (), int(facts["changes"]), str(facts["run"])))

    def silence(self, instance_ids: frozenset[str]) -> None:
        """Over the control API of the local AWS."""
        self._control("PUT", "systems-manager/agents", {"offline": sorted(instance_ids)})

    def network(self) -> Network:
        """The network of the region."""
        return self._now().network

    def instances(self) -> list[Instance]:
        """Every instance that EC2 still lists, terminated ones too."""
        return list(self._now().instances)

    def allows(self, source: Instance, target: Instance, port: int) -> bool:
        """By security groups, network ACLs and routes."""
        return self._now().network.reaches(source.id, target.id, port)

    def allows_out(self, source: Instance, port: int) -> bool:
        """By security groups, network ACLs and routes."""
        return self._now().network.connects(source.id, INTERNET, port)

    def connects(self, source: Instance, host: str, port: int) -> bool:
        """By security groups, network ACLs and routes."""
        return self._now().network.connects(source.id, host, port)

    def user_data(self, instance_id: str) -> str | None:
        """The user data in EC2; None also while EC2 does not answer."""
        if instance_id not in self._user_data:
            try:
                told = self._ec2.describe_instance_attribute(
                    InstanceId=instance_id, Attribute="userData"
                )
            except (BotoCoreError, ClientError) as error:
                _log.warning("EC2 does not tell the user data of %s: %s", instance_id, error)
                return None
            text = told.get("UserData", {}).get("Value")
            self._user_data[instance_id] = _decoded(text) if text else None
        return self._user_data[instance_id]

    def secret(self, instance_id: str, secret_id: str) -> str:
        """With the role in the instance's profile."""
        return self._roles.secret(self._instance_of(instance_id), secret_id)

    def put_secret(self, instance_id: str | None, secret_id: str, value: str) -> None:
        """With the role in the instance's profile, or as a person with that permission."""
        if instance_id is None:
            self._roles.put_secret_by_hand(secret_id, value)
        else:
            self._roles.put_secret(self._instance_of(instance_id), secret_id, value)

    def signal(self, instance_id: str, parameter: str, value: str) -> None:
        """With the role in the instance's profile."""
        self._roles.signal(self._instance_of(instance_id), parameter, value)

    def managed(self, instance_id: str) -> bool:
        """According to Systems Manager, which is asked once per look."""
        view = self._now()
        if self._managed is None or self._managed[0] is not view:
            self._managed = (view, self._systems_manager.managed())
        return instance_id in self._managed[1]

    def assignments(self, instance_id: str) -> list[Assignment]:
        """The associations in State Manager."""
        return list(self._now().assignments.get(instance_id, ()))

    def report(
        self, instance_id: str, association_id: str, status: ReportStatus, detail: str
    ) -> None:
        """Over the control API of the local AWS."""
        self._systems_manager.report(instance_id, association_id, status, detail)

    def _instance_of(self, instance_id: str) -> Instance | None:
        return next((one for one in self._now().instances if one.id == instance_id), None)

    def _now(self) -> _View:
        if self._due:
            try:
                self._view = self._describe()
            except (BotoCoreError, ClientError) as error:
                _log.warning("AWS does not answer, the estate stays as it was: %s", error)
            self._seen_at = self._real()
            self._due = False
        return self._view

    def _describe(self) -> _View:
        self._region = self._current()
        known = self._region
        assignments = self._systems_manager.assignments(known.instances)
        return _View(known.instances, known.network, assignments)

    def _current(self) -> _Region:
        facts = self._facts()
        if facts is None:
            return self._read(None)
        known = self._region.changes
        address = self._address
        if address is not None and (facts["guests"] != address.endpoint or facts["missed"]):
            # First, so that nothing happens unheard after EC2 was read.
            facts = self._join(address) or facts
        elif known is not None and known[0] == facts["run"] and facts["busy"] and address:
            # What is being carried out is heard of in a moment, at the time at which it happens.
            return self._region
        changes = (str(facts["run"]), int(facts["changes"]))
        return self._region if changes == known else self._read(changes)

    def _facts(self) -> Mapping[str, Any] | None:
        """What the local AWS says of its changes; None if the endpoint does not count them."""
        return self._control("GET", "health", None)

    def _join(self, address: Address) -> Mapping[str, Any] | None:
        body = {"endpoint": address.endpoint, "authority": address.authority}
        return self._control("PUT", "guests", body)

    def _control(self, method: str, name: str, body: Any) -> Mapping[str, Any] | None:
        content = None if body is None else json.dumps(body).encode()
        url = f"{self._endpoint}/_emulator/{name}"
        request = urllib.request.Request(url, content, method=method)  # noqa: S310 - the local AWS
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                facts: Mapping[str, Any] = json.load(answer)
                return facts if {"run", "changes", "busy", "guests"} <= facts.keys() else None
        except (OSError, ValueError, AttributeError):
            return None

    def _read(self, changes: tuple[str, int] | None) -> _Region:
        region = describe(self._ec2)
        described = {one["InstanceId"]: one for one in region.instances}
        return _Region(self._instances(region.instances), region.network, described, changes)

    def _read_part(self, known: _Region, change: Change) -> _Region:
        """A region in which only this has changed."""
        changes = (change.run, change.number)
        if change.groups:
            network = replace(known.network, groups=describe_groups(self._ec2))
            return replace(known, network=network, changes=changes)
        ids = {*change.instances, *self._attached(change.interfaces)}
        if not ids:
            network = describe_network(self._ec2, known.described.values())
            return replace(known, network=network, changes=changes)
        again = {one["InstanceId"]: one for one in describe_instances(self._ec2, ids)}
        described = {name: again.get(name, one) for name, one in known.described.items()}
        parsed = {one.id: one for one in self._instances(list(again.values()))}
        network = replace(known.network, interfaces=interfaces_of(described.values()))
        instances = [parsed.get(one.id, one) for one in known.instances]
        return _Region(instances, network, described, changes)

    def _attached(self, interfaces: Collection[str]) -> list[str]:
        """The instances of network interfaces."""
        return [
            name
            for name, one in self._region.described.items()
            for each in one.get("NetworkInterfaces", [])
            if each["NetworkInterfaceId"] in interfaces
        ]

    def _instances(self, described: list[Mapping[str, Any]]) -> list[Instance]:
        mapped = {
            mapping["Ebs"]["VolumeId"]
            for one in described
            for mapping in one.get("BlockDeviceMappings", [])
        }
        few = 0 < len(mapped) <= _FEW_VOLUMES
        chosen: Any = [{"Name": "volume-id", "Values": sorted(mapped)}] if few else []
        volumes = {
            volume["VolumeId"]: volume["Size"]
            for page in self._ec2.get_paginator("describe_volumes").paginate(Filters=chosen)
            for volume in page["Volumes"]
        }
        self._learn_images({one["ImageId"] for one in described if "ImageId" in one})
        self._learn_sizes({one["InstanceType"] for one in described if "InstanceType" in one})
        instances = [self._instance(one, volumes) for one in described]
        for instance in instances:
            if instance.state != "running":
                self._user_data.pop(instance.id, None)
        return instances

    def _learn_images(self, image_ids: set[str]) -> None:
        # A request by ids fails if one image is gone; a filter does not.
        unknown = sorted(image_ids - self._images.keys())
        if unknown:
            answer = self._ec2.describe_images(Filters=[{"Name": "image-id", "Values": unknown}])
            found = {image["ImageId"]: image.get("Name", "") for image in answer["Images"]}
            self._images.update({name: found.get(name, "") for name in unknown})

    def _learn_sizes(self, types: set[str]) -> None:
        unknown = sorted(types - self._sizes.keys())
        if unknown:
            answer = self._ec2.describe_instance_types(
                Filters=[{"Name": "instance-type", "Values": unknown}]
            )
            for one in answer["InstanceTypes"]:
                self._sizes[one["InstanceType"]] = (
                    one["VCpuInfo"]["DefaultVCpus"],
                    one["MemoryInfo"]["SizeInMiB"],
                )

    def _instance(self, described: Mapping[str, Any], volumes: dict[str, int]) -> Instance:
        tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}
        system = operating_systems.of_image(self._images.get(described.get("ImageId", ""), ""))
        vcpus, memory = self._sizes.get(described["InstanceType"], (0, 0))
        disks = {
            mapping["DeviceName"]: volumes.get(mapping["Ebs"]["VolumeId"], 0)
            for mapping in described.get("BlockDeviceMappings", [])
        }
        root = described.get("RootDeviceName")
        return Instance(
            id=described["InstanceId"],
            name=tags.get("Name", described["InstanceId"]),
            private_ip=described.get("PrivateIpAddress", "0.0.0.0"),  # noqa: S104 - none any more
            subnet_id=described.get("SubnetId", ""),
            vpc_id=described.get("VpcId", ""),
            state=described["State"]["Name"],
            platform="windows" if described.get("Platform") else "linux",
            os=system,
            architecture=described.get("Architecture", "x86_64"),
            virtualization=described.get("VirtualizationType", "hvm"),
            firmware="UEFI" if described.get("CurrentInstanceBootMode") == "uefi" else "BIOS",
            drivers=operating_systems.drivers_of(system, tags.get("drivers")),
            instance_type=described["InstanceType"],
            vcpus=vcpus,
            memory_mib=memory,
            disks=tuple(
                Disk(device, disks[device])
                for device in sorted(disks, key=lambda name: (name != root, name))
            ),
            tags=tags,
            # From the interfaces: groups that are attached later show there first.
            security_groups=tuple(
                dict.fromkeys(
                    group["GroupId"]
                    for interface in described.get("NetworkInterfaces", [])
                    for group in interface["Groups"]
                )
            ),
            profile=described.get("IamInstanceProfile", {}).get("Arn"),
        )


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode("utf-8", errors="replace")
