"""The AWS estate as its guests see it: instances, and which ports are open between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from emulator.guests import security_groups
from emulator.guests.security_groups import Endpoint, SecurityGroup


@dataclass(frozen=True)
class Disk:
    """A disk of an instance: its device name, such as `/dev/sda1`, and its size in GiB."""

    device: str
    size_gib: int


@dataclass(frozen=True)
class Instance:
    """One EC2 instance.

    Attributes:
        id: the instance id, `i-...`.
        name: its `Name` tag, or its id without one.
        private_ip: its primary private IPv4 address.
        subnet_id: the subnet of its primary interface.
        vpc_id: its VPC.
        state: EC2's word: pending, running, shutting-down, terminated, stopping, stopped.
        platform: "windows" or "linux".
        os: such as "windows-server-2012-r2", "windows-server-2008-r2-sp1", "rhel-6.7",
            "ubuntu-20.04", "sles-12-sp5", "amazon-linux-2"; "unknown" when its image tells nothing.
        architecture: "x86_64", "arm64" or "i386".
        virtualization: "hvm" or "paravirtual".
        drivers: "aws-pv", "citrix-pv" or "redhat-pv" on Windows; None elsewhere.
        instance_type: such as `m4.large`.
        vcpus: the type's virtual processors.
        memory_mib: the type's memory in MiB.
        disks: every attached disk, the root disk first.
        tags: its tags.
        security_groups: ids of its security groups.
    """

    id: str
    name: str
    private_ip: str
    subnet_id: str = "subnet-1"
    vpc_id: str = "vpc-1"
    state: str = "running"
    platform: str = "windows"
    os: str = "windows-server-2012-r2"
    architecture: str = "x86_64"
    virtualization: str = "hvm"
    drivers: str | None = "aws-pv"
    instance_type: str = "m4.large"
    vcpus: int = 2
    memory_mib: int = 8192
    disks: tuple[Disk, ...] = (Disk("/dev/sda1", 30),)
    tags: Mapping[str, str] = field(default_factory=dict)
    security_groups: tuple[str, ...] = ()

    @property
    def endpoint(self) -> Endpoint:
        """The instance as one side of a connection."""
        return Endpoint(self.private_ip, self.security_groups)


class Estate(Protocol):
    """What guests know of AWS. Between two calls of `look` all answers are of one moment."""

    def look(self) -> None:
        """Look again: answers from now on may be newer. The world calls it once a request."""

    def instances(self) -> list[Instance]:
        """Every instance that EC2 still lists, in EC2's order."""

    def allows(self, source: Instance, target: Instance, port: int) -> bool:
        """Whether a TCP connection from source to target's port would be established."""

    def allows_out(self, source: Instance, port: int) -> bool:
        """Whether a TCP connection from source to the internet would be established."""


class StaticEstate:
    """An estate that a test writes down.

    Args:
        instances: the machines; the list may be changed at any time through `machines`.
        groups: security groups; without any (None), everything running reaches everything.
    """

    def __init__(
        self, instances: Iterable[Instance] = (), groups: Iterable[SecurityGroup] | None = None
    ) -> None:
        self.machines = list(instances)
        self.groups = None if groups is None else {group.group_id: group for group in groups}

    def look(self) -> None:
        """Nothing to look at again."""

    def instances(self) -> list[Instance]:
        """The machines as they stand in `machines`."""
        return list(self.machines)

    def allows(self, source: Instance, target: Instance, port: int) -> bool:
        """Whether both run and the groups permit it."""
        if source.state != "running" or target.state != "running":
            return False
        return self.groups is None or security_groups.allows(
            self.groups, source.endpoint, target.endpoint, port
        )

    def allows_out(self, source: Instance, port: int) -> bool:
        """Whether it runs and its groups let it out."""
        if source.state != "running":
            return False
        return self.groups is None or security_groups.allows_out(self.groups, source.endpoint, port)
