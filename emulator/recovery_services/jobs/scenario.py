"""Scenarios, the kinds of ASR jobs, and their tasks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """One step of a job.

    Attributes:
        id: `taskId`; empty if the service generates a GUID.
        friendly: `friendlyName`.
        name: `name`, if it differs from the id.
        seconds: its share of the job's duration, as a weight relative to the other tasks.
        asked: the request argument that the task needs; without it the task is skipped.
        waits: whether it is reported as `NotStarted` until its job ends.
        restarts: whether it starts a second time, so that its `startTime` moves when it ends.
        ends_early: whether its `endTime` is reported before its `startTime`.
        corrected: whether that order is corrected as soon as the next task has ended.
    """

    id: str
    friendly: str
    name: str = ""
    seconds: float = 1.0
    asked: str = ""
    waits: bool = False
    restarts: bool = False
    ends_early: bool = False
    corrected: bool = False


@dataclass(frozen=True)
class Scenario:
    """One kind of job.

    Attributes:
        name: `scenarioName`.
        friendly: `friendlyName`.
        seconds: its duration; a job varies from it by up to the fraction `jitter`.
        tasks: its steps in order.
        variant: the key that separates it from the other experience's scenario of the same name.
        target: `targetInstanceType`.
        details: `customDetails.instanceType`.
        workflow: whether `x-ms-request-id` is the job's id, as it is for long operations only.
        lead: seconds from the end of the tasks to the end of the job (negative: tasks end later).
        waits: seconds for which the operation is `NotStarted`.
        cancellable: whether `Cancel` is allowed while it runs.
        fails_at: the index of the task that fails, if the failure names none.
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
        """The key of the scenario: its name and its variant."""
        return self.name, self.variant
