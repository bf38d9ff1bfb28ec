"""Events of a vault: what happened to its machines, told from its finished jobs."""

from __future__ import annotations

from datetime import datetime

from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.jobs import jobs
from emulator.recovery_services.wire import filters
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    EVENTS,
    JOBS,
    children,
    name_of,
    not_found,
    page,
    require_vault,
    vault_id,
    vault_of,
)

routes = Routes(API_VERSIONS)

_SEVERITIES = {"Succeeded": "OK", "Failed": "Critical", "Cancelled": "Warning"}
_OF_PROPERTIES = (
    *("eventCode", "severity", "eventType"),
    *("affectedObjectFriendlyName", "affectedObjectCorrelationId"),
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
    return [
        _event(job)
        for job in reversed(children(world, JOBS, vault))
        if job[PRIVATE]["machine"] and not jobs.running(job)
    ]


def _keeps(term: filters.Term, properties: Document) -> bool:
    if term.name == "fabricName":
        return filters.compare(term, name_of(properties["fabricId"]))
    if term.name in _OF_PROPERTIES:
        return filters.compare(term, str(properties[term.name] or ""))
    occurred = datetime.fromisoformat(properties["timeOfOccurrence"])
    moment = filters.moment(term)
    return occurred >= moment if term.name == "startTime" else occurred <= moment


def _event(job: Document) -> Document:
    properties = job["properties"]
    vault = vault_of(job["id"])
    name = f"VmMonitoringEvent;{job['name']}"
    resource = job[PRIVATE]["resource"].split("/")
    return {
        "id": EVENTS.id(vault, name),
        "name": name,
        "type": EVENTS.type,
        "properties": {
            "eventCode": properties["scenarioName"],
            "description": f"{properties['friendlyName']}: {properties['stateDescription']}",
            "eventType": "VmHealth",
            "affectedObjectFriendlyName": properties["targetObjectName"],
            "affectedObjectCorrelationId": properties["targetObjectId"],
            "severity": _SEVERITIES[properties["state"]],
            "timeOfOccurrence": properties["endTime"],
            "fabricId": "/".join(resource[:11]),
            "providerSpecificDetails": None,
            "eventSpecificDetails": {
                "instanceType": "JobStatus",
                "jobId": job["id"],
                "jobFriendlyName": properties["friendlyName"],
                "jobStatus": properties["state"],
                "affectedObjectType": properties["targetInstanceType"],
            },
            "healthErrors": [],
        },
    }
