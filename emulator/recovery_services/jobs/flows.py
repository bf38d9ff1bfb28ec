"""Jobs without a set end: a flow, such as the run of a recovery plan, drives and closes them."""

from __future__ import annotations

from typing import Protocol

from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World


class Flow(Protocol):
    """What runs jobs that have no set end, such as those of recovery plans."""

    def presented(self, world: World, job: Document) -> Document:
        """What the job's properties say at this moment instead of what is stored."""

    def child_ended(self, world: World, job: Document) -> None:
        """A job that was begun for this one ended, one way or another."""

    def cancelled(self, world: World, job: Document) -> None:
        """The time that a cancellation takes has passed."""

    def resumed(self, world: World, job: Document, comments: str | None) -> None:
        """A person lets the job go on."""


_flows: dict[str, Flow] = {}


def run_by(name: str, flow: Flow) -> None:
    """Say what runs the open-ended jobs of a flow's name."""
    _flows[name] = flow


def flow_of(job: Document) -> Flow | None:
    """What runs a job that has no set end, or None."""
    return _flows.get(job[PRIVATE].get("flow", ""))
