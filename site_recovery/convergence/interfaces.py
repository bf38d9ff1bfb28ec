"""The interfaces of a run to its surroundings: the vault, a reporter, and its timing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from site_recovery.convergence.guests import Guests
from site_recovery.convergence.plan_run import PlanService
from site_recovery.convergence.target_sizes import Size
from site_recovery.fleet import Assignment
from site_recovery.jobs import Job
from site_recovery.locks import Lock
from site_recovery.observation import Observed
from site_recovery.operations import Operation
from site_recovery.recovery_plan import Plan
from site_recovery.request_ids import RequestIds
from site_recovery.service_clock import ServiceClock
from site_recovery.snapshot import ProtectedItem, RecoveryPoint, Snapshot, VirtualMachine
from site_recovery.subnets import Network


class VirtualMachines(Protocol):
    """The virtual machines in Azure. `azure.compute.Compute` implements it.

    Every method may raise a `MigrationError`.
    """

    async def power(self, vm_id: str) -> str | None:
        """The power state of a machine; None if there is none."""

    async def deallocate(self, vm_id: str) -> None:
        """Ask a machine to stop and release its host."""

    async def delete(self, vm_id: str) -> bool:
        """Go on with deleting a machine, with its disks and interfaces.

        Returns whether its deletion was asked for, or there is none. If not, ask again later.
        """

    async def retag(self, vm_id: str, removed: str, added: Mapping[str, str]) -> None:
        """Replace one tag of a machine by others."""


class NetworkInterfaces(Protocol):
    """The network interfaces of virtual machines. `azure.interfaces.Interfaces` implements it.

    Every method may raise a `MigrationError`.
    """

    async def security_groups(self, interfaces: Collection[str]) -> Mapping[str, str]:
        """The id of the network security group of each interface, by its id; empty if none."""

    async def attach(self, interface: str, group: str) -> None:
        """Give a group to an interface that has none. The same again changes nothing."""


class Service(PlanService, Protocol):
    """The vault as convergence uses it. `azure.service.VaultService` implements it."""

    clock: ServiceClock
    guests: Guests
    request_ids: RequestIds

    @property
    def compute(self) -> VirtualMachines:
        """The virtual machines of the subscription."""

    @property
    def interfaces(self) -> NetworkInterfaces:
        """The network interfaces of the virtual machines."""

    def pause(self, poll: timedelta) -> float:
        """Seconds until the next round: `poll`, or more if the service asks for it."""

    async def rest(self, seconds: float, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Wait until the next round, which may be sooner because another run wants it."""

    async def observe(self) -> Snapshot:
        """Read the state of all machines of the vault."""

    async def job(self, name: str) -> Job | None:
        """Read one job, with its errors."""

    async def jobs(self) -> Mapping[str, Job]:
        """List all jobs, by name. A list has less detail than a single read."""

    async def item(self, assignment: Assignment, observed: Observed) -> ProtectedItem | None:
        """Read the protected item of one machine; None if there is none."""

    async def virtual_machine(self, assignment: Assignment) -> VirtualMachine | None:
        """Read the production virtual machine of one machine; None if there is none."""

    async def submit(
        self, operation: Operation, assignment: Assignment, observed: Observed, request_id: str
    ) -> str | None:
        """Send one request for an operation; returns the name of its job."""

    async def target_sizes(self, assignment: Assignment, observed: Observed) -> Sequence[Size]:
        """List the sizes that the service offers for a protected machine."""

    async def recovery_points(self, observed: Observed) -> Sequence[RecoveryPoint]:
        """List the recovery points of a protected machine."""

    async def has_recovery_point(self, observed: Observed, point: str) -> bool:
        """Read one recovery point of a protected machine, which the list may lack."""

    async def networks(self, wanted: Mapping[str, Collection[str]]) -> Mapping[str, Network]:
        """Read networks by id, each with the addresses to ask about; those that exist."""

    async def read_only_locks(self, assignment: Assignment) -> Sequence[Lock]:
        """List the locks that let nothing be made in the vault or in the machine's group."""


class Reporter(Protocol):
    """Receives the progress of a run."""

    def status(self, text: str) -> None:
        """Show the current state in one line, which replaces the previous one."""

    def event(self, text: str) -> None:
        """Report one change of state as a permanent line."""


@dataclass(frozen=True)
class Pace:
    """The timing of a run.

    Attributes:
        wait: how long the run may take, in the service's time.
        longest_pause: the longest pause between two rounds, in real time (see `pacing`).
        sleep: injected, so that tests can step the emulator's clock instead.
        may_submit: returns False once nothing can be recorded any more (the engine is gone).
    """

    wait: timedelta
    longest_pause: timedelta
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    may_submit: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class PlanOrder:
    """The recovery plan of a wave, as declared now and as declared in the previous run."""

    plan: Plan
    before: Plan | None = None
