"""What the inventory knows of a machine, and of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from inventory.churn import Churn
from inventory.connections import Connection
from inventory.names import one_line
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.problems import Problem


@dataclass(frozen=True)
class Home:
    """Where machines are: one VPC of one account.

    Attributes:
        account: the id of the AWS account.
        account_name: its alias, or None.
        region: the AWS region.
        vpc: the id of the VPC, or None for machines without one.
        vpc_name: the tag `Name` of the VPC, or None.
    """

    account: str
    account_name: str | None
    region: str
    vpc: str | None
    vpc_name: str | None

    @property
    def account_text(self) -> str:
        """The account by its id, and by its alias if it is known."""
        return _named(self.account, self.account_name)

    @property
    def vpc_text(self) -> str:
        """The VPC by its id, and by its tag `Name` if it has one."""
        return _named(self.vpc or "no VPC", self.vpc_name)

    def __str__(self) -> str:
        vpc = f"VPC {self.vpc_text}" if self.vpc else self.vpc_text
        return f"{vpc} in {self.region}, account {self.account_text}"


def _named(key: str, name: str | None) -> str:
    return f"{key} ({one_line(name)})" if name else key


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
        account_name: the alias of the account, or None.
    """

    account: str
    region: str
    facts: MachineFacts
    tags: Mapping[str, str]
    unmanaged: str | None = None
    vpc_name: str | None = None
    churn: Churn | None = None
    account_name: str | None = None

    @property
    def home(self) -> Home:
        """Where it is."""
        vpc = self.facts.vpc_id
        return Home(self.account, self.account_name, self.region, vpc, self.vpc_name)

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
