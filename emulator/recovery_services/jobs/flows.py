"""Open-ended jobs: a flow, such as the run of a recovery plan, drives and closes them."""

from __future__ import annotations

from typing import Protocol

from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World


class Flow(Protocol):
    """A driver of open-ended jobs, such as those of recovery plans."""

    def presented(self, world: World, job: Document) -> Document:
        """The job's properties as GET returns them now, computed from the stored ones."""

    def child_ended(self, world: World, job: Document) -> None:
        """Handle the end of a child job, whether it succeeded, failed or was cancelled."""

    def cancelled(self, world: World, job: Document) -> None:
        """Handle the end of the time that a cancellation takes."""

    def resumed(self, world: World, job: Document, comments: str | None) -> None:
        """Resume the job, which waits for a manual action."""


_flows: dict[str, Flow] = {}


def run_by(name: str, flow: Flow) -> None:
    """Register the flow that drives the open-ended jobs with its name."""
    _flows[name] = flow


def flow_of(job: Document) -> Flow | None:
    """The flow that drives a job; None for a job that ends by itself."""
    return _flows.get(job[PRIVATE].get("flow", ""))
