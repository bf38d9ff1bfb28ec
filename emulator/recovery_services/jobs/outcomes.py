"""Outcomes of jobs: the registered effects of scenarios, and the errors of failed jobs.

The service that owns a scenario registers its outcome here. The job runs the outcome at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.jobs.scenario import Scenario
from emulator.recovery_services.wire.times import stamp


@dataclass(eq=False)
class JobError(Exception):
    """The failure of a job, with the texts that the service reports.

    Attributes:
        code: the service's error code.
        message: the error message.
        causes: `possibleCauses`.
        action: `recommendedAction`.
        provider: the replication provider's error, if it reported one.
        task: the index of the task that failed; None is the scenario's `fails_at`.
    """

    code: str
    message: str
    causes: str = ""
    action: str = ""
    provider: ProviderError | None = None
    task: int | None = None


@dataclass(frozen=True)
class ProviderError:
    """The provider's part of a failure; `code` is a number on the wire."""

    code: int
    message: str
    causes: str
    action: str


@dataclass(frozen=True)
class Note:
    """A warning of a job that succeeded. The operation's `error` is then not null."""

    code: str
    message: str


Outcome: TypeAlias = Callable[[World, Document], "Note | None"]
Reversal: TypeAlias = Callable[[World, Document, JobError | None], None]


@dataclass
class _Registry:
    """The registered outcomes and reversals, by scenario name."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    reversals: dict[str, Reversal] = field(default_factory=dict)


_registry = _Registry()


def when_done(*scenarios: Scenario) -> Callable[[Outcome], Outcome]:
    """Register the decorated `outcome(world, job)`, which runs when a scenario's job ends.

    It may return a note. If it raises JobError, the job fails and its changes are rolled back.
    """

    def register_outcome(outcome: Outcome) -> Outcome:
        for scenario in scenarios:
            _registry.outcomes[scenario.name] = outcome
        return outcome

    return register_outcome


def when_undone(*scenarios: Scenario) -> Callable[[Reversal], Reversal]:
    """Register the decorated reversal. It runs when a job fails, or is cancelled (no failure)."""

    def register_reversal(reversal: Reversal) -> Reversal:
        for scenario in scenarios:
            _registry.reversals[scenario.name] = reversal
        return reversal

    return register_reversal


def outcome_of(job: Document) -> Outcome | None:
    """The outcome that is registered for the job's scenario, or None."""
    return _registry.outcomes.get(job["properties"]["scenarioName"])


def reversal_of(job: Document) -> Reversal | None:
    """The reversal that is registered for the job's scenario, or None."""
    return _registry.reversals.get(job["properties"]["scenarioName"])


def failure_of(fault: Document) -> JobError:
    """The failure that an injected fault's `job` requests."""
    code = str(fault.get("errorCode", ""))
    message = str(fault.get("errorMessage", "The operation failed."))
    causes = str(fault.get("possibleCauses", ""))
    action = str(fault.get("recommendedAction", ""))
    provider = ProviderError(int(code), message, causes, action) if code.isdigit() else None
    return JobError(code, message, causes, action, provider)


def error_of(world: World, job: Document, failure: JobError, task: str) -> Document:
    """One entry of a job's `errors`, created now, for a task.

    If the provider reported no error, its part is present with empty values (recorded).
    """
    provider = failure.provider
    return {
        "serviceErrorDetails": {
            "code": failure.code,
            "message": failure.message,
            "possibleCauses": failure.causes,
            "recommendedAction": failure.action,
            "activityId": job["properties"]["activityId"],
        },
        "providerErrorDetails": {
            "errorCode": provider.code,
            "errorMessage": provider.message,
            "errorId": f"Error{provider.code}",
            "possibleCauses": provider.causes,
            "recommendedAction": provider.action,
        }
        if provider is not None
        else {
            "errorCode": 0,
            "errorMessage": None,
            "errorId": world.guid("error", job["name"], failure.code),
            "possibleCauses": "",
            "recommendedAction": "",
        },
        "errorLevel": "Error",
        "creationTime": stamp(world.now),
        "taskId": task,
    }
