"""A protected item as a GET and a list return it now."""

from __future__ import annotations

from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.experiences import registry
from emulator.recovery_services.items import health
from emulator.recovery_services.jobs import jobs
from emulator.recovery_services.jobs.scenarios import ENABLE
from emulator.recovery_services.replication import recovery_points
from emulator.recovery_services.wire.paths import (
    AZURE,
    PROTECTED_ITEMS,
    RECOVERY_CONTAINER,
    name_of,
    vault_of,
)
from emulator.recovery_services.wire.times import NEVER_RUN
from emulator.recovery_services.wire.views import view

_AZURE_PROVIDER = "Microsoft Azure"


@view(PROTECTED_ITEMS)
def shown(world: World, item: Document) -> Document:
    """The item in full."""
    return _shown(world, item, full=True)


def listed(world: World, item: Document) -> Document:
    """The item as a list returns it, with fewer details."""
    return _shown(world, item, full=False)


def _shown(world: World, item: Document, *, full: bool) -> Document:
    private = item[PRIVATE]
    experience = registry.of(private["experience"])
    state = experience.table.states[private["state"]]
    vault = vault_of(item["id"])
    job = jobs.busy_with(world, item)
    replication_health, failover_health, errors = health.of(world, item)
    properties = {
        "friendlyName": private["machine"]["name"],
        "protectedItemType": "",
        "protectableItemId": private["protectable"],
        "recoveryServicesProviderId": item["properties"]["recoveryServicesProviderId"],
        "primaryFabricFriendlyName": item["properties"]["primaryFabricFriendlyName"],
        "primaryFabricProvider": experience.fabric_provider,
        "recoveryFabricFriendlyName": AZURE,
        "recoveryFabricId": AZURE,
        "primaryProtectionContainerFriendlyName": item["properties"][
            "primaryProtectionContainerFriendlyName"
        ],
        "recoveryProtectionContainerFriendlyName": _AZURE_PROVIDER,
        "protectionState": state.protection_state,
        "protectionStateDescription": state.description,
        "activeLocation": state.active_location,
        "testFailoverState": private["testState"],
        "testFailoverStateDescription": private["testDescription"],
        "switchProviderState": "None",
        "switchProviderStateDescription": None,
        "allowedOperations": [] if job else list(state.allowed),
        "replicationHealth": replication_health,
        "failoverHealth": failover_health,
        "healthErrors": errors,
        "policyId": item["properties"]["policyId"],
        "policyFriendlyName": name_of(item["properties"]["policyId"]),
        "currentScenario": _scenario(world, item, job),
        "failoverRecoveryPointId": recovery_points.identifier(item, private["recoveryPoint"])
        if private["recoveryPoint"] and (full or experience.lists_recovery_point)
        else None,
        "providerSpecificDetails": experience.details(world, item, full=full),
        "recoveryContainerId": f"{vault}{RECOVERY_CONTAINER}",
        "eventCorrelationId": world.guid("correlation", private["cycle"]),
    }
    # Times that were never set are left out, as recorded.
    if private["lastFailover"]:
        properties["lastSuccessfulFailoverTime"] = private["lastFailover"]
    if private["lastTest"]:
        properties["lastSuccessfulTestFailoverTime"] = private["lastTest"]
    return {
        "id": item["id"],
        "name": item["name"],
        "type": item["type"],
        "properties": properties,
    }


def _scenario(world: World, item: Document, job: Document | None) -> Document:
    private = item[PRIVATE]
    state = registry.of(private["experience"]).table.states[private["state"]]
    if job is not None:
        name = job["properties"]["scenarioName"]
        # While a machine is being enabled its item says so in another word than its job
        # (recorded).
        return {
            "scenarioName": "EnableProtection" if name == ENABLE.name else name,
            "jobId": job["id"],
            "startTime": job["properties"]["startTime"],
        }
    if state.scenario is not None and private["lastJob"] is not None:
        return {"scenarioName": state.scenario, **private["lastJob"]}
    return {
        "scenarioName": "None",
        "jobId": f"{vault_of(item['id'])}/replicationJobs/None",
        "startTime": NEVER_RUN,
    }
