"""The state of a recovery plan: its last job, its allowed operations and its machines."""

from __future__ import annotations

from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World
from emulator.recovery_services.experiences import registry
from emulator.recovery_services.jobs import jobs
from emulator.recovery_services.plans import groups as plan_groups
from emulator.recovery_services.wire.paths import AZURE, JOBS, PROTECTED_ITEMS

_OPERATIONS = ("UnplannedFailover", "TestFailover", "TestFailoverCleanup", "Commit")
"""The operations that a plan can allow, in the service's order (recorded)."""


def new() -> Document:
    """The private part of a plan that has never run."""
    return {"provider": None, "job": None, "lastTest": None, "lastFailover": None}


def job_of(world: World, plan: Document) -> Document | None:
    """The plan's last job, whether it still runs or not; None if it never ran."""
    return world.store.get(JOBS.kind, plan[PRIVATE]["job"] or "")


def running(world: World, plan: Document) -> Document | None:
    """The job that runs the plan now, or None."""
    job = job_of(world, plan)
    return job if job is not None and jobs.running(job) else None


def require_idle(world: World, plan: Document) -> None:
    """Refuse a request that is not allowed while the plan runs.

    Raises:
        ArmError: 409; the code is [inferred].
    """
    job = running(world, plan)
    if job is not None:
        raise ArmError(
            409,
            "OperationInProgress",
            f"The recovery plan '{plan['name']}' is in use: the job '{job['name']}' "
            f"({job['properties']['scenarioName']}, {job['properties']['state']}) is in progress "
            "on it. Try again after it ended.",
        )


def machines(world: World, plan: Document) -> list[Document]:
    """The replicated items of the plan, group by group."""
    found = (
        world.store.get(PROTECTED_ITEMS.kind, member["id"])
        for member in plan_groups.members(plan["properties"]["groups"])
    )
    return [item for item in found if item is not None]


def allowed_to(item: Document) -> tuple[str, ...]:
    """The operations that an item's state allows, even while a job runs on the item."""
    private = item[PRIVATE]
    return registry.of(private["experience"]).table.states[private["state"]].allowed


def allowed(world: World, plan: Document) -> list[str]:
    """The plan's `allowedOperations`: those that at least one machine allows [inferred].

    A machine that is already past the operation is skipped when the plan runs, as documented for
    machines that another plan failed over.
    """
    if running(world, plan) is not None:
        return []
    possible = {operation for item in machines(world, plan) for operation in allowed_to(item)}
    return [operation for operation in _OPERATIONS if operation in possible]


def groups(world: World, plan: Document) -> list[Document]:
    """The groups as GET returns them."""
    return [
        {
            **group,
            "replicationProtectedItems": [
                {"id": item["id"], "virtualMachineId": item[PRIVATE]["vmId"]}
                for member in group["replicationProtectedItems"]
                for item in [world.store.get(PROTECTED_ITEMS.kind, member["id"])]
                if item is not None
            ],
        }
        for group in plan["properties"]["groups"]
    ]


def properties(world: World, plan: Document) -> Document:
    """The plan's properties without its groups."""
    kept, private = plan["properties"], plan[PRIVATE]
    status, description = _status(world, plan)
    shown = {
        "friendlyName": kept["friendlyName"],
        "primaryFabricId": kept["primaryFabricId"],
        "primaryFabricFriendlyName": kept["primaryFabricFriendlyName"],
        "recoveryFabricId": AZURE,
        "recoveryFabricFriendlyName": AZURE,
        "failoverDeploymentModel": "ResourceManager",
        "replicationProviders": [private["provider"]],
        "allowedOperations": allowed(world, plan),
        "currentScenario": _scenario(world, plan),
        "currentScenarioStatus": status,
        "currentScenarioStatusDescription": description,
        "groups": [],
        "providerSpecificDetails": [],
    }
    # Times that were never set are left out, as recorded.
    if private["lastFailover"]:
        shown["lastUnplannedFailoverTime"] = private["lastFailover"]
    if private["lastTest"]:
        shown["lastTestFailoverTime"] = private["lastTest"]
    return shown


def _scenario(world: World, plan: Document) -> Document | None:
    job = job_of(world, plan)
    if job is None:
        return None
    return {
        "scenarioName": job["properties"]["scenarioName"],
        "jobId": job["id"],
        "startTime": job["properties"]["startTime"],
    }


def _status(world: World, plan: Document) -> tuple[str | None, str | None]:
    job = job_of(world, plan)
    if job is None:
        return None, None
    told = job["properties"]
    ended_well = told["scenarioName"] == "TestFailover" and told["state"] == "Succeeded"
    if ended_well and any(
        "TestFailoverCleanup" in allowed_to(item) for item in machines(world, plan)
    ):
        # As in the published example: a test goes on until its environment is cleaned up.
        return "Suspended", "WaitingForStopTestFailover"
    return told["state"], told["stateDescription"]
