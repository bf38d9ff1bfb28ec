"""The sources of machines, as checks look at them once a failover was taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from site_recovery.checks import Printed, printed
from site_recovery.convergence.guests import Guests
from site_recovery.convergence.sources import Sources
from site_recovery.declared.checks import Http
from site_recovery.fleet import Platform

_LONGEST = timedelta(minutes=90)
"""The longest time that a check may declare."""
_COMMENT = "site-recovery check after rollback"
_PASSED = "ok"


@dataclass(frozen=True)
class SourceHealth:
    """An instance as EC2 sees it (DescribeInstances, DescribeInstanceStatus).

    Attributes:
        state: such as `running`.
        status: the worse of the two status checks, such as `ok` or `initializing`; empty if EC2
            does not tell.
    """

    state: str
    status: str

    @property
    def is_up(self) -> bool:
        """Whether it runs and passes EC2's status checks."""
        return self.state == "running" and self.status == _PASSED

    def __str__(self) -> str:
        status = f"its status checks say {self.status}" if self.status else "it has no status check"
        return f"it is {self.state}, and {status}"


class SourceGuests:
    """`convergence.guests.Guests` over EC2 and Systems Manager. An id is that of an instance.

    Args:
        sources: the instances in AWS.
        near: reaches hosts from the computer that runs pulumi.
    """

    def __init__(self, sources: Sources, near: Guests) -> None:
        self._sources = sources
        self._near = near

    async def health(self, guest_id: str) -> SourceHealth | None:
        """Its state and status checks; None if there is no such instance."""
        source = (await self._sources.look([guest_id])).get(guest_id)
        if source is None:
            return None
        return SourceHealth(source.state, await self._sources.status(guest_id))

    async def address(self, guest_id: str) -> str | None:
        """Its private address."""
        source = (await self._sources.look([guest_id])).get(guest_id)
        return source.address or None if source is not None else None

    async def send(self, guest_id: str, platform: Platform, lines: list[str]) -> str:
        """Run a script through Systems Manager; returns instance and command."""
        command = await self._sources.send(guest_id, platform, lines, _COMMENT, _LONGEST)
        return f"{guest_id} {command}"

    async def ran(self, poll: str) -> Printed | None:
        """What a script printed; None while it runs."""
        guest_id, command = poll.split()
        ran = await self._sources.ran(guest_id, command)
        if ran is None:
            return None
        found = printed([("StdOut", ran.out), ("StdErr", ran.err)])
        return found if ran.out or ran.err else Printed(None, "", ran.status)

    async def tcp(self, host: str, port: int) -> str | None:
        """Connect from this computer."""
        return await self._near.tcp(host, port)

    async def http(self, host: str, http: Http) -> str | None:
        """Ask from this computer."""
        return await self._near.http(host, http)
