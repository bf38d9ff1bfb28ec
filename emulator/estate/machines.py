"""The machines of the AWS estate, and the AWS calls of their guests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, Protocol

from emulator.estate.network import Network

ReportStatus = Literal["InProgress", "Success", "Failed"]


class AccessRefused(Exception):
    """AWS refused something to the role of an instance; the text is AWS's own."""


@dataclass(frozen=True)
class Assignment:
    """Work that State Manager has for an instance.

    Attributes:
        association_id: the association's id.
        revision: changes whenever the association has to run again, because it was changed or
            started.
        document: the name of its document.
        content: the document's text.
        parameters: the values of the document's parameters that the association gives.
        every: how often its schedule runs it; None without one.
    """

    association_id: str
    revision: str
    document: str
    content: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    every: timedelta | None = None


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
            "ubuntu-20.04", "sles-12-sp5", "amazon-linux-2"; "unknown" if the name of its image
            does not tell.
        architecture: "x86_64", "arm64" or "i386".
        virtualization: "hvm" or "paravirtual".
        firmware: what it boots from, "BIOS" or "UEFI".
        drivers: "aws-pv", "citrix-pv" or "redhat-pv" on Windows; None elsewhere.
        instance_type: such as `m4.large`.
        vcpus: the type's virtual processors.
        memory_mib: the type's memory in MiB.
        disks: every attached disk, the root disk first.
        tags: its tags.
        security_groups: ids of its security groups.
        profile: the ARN of its instance profile, or None.
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
    firmware: str = "BIOS"
    drivers: str | None = "aws-pv"
    instance_type: str = "m4.large"
    vcpus: int = 2
    memory_mib: int = 8192
    disks: tuple[Disk, ...] = (Disk("/dev/sda1", 30),)
    tags: Mapping[str, str] = field(default_factory=dict)
    security_groups: tuple[str, ...] = ()
    profile: str | None = None


@dataclass(frozen=True)
class Change:
    """A request that EC2 has just carried out, and that guests feel at once.

    Attributes:
        instances: the ids of the instances that changed.
        interfaces: those of the network interfaces that changed. If neither names one, the rest has
            changed: security groups, network ACLs or routes.
        number: how many requests have changed EC2 or IAM until now, this one too.
        run: which run of the local AWS it is.
        groups: whether of that rest only security groups have changed.
    """

    instances: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    number: int = 0
    run: str = ""
    groups: bool = False


class Estate(Protocol):
    """The guests' view of AWS. Between two calls of `look` all answers are from the same moment."""

    def look(self) -> None:
        """Look again: answers from now on may be newer. The world calls it once a request."""

    def expire(self) -> None:
        """Make the next `look` read AWS again, even if the last one is recent."""

    def instances(self) -> list[Instance]:
        """Every instance that EC2 still lists, in EC2's order."""

    def changed(self, change: Change) -> None:
        """Read what EC2 has just changed. Answers from now on know it."""

    def end_stop(self, instance_id: str, state: Literal["running", "stopped"]) -> None:
        """Let an instance that is stopping become stopped, or run again. Answers from now on know
        it."""

    def silence(self, instance_ids: frozenset[str]) -> None:
        """Let Systems Manager reach the agents of all instances but these."""

    def network(self) -> Network:
        """The network around the instances. It is the same object until something changes."""

    def allows(self, source: Instance, target: Instance, port: int) -> bool:
        """Whether a TCP connection from source to target's port would be established."""

    def allows_out(self, source: Instance, port: int) -> bool:
        """Whether a TCP connection from source to the internet would be established."""

    def connects(self, source: Instance, host: str, port: int) -> bool:
        """Whether a TCP connection from source to a host, by name or address, would be."""

    def user_data(self, instance_id: str) -> str | None:
        """The decoded user data of a running instance; None if it has none."""

    def secret(self, instance_id: str, secret_id: str) -> str:
        """The text of a secret of Secrets Manager, read with the role of an instance.

        Raises:
            AccessRefused: the role may not, or there is no such secret or no value in it.
        """

    def put_secret(self, instance_id: str | None, secret_id: str, value: str) -> None:
        """Give a secret a new value, with the role of an instance; None stands for a person.

        Raises:
            AccessRefused: the role may not, or there is no such secret.
        """

    def signal(self, instance_id: str, parameter: str, value: str) -> None:
        """Give a parameter of Systems Manager a new value, with the role of an instance.

        Raises:
            AccessRefused: the role may not, or AWS does not take it.
        """

    def managed(self, instance_id: str) -> bool:
        """Whether Systems Manager manages an instance at this moment."""

    def assignments(self, instance_id: str) -> list[Assignment]:
        """The State Manager associations of an instance, whether it is managed or not."""

    def report(
        self, instance_id: str, association_id: str, status: ReportStatus, detail: str
    ) -> None:
        """Report the status of an association's latest run on an instance to State Manager."""
