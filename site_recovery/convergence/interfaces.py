"""What a run needs of its surroundings: the vault, somebody to report to, and a pace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from site_recovery.convergence.plan_run import PlanService
from site_recovery.fleet import Assignment
from site_recovery.jobs import Job
from site_recovery.observation import Observed
from site_recovery.operations import Operation
from site_recovery.recovery_plan import Plan
from site_recovery.request_ids import RequestIds
from site_recovery.service_clock import ServiceClock
from site_recovery.snapshot import ProtectedItem, Snapshot, VirtualMachine


class Service(PlanService, Protocol):
    """What convergence needs of a vault; `service.VaultService` is the real one."""

    clock: ServiceClock
    request_ids: RequestIds

    def pause(self, poll: timedelta) -> float:
        """Seconds until the next round: those of `poll`, or more if the service says so."""

    async def observe(self) -> Snapshot:
        """All machines of the vault."""

    async def job(self, name: str) -> Job | None:
        """One job with its errors."""

    async def jobs(self) -> Mapping[str, Job]:
        """All jobs by name, without what only a single read tells."""

    async def item(self, assignment: Assignment, observed: Observed) -> ProtectedItem | None:
        """The item of a machine by a single read; None if it is not there."""

    async def virtual_machine(self, assignment: Assignment) -> VirtualMachine | None:
        """The production virtual machine of a machine by a single read; None if it is not there."""

    async def submit(
        self, operation: Operation, assignment: Assignment, observed: Observed, request_id: str
    ) -> str | None:
        """Ask for an operation once, with a request id; the name of its job."""

    async def target_sizes(self, observed: Observed) -> Sequence[Mapping[str, Any]]:
        """The sizes that a protected machine may get."""


class Reporter(Protocol):
    """Who is told how it goes."""

    def status(self, text: str) -> None:
        """The present state in one line; the next one replaces it."""

    def event(self, text: str) -> None:
        """One change of state, to be kept."""


@dataclass(frozen=True)
class Pace:
    """How long and how often.

    Attributes:
        wait: service time that one run may take.
        poll: between two rounds, in real time.
        sleep: injected, so that tests step the emulator's clock instead.
        may_submit: False once nobody is there to record what is done (the engine is gone).
    """

    wait: timedelta
    poll: timedelta
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    may_submit: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class PlanOrder:
    """The recovery plan of a wave: as declared now, and as it was declared last."""

    plan: Plan
    before: Plan | None = None
