"""How a job ends: what a scenario changes, and what a failure says.

The service that owns a scenario says here what the scenario does. The job runs it at its end.
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
    """Why a job fails, as the service tells it.

    Attributes:
        code: the service's error code.
        message: what went wrong.
        causes: possible causes.
        action: the recommended action.
        provider: what the provider below said, where it said something.
        task: the index of the task that failed; None is the scenario's own.
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
    """What a job says although it succeeded (the operation's `error` is not null then)."""

    code: str
    message: str


Outcome: TypeAlias = Callable[[World, Document], "Note | None"]
Reversal: TypeAlias = Callable[[World, Document, JobError | None], None]


@dataclass
class _Registry:
    """What each scenario does at its end, as registered."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    reversals: dict[str, Reversal] = field(default_factory=dict)


_registry = _Registry()


def when_done(*scenarios: Scenario) -> Callable[[Outcome], Outcome]:
    """Decorate what a scenario changes: `outcome(world, job)`, at the job's end.

    It may return a note, or raise JobError: then nothing that it changed remains.
    """

    def register_outcome(outcome: Outcome) -> Outcome:
        for scenario in scenarios:
            _registry.outcomes[scenario.name] = outcome
        return outcome

    return register_outcome


def when_undone(*scenarios: Scenario) -> Callable[[Reversal], Reversal]:
    """Decorate what happens when a scenario fails, or is cancelled (then without a failure)."""

    def register_reversal(reversal: Reversal) -> Reversal:
        for scenario in scenarios:
            _registry.reversals[scenario.name] = reversal
        return reversal

    return register_reversal


def outcome_of(job: Document) -> Outcome | None:
    """What the job's scenario does, or None."""
    return _registry.outcomes.get(job["properties"]["scenarioName"])


def reversal_of(job: Document) -> Reversal | None:
    """What happens when the job fails or is cancelled, or None."""
    return _registry.reversals.get(job["properties"]["scenarioName"])


def failure_of(fault: Document) -> JobError:
    """The failure that a fault's `job` asks for."""
    code = str(fault.get("errorCode", ""))
    message = str(fault.get("errorMessage", "The operation failed."))
    causes = str(fault.get("possibleCauses", ""))
    action = str(fault.get("recommendedAction", ""))
    provider = ProviderError(int(code), message, causes, action) if code.isdigit() else None
    return JobError(code, message, causes, action, provider)


def error_of(world: World, job: Document, failure: JobError, task: str) -> Document:
    """One entry of a job's `errors`, created now, for a task.

    Where the provider said nothing its part is there and empty (recorded).
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
