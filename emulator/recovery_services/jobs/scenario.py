"""What one kind of job is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """One step of a job.

    Attributes:
        id: `taskId`; an empty text where the service writes a GUID.
        friendly: `friendlyName`.
        name: `name`, where it differs from the id.
        seconds: its share of the job's time, as a weight beside the other tasks.
        asked: the argument of the request without which the task is skipped.
        waits: whether it is shown as `NotStarted` for as long as its job runs.
        anew: whether it begins once more, so that its start moves when it ends.
        ends_early: whether it is shown to end before it begins.
        corrected: whether that is put right as soon as the next task has ended.
    """

    id: str
    friendly: str
    name: str = ""
    seconds: float = 1.0
    asked: str = ""
    waits: bool = False
    anew: bool = False
    ends_early: bool = False
    corrected: bool = False


@dataclass(frozen=True)
class Scenario:
    """One kind of job.

    Attributes:
        name: `scenarioName`.
        friendly: `friendlyName`.
        seconds: how long it takes, give or take `jitter` of it.
        tasks: its steps in order.
        variant: what tells it from the scenario of the same name of the other experience.
        target: `targetInstanceType`.
        details: `customDetails.instanceType`.
        workflow: whether `x-ms-request-id` names the job, as it does for long operations only.
        lead: seconds by which the tasks are done before the job says so (negative: after it).
        waits: seconds for which the operation is `NotStarted`.
        cancellable: whether `Cancel` is allowed while it runs.
        fails_at: the task that fails where a failure names none, by its index.
        restartable: whether `Restart` is allowed after it failed on a machine.
    """

    name: str
    friendly: str
    seconds: float
    tasks: tuple[Task, ...]
    variant: str = ""
    target: str = "ProtectionEntity"
    details: str = "AsrJobDetails"
    workflow: bool = True
    jitter: float = 0.1
    lead: float = 30.0
    waits: float = 0.0
    cancellable: bool = False
    fails_at: int = -1
    restartable: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """What it is found by."""
        return self.name, self.variant
