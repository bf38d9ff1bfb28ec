"""What the inventory knows of a machine, and of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from inventory.churn import Churn
from inventory.connections import Connection
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.problems import Problem


@dataclass(frozen=True)
class Found:
    """One instance.

    Attributes:
        account: the id of the AWS account.
        region: the AWS region.
        facts: from EC2, and the operating system from Systems Manager if the image does not tell.
        tags: its tags in EC2.
        unmanaged: why Systems Manager cannot install the agent on it, or None.
        vpc_name: the tag `Name` of its VPC, or None.
        churn: what was written to its volumes; None if that was not read.
    """

    account: str
    region: str
    facts: MachineFacts
    tags: Mapping[str, str]
    unmanaged: str | None = None
    vpc_name: str | None = None
    churn: Churn | None = None

    @property
    def id(self) -> str:
        """The instance id, by which a machine is the same in every run."""
        return self.facts.instance_id

    @property
    def gib(self) -> int:
        """The size of all its disks together, in GiB."""
        return sum(disk.size_gib for disk in self.facts.disks)


@dataclass
class Reading:
    """What accounts and regions told.

    Attributes:
        machines: sorted by instance id.
        problems: what did not answer. The rest is complete.
        connections: between instances; None if they were not read.
        unknown: the VPCs whose connections neither a flow log nor a machine told.
    """

    machines: list[Found] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    connections: set[Connection] | None = None
    unknown: list[str] = field(default_factory=list)
