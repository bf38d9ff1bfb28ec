"""Jobs of a vault, parsed from what the service answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from site_recovery.azure.answers.errors import ErrorWire
from site_recovery.azure.answers.reading import Moment, Wire, odd_part
from site_recovery.jobs import Job, ServiceError

_RUNNING = ("InProgress", "Suspended")


class _Error(Wire):
    service_error_details: ErrorWire | None = None
    provider_error_details: ErrorWire | None = None


class _Entity(Wire):
    target_object_name: str | None = None


class _TaskDetails(Wire):
    instance_type: str | None = None
    instructions: str | None = None
    name: str | None = None
    job_task: _Entity | None = None
    child_tasks: list[_Task] | None = None


class _Task(Wire):
    state: str | None = None
    friendly_name: str | None = None
    errors: list[_Error] | None = None
    custom_details: _TaskDetails | None = None
    group_task_custom_details: _TaskDetails | None = None


class _Properties(Wire):
    scenario_name: str | None = None
    state: str | None = None
    target_object_name: str | None = None
    start_time: Moment = None
    end_time: Moment = None
    activity_id: str | None = None


class _Job(Wire):
    id: str
    name: str
    properties: _Properties


class _Details(Wire):
    """What a single read of a job has and a list leaves out."""

    tasks: list[_Task] | None = None
    errors: list[_Error] | None = None


_DETAILS = TypeAdapter(_Details)


def job(resource: Any) -> Job:
    """A job from its wire object.

    Args:
        resource: as ReplicationJobs_List or ReplicationJobs_Get answer it.

    Raises:
        ValueError: it is not as the service documents it. Odd tasks or errors of a job do not
            matter: its `errors` then say so.
    """
    read = _Job.model_validate(resource)
    shown = read.properties
    try:
        details = _DETAILS.validate_python(resource["properties"])
    except ValidationError as error:
        details = _Details()
        errors: tuple[ServiceError, ...] = (
            ServiceError(f"what Azure answers about it cannot be read: {odd_part(error)}"),
        )
    else:
        errors = _errors(details.errors)
    tasks = list(_all(details.tasks))
    running = [task for task in tasks if task.state in _RUNNING]
    return Job(
        id=read.id,
        name=read.name,
        scenario=shown.scenario_name or "",
        state=shown.state or "Other",
        target=shown.target_object_name or "",
        errors=errors,
        machine_errors=_machine_errors(tasks),
        waits_for=next(filter(None, map(_instruction, running)), ""),
        doing=_doing(details.tasks),
        started=shown.start_time,
        ended=shown.end_time,
        request_id=_request_id(shown.activity_id),
    )


def _request_id(activity: str | None) -> str:
    """The first part of `<client request id> ActivityId: <correlation id>`."""
    client, mark, _ = (activity or "").partition(" ActivityId: ")
    return client if mark else ""


def _doing(tasks: Iterable[_Task] | None) -> str:
    """The tasks that run now, such as `Group 1: Start (Failover: db-01, Failover: db-02)`."""
    for task in tasks or ():
        if task.state in _RUNNING:
            inside = [t for t in _all((task,)) if t is not task and t.state in _RUNNING]
            names = ", ".join(t.friendly_name or "" for t in inside)
            return f"{task.friendly_name or ''}{f' ({names})' if names else ''}"
    return ""


def _all(tasks: Iterable[_Task] | None) -> Iterator[_Task]:
    """All tasks of a job, including nested ones, in order."""
    for task in tasks or ():
        yield task
        for part in (task.group_task_custom_details, task.custom_details):
            if part is not None:
                yield from _all(part.child_tasks)


def _errors(errors: Iterable[_Error] | None) -> tuple[ServiceError, ...]:
    found: dict[ServiceError, None] = {}
    for entry in errors or ():
        service, provider = entry.service_error_details, entry.provider_error_details
        if service is not None and service.model_fields_set:
            found[service.parsed()] = None
        # Recorded answers have an empty provider error with code 0 and no message.
        if provider is not None and provider.error_message:
            found[provider.parsed()] = None
    return tuple(found)


def _machine_errors(tasks: Iterable[_Task]) -> dict[str, tuple[ServiceError, ...]]:
    found: dict[str, tuple[ServiceError, ...]] = {}
    for task in tasks:
        entity = task.custom_details.job_task if task.custom_details is not None else None
        errors = _errors(task.errors)
        if errors and entity is not None and entity.target_object_name:
            name = entity.target_object_name.lower()
            found[name] = (*found.get(name, ()), *errors)
    return found


def _instruction(task: _Task) -> str:
    details = task.custom_details
    if details is None or details.instance_type != "ManualActionTaskDetails":
        return ""
    return details.instructions or details.name or "a manual action"
