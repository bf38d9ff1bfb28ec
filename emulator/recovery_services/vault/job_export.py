"""The export of a vault's jobs: a file, whose URL is in the export's own job.

The real file is a blob with a shared access signature; here the emulator serves it
to everyone who has the signature. Only JSON is written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict

from emulator.kernel.long_running import origin
from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.jobs import answers, jobs, outcomes
from emulator.recovery_services.jobs.scenarios import EXPORT_JOBS
from emulator.recovery_services.wire import bodies
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    JOBS,
    children,
    require_vault,
    vault_id,
    vault_of,
)

routes = Routes(API_VERSIONS)
files = Routes()

_FILES = "/_emulator/exports"


class _Query(bodies.Body):
    start_time: datetime | None = None
    end_time: datetime | None = None
    fabric_id: str | None = None
    affected_object_types: str | None = None
    job_status: str | None = None
    job_output_type: Literal["Json", "Xml", "Excel"] | None = None
    job_name: str | None = None
    timezone_offset: float | None = None

    # Times are text on the wire.
    model_config = ConfigDict(strict=False)


@routes.route("POST", f"{JOBS.collection}/export", "ReplicationJobs_Export")
def export(world: World, request: Request, **path: str) -> Response:
    """Write the jobs that match a query into a file.

    Raises:
        ArmError: 400 for a format other than JSON.
    """
    require_vault(world, path)
    query = bodies.parse(_Query, request)
    if query.job_output_type not in (None, "Json"):
        raise ArmError(
            400,
            "OutputTypeNotEmulated",
            f"jobOutputType: this emulator writes 'Json' only, not '{query.job_output_type}'.",
        )
    job = jobs.begin(
        world,
        EXPORT_JOBS,
        jobs.Target(f"{vault_id(path)}/replicationJobs/export", "", ""),
        operation="ReplicationJobs_Export",
        payload={
            "query": query.model_dump(mode="json", exclude_none=True),
            "at": f"{origin(request)}{_FILES}",
            "found": [],
        },
    )
    # The operation's result is the export's own job (recorded: `Location` lies under it).
    job[PRIVATE] |= {"resource": job["id"], "polledAt": job["id"]}
    jobs.save(world, job)
    return answers.accepted(world, request, job)


@files.route("GET", f"{_FILES}/{{job}}", "_JobExport_Get")
def get_file(world: World, request: Request, job: str) -> Response:
    """The file of an export, as JSON.

    Raises:
        ArmError: 403 without the export's signature, 404 where there is no such export.
    """
    for known in world.store.list(JOBS.kind):
        if known["name"].lower() == job.lower() and "found" in known[PRIVATE]["payload"]:
            if request.query.get("sig") != _signature(world, known):
                raise ArmError(403, "AuthenticationFailed", "The signature does not match.")
            return Response(200, {"value": known[PRIVATE]["payload"]["found"]})
    raise ArmError(404, "BlobNotFound", "The specified blob does not exist.")


@outcomes.when_done(EXPORT_JOBS)
def _write(world: World, job: Document) -> None:
    payload = job[PRIVATE]["payload"]
    query = _Query.model_validate(payload["query"], by_name=True)
    payload["found"] = [
        answers.presented(world, known)
        for known in reversed(children(world, JOBS, vault_of(job["id"])))
        if known["id"] != job["id"] and _wanted(query, known)
    ]
    job["properties"]["customDetails"] |= {
        "blobUri": f"{payload['at']}/{job['name']}",
        "sasToken": f"sig={_signature(world, job)}",
    }
    jobs.save(world, job)


def _wanted(query: _Query, job: Document) -> bool:
    told, private = job["properties"], job[PRIVATE]
    since = query.start_time
    if since is not None and datetime.fromisoformat(told["startTime"]) < since:
        return False
    if query.end_time is not None and datetime.fromisoformat(told["startTime"]) > query.end_time:
        return False
    for names, actual in (
        (query.affected_object_types, told["targetInstanceType"]),
        (query.job_status, told["state"]),
        (query.job_name, told["scenarioName"]),
    ):
        known = [name.strip().lower() for name in (names or "").split(",") if name.strip()]
        if known and actual.lower() not in known:
            return False
    return not query.fabric_id or private["resource"].lower().startswith(query.fabric_id.lower())


def _signature(world: World, job: Document) -> str:
    return world.guid("export", job["id"])
