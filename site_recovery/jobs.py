"""Parses jobs of the vault, and the errors in them, from their wire objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_RUNNING = ("InProgress", "Suspended")


@dataclass(frozen=True)
class ServiceError:
    """An error as the service describes it, with its advice.

    Attributes:
        level: `Error` or `Warning`, where the service gives one.
    """

    message: str
    code: str = ""
    possible_causes: str = ""
    recommended_action: str = ""
    level: str = field(default="", compare=False)

    def __str__(self) -> str:
        parts = [f"{self.message.rstrip('.')}." + (f" [{self.code}]" if self.code else "")]
        if self.possible_causes:
            parts.append(f"Possible causes: {self.possible_causes}")
        if self.recommended_action:
            parts.append(f"Recommended action: {self.recommended_action}")
        return " ".join(parts)


@dataclass(frozen=True)
class Job:
    """A job of the vault (operations ReplicationJobs_List and ReplicationJobs_Get).

    Attributes:
        scenario: the kind of job, such as `TestFailover`.
        target: name of the machine or recovery plan that it works on.
        errors: its errors, each once.
        machine_errors: errors of a recovery plan's job by machine; names are in lower case.
        waits_for: instruction of the manual action that the job waits for; empty if none.
        started: when it started; None if the service does not say.
        doing: the group and the tasks that run now, in the service's words.
        request_id: the `x-ms-client-request-id` of the request that started it. It is empty in
            lists, and wherever the service does not show it.
    """

    id: str
    name: str
    scenario: str
    state: str
    target: str
    errors: tuple[ServiceError, ...] = ()
    machine_errors: Mapping[str, tuple[ServiceError, ...]] = field(default_factory=dict)
    waits_for: str = ""
    doing: str = ""
    started: datetime | None = None
    request_id: str = ""

    @property
    def running(self) -> bool:
        """Whether it has not ended. A suspended job, which waits for a person, counts too."""
        return self.state in ("NotStarted", "InProgress", "Suspended", "Other")

    @property
    def failed(self) -> bool:
        """Whether it ended without success."""
        return self.state in ("Failed", "Cancelled")


def service_error(error: Mapping[str, Any]) -> ServiceError:
    """Parse a health error, or the service or provider error of a job."""
    return ServiceError(
        message=error.get("message")
        or error.get("errorMessage")
        or error.get("summaryMessage")
        or "the service gave no message",
        code=str(error.get("code") or error.get("errorCode") or ""),
        possible_causes=error.get("possibleCauses") or "",
        recommended_action=error.get("recommendedAction") or "",
        level=error.get("errorLevel") or "",
    )


def job(resource: Mapping[str, Any]) -> Job:
    """Parse a job of the vault from its wire object."""
    properties = resource.get("properties") or {}
    tasks = list(_tasks(properties.get("tasks") or ()))
    running = [task for task in tasks if task.get("state") in _RUNNING]
    return Job(
        id=resource["id"],
        name=resource["name"],
        scenario=properties.get("scenarioName") or "",
        state=properties.get("state") or "Other",
        target=properties.get("targetObjectName") or "",
        errors=_errors(properties),
        machine_errors=_machine_errors(tasks),
        waits_for=next(filter(None, map(_instruction, running)), ""),
        doing=_doing(properties.get("tasks") or ()),
        started=_moment(properties.get("startTime")),
        request_id=_request_id(properties.get("activityId")),
    )


def _request_id(activity: str | None) -> str:
    """The first part of `<client request id> ActivityId: <correlation id>`."""
    client, mark, _ = (activity or "").partition(" ActivityId: ")
    return client if mark else ""


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _doing(tasks: Iterable[Mapping[str, Any]]) -> str:
    """The tasks that run now, such as `Group 1: Start (Failover: db-01, Failover: db-02)`."""
    for task in tasks:
        if task.get("state") in _RUNNING:
            inside = [t for t in _tasks((task,)) if t is not task and t.get("state") in _RUNNING]
            names = ", ".join(t.get("friendlyName") or "" for t in inside)
            return f"{task.get('friendlyName') or ''}{f' ({names})' if names else ''}"
    return ""


def _tasks(tasks: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """All tasks of a job, including nested ones, in order."""
    for task in tasks:
        yield task
        for part in ("groupTaskCustomDetails", "customDetails"):
            yield from _tasks((task.get(part) or {}).get("childTasks") or ())


def _errors(holder: Mapping[str, Any]) -> tuple[ServiceError, ...]:
    found: dict[ServiceError, None] = {}
    for entry in holder.get("errors") or ():
        service, provider = entry.get("serviceErrorDetails"), entry.get("providerErrorDetails")
        if service:
            found[service_error(service)] = None
        # Recorded answers have an empty provider error with code 0 and no message.
        if provider and provider.get("errorMessage"):
            found[service_error(provider)] = None
    return tuple(found)


def _machine_errors(tasks: Iterable[Mapping[str, Any]]) -> dict[str, tuple[ServiceError, ...]]:
    found: dict[str, tuple[ServiceError, ...]] = {}
    for task in tasks:
        entity = (task.get("customDetails") or {}).get("jobTask") or {}
        errors = _errors(task)
        if errors and entity.get("targetObjectName"):
            name = str(entity["targetObjectName"]).lower()
            found[name] = (*found.get(name, ()), *errors)
    return found


def _instruction(task: Mapping[str, Any]) -> str:
    details = task.get("customDetails") or {}
    if details.get("instanceType") != "ManualActionTaskDetails":
        return ""
    return details.get("instructions") or details.get("name") or "a manual action"
