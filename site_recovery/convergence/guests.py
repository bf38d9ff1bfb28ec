"""The interface of a run to the machines that it checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from site_recovery.checks import Printed
from site_recovery.declared.checks import Http
from site_recovery.fleet import Platform


@dataclass(frozen=True)
class Health:
    """The instance view of a virtual machine.

    Attributes:
        power: its power state, such as `running`; empty if Azure does not tell.
        agent: what its agent says, such as `Ready`; empty if it has not reported.
    """

    power: str
    agent: str

    @property
    def is_up(self) -> bool:
        """Whether it runs and its agent is ready."""
        return self.power == "running" and self.agent == "Ready"

    def __str__(self) -> str:
        agent = f"its agent says {self.agent}" if self.agent else "its agent has not reported"
        return f"it is {self.power or 'in no known power state'}, and {agent}"


class Up(Protocol):
    """How a machine is, and the same in words as `str`."""

    @property
    def is_up(self) -> bool:
        """Whether it runs and can be used."""


class Guests(Protocol):
    """Machines that are checked. `azure.guests.AzureGuests` and `SourceGuests` implement it.

    Every method but `tcp` and `http` may raise a `MigrationError`.
    """

    async def health(self, guest_id: str, /) -> Up | None:
        """How it is; None if there is no such machine."""

    async def address(self, guest_id: str, /) -> str | None:
        """The private address of its first network interface."""

    async def send(self, guest_id: str, platform: Platform, lines: list[str], /) -> str:
        """Run a script, without any retry; returns where its result is polled.

        Raises:
            RefusedError: it does not run; `busy` while another one runs.
            UnansweredError: it may run.
        """

    async def ran(self, poll: str) -> Printed | None:
        """What a script printed; None while it runs."""

    async def tcp(self, host: str, port: int) -> str | None:
        """Connect from this computer; returns what is wrong, or None."""

    async def http(self, host: str, http: Http) -> str | None:
        """Ask from this computer; returns what is wrong, or None."""
