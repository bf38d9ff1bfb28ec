"""Events of a vault: finished jobs of its machines, and machines whose health is Critical.

No machine's event was recorded. Names of types and classes are the contract's. The texts are
[inferred]; so is that a health event disappears when the machine's health improves.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.items import health
from emulator.recovery_services.jobs import jobs
from emulator.recovery_services.wire import filters
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    EVENTS,
    FABRICS,
    JOBS,
    PROTECTED_ITEMS,
    children,
    children_seen,
    fabric_of,
    name_of,
    not_found,
    page,
    require_vault,
    vault_id,
    vault_of,
)
from emulator.recovery_services.wire.times import UNSET

routes = Routes(API_VERSIONS)

_SEVERITIES = {"Succeeded": "OK", "Failed": "Critical", "Cancelled": "Warning"}
_OF_PROPERTIES = (
    "eventCode",
    "severity",
    "eventType",
    "affectedObjectFriendlyName",
    "affectedObjectCorrelationId",
)
_FILTERS = (*_OF_PROPERTIES, "fabricName", "startTime", "endTime")


@routes.route("GET", EVENTS.collection, "ReplicationEvents_List")
def list_events(world: World, request: Request, **path: str) -> Response:
    """The events of the vault, newest first.

    `$filter` takes what the contract's query of events has: code, type, severity, the machine's
    name or id, `fabricName`, and a time range by `startTime` and `endTime`.
    """
    require_vault(world, path)
    wanted = filters.parse(request, _FILTERS)
    found = [
        event
        for event in happened(world, vault_id(path))
        if all(_keeps(term, event["properties"]) for term in wanted)
    ]
    return Response(200, page(request, found))


@routes.route("GET", EVENTS.template, "ReplicationEvents_Get")
def get_event(world: World, request: Request, **path: str) -> Response:
    """One event."""
    require_vault(world, path)
    for event in happened(world, vault_id(path)):
        if event["name"].lower() == path["event"].lower():
            return Response(200, event)
    raise not_found(path["event"])


def happened(world: World, vault: str) -> list[Document]:
    """The events of a vault, newest first."""
    found = [
        _of_job(world, job)
        for job in reversed(children(world, JOBS, vault))
        if job[PRIVATE]["machine"] and not jobs.running(job)
    ]
    for item in children_seen(world, PROTECTED_ITEMS, vault):
        found += _of_health(world, item)
    return sorted(found, key=_occurred, reverse=True)


def _occurred(event: Document) -> datetime:
    return datetime.fromisoformat(event["properties"]["timeOfOccurrence"])


def _keeps(term: filters.Term, properties: Document) -> bool:
    if term.name == "fabricName":
        return filters.compare(term, name_of(properties["fabricId"]))
    if term.name in _OF_PROPERTIES:
        return filters.compare(term, str(properties[term.name] or ""))
    occurred = _occurred({"properties": properties})
    moment = filters.moment(term)
    return occurred >= moment if term.name == "startTime" else occurred <= moment


def _of_job(world: World, job: Document) -> Document:
    """The event of a job that ended; its type is `JobStatus` if the job did not succeed."""
    properties = job["properties"]
    succeeded = properties["state"] == "Succeeded"
    return _event(
        world,
        job[PRIVATE]["resource"],
        f"VmMonitoringEvent;{job['name']}",
        eventCode=properties["scenarioName"],
        description=f"{properties['friendlyName']}: {properties['stateDescription']}",
        eventType="VmHealth" if succeeded else "JobStatus",
        affectedObjectFriendlyName=properties["targetObjectName"],
        affectedObjectCorrelationId=properties["targetObjectId"],
        severity=_SEVERITIES[properties["state"]],
        timeOfOccurrence=properties["endTime"],
        eventSpecificDetails={
            "instanceType": "JobStatus",
            "jobId": job["id"],
            "jobFriendlyName": properties["friendlyName"],
            "jobStatus": properties["state"],
            "affectedObjectType": properties["targetInstanceType"],
        },
        healthErrors=[_health_error(error, properties) for error in properties["errors"]],
    )


def _of_health(world: World, item: Document) -> list[Document]:
    """The event of a machine with Critical replication health, at the time of its first error."""
    replication, _, errors = health.of(world, item)
    critical = [error for error in errors if error["errorLevel"] == "Error"]
    # An enabling that failed has no time of its own, and its job's event.
    critical = [error for error in critical if error["creationTimeUtc"] != UNSET]
    if replication != "Critical" or not critical:
        return []
    first = min(critical, key=lambda error: str(error["creationTimeUtc"]))
    private = item[PRIVATE]
    return [
        _event(
            world,
            item["id"],
            f"VmMonitoringEvent;{private['vmId']}_{first['errorCode']}",
            eventCode=first["errorCode"],
            description="Virtual machine health is in Critical state",
            eventType="VmHealth",
            affectedObjectFriendlyName=private["machine"]["name"],
            affectedObjectCorrelationId=private["vmId"],
            severity="Critical",
            timeOfOccurrence=first["creationTimeUtc"],
            eventSpecificDetails=None,
            healthErrors=critical,
        )
    ]


def _event(world: World, resource: str, name: str, **properties: Any) -> Document:
    vault, fabric_id = vault_of(resource), fabric_of(resource)
    fabric = world.store.peek(FABRICS.kind, fabric_id)
    provider = fabric[PRIVATE]["experience"] if fabric is not None else None
    return {
        "id": EVENTS.id(vault, name),
        "name": name,
        "type": EVENTS.type,
        "properties": {
            **properties,
            "fabricId": fabric_id,
            "providerSpecificDetails": provider and {"instanceType": provider},
        },
    }


def _health_error(error: Document, properties: Document) -> Document:
    """An error of a job in the shape of a health error."""
    told = error["serviceErrorDetails"]
    return {
        "innerHealthErrors": [],
        "errorSource": "ProtectedEntitySystemError",
        "errorType": "JobError",
        "errorLevel": error["errorLevel"],
        "errorCategory": "Replication",
        "errorCode": told["code"],
        "summaryMessage": "",
        "errorMessage": told["message"],
        "possibleCauses": told["possibleCauses"],
        "recommendedAction": told["recommendedAction"],
        "creationTimeUtc": error["creationTime"],
        "recoveryProviderErrorMessage": error["providerErrorDetails"]["errorMessage"],
        "entityId": properties["targetObjectId"],
        "errorId": told["code"],
        "customerResolvability": "NotAllowed",
    }
