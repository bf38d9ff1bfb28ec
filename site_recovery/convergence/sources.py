"""The interface of a run to the EC2 instances of its machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from site_recovery.cutover_memory import Source
from site_recovery.errors import MigrationError
from site_recovery.fencing import Fencing
from site_recovery.fleet import Platform


@dataclass(frozen=True)
class Ran:
    """How a command ended: Systems Manager's word, its standard output and error."""

    status: str
    out: str = ""
    err: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the script ended with 0."""
        return self.status == "Success"

    def __str__(self) -> str:
        said = " ".join((self.err.strip() or self.out.strip()).split())
        return f"{self.status}{f' ({said[:300]})' if said else ''}"


class GroupsGoneError(MigrationError):
    """Security groups that an interface should get do not exist any more. Nothing was changed.

    Attributes:
        groups: their ids.
    """

    def __init__(self, message: str, groups: frozenset[str]) -> None:
        super().__init__(message)
        self.groups = groups


class Sources(Protocol):
    """The EC2 instances of a stack. `aws.cutover_source.Ec2Sources` implements it.

    Every method may raise a `MigrationError`.

    Attributes:
        fencing: the security groups of a machine that is fenced.
        servers: addresses of the server that the machines replicate to.
    """

    fencing: Fencing
    servers: frozenset[str]

    async def look(self, instance_ids: Sequence[str]) -> Mapping[str, Source]:
        """Read instances, by id. One that does not exist is left out."""

    async def status(self, instance_id: str) -> str:
        """The worse of the two status checks of an instance, such as `ok`; empty without one."""

    async def tag(self, instance_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of an instance."""

    async def untag(self, instance_id: str, names: Iterable[str]) -> None:
        """Remove tags of an instance, if they are there."""

    async def give_groups(self, interface_id: str, groups: Sequence[str]) -> None:
        """Replace the security groups of an interface.

        Raises:
            GroupsGoneError: some of them do not exist any more.
        """

    async def stop(self, instance_id: str) -> None:
        """Ask an instance to stop."""

    async def start(self, instance_id: str) -> None:
        """Ask an instance to start."""

    async def terminate(self, instance_id: str) -> None:
        """Terminate an instance."""

    async def find(self, instance_id: str, comment: str) -> str | None:
        """The id of the command with this comment on an instance; None if it was never sent."""

    async def send(
        self,
        instance_id: str,
        platform: Platform,
        lines: Sequence[str],
        comment: str,
        within: timedelta,
    ) -> str:
        """Run a script on an instance; returns the id of the command."""

    async def ran(self, instance_id: str, command: str) -> Ran | None:
        """How a command ended; None while it runs."""
