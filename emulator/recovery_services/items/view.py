"""How a protected item is answered at this moment, in a list and by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from emulator.guests import machine
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.experiences import registry
from emulator.recovery_services.jobs import jobs
from emulator.recovery_services.jobs.scenarios import ENABLE
from emulator.recovery_services.replication import recovery_points
from emulator.recovery_services.wire.paths import (
    AZURE,
    POLICIES,
    PROTECTED_ITEMS,
    RECOVERY_CONTAINER,
    name_of,
    vault_of,
)
from emulator.recovery_services.wire.times import NEVER_RUN, stamp
from emulator.recovery_services.wire.views import view

_AZURE_PROVIDER = "Microsoft Azure"


@view(PROTECTED_ITEMS)
def shown(world: World, item: Document) -> Document:
    """The item in full."""
    return _shown(world, item, full=True)


def listed(world: World, item: Document) -> Document:
    """The item as a list has it, with less detail."""
    return _shown(world, item, full=False)


def _shown(world: World, item: Document, *, full: bool) -> Document:
    private = item[PRIVATE]
    experience = registry.of(private["experience"])
    state = experience.table.states[private["state"]]
    vault = vault_of(item["id"])
    job = jobs.busy_with(world, item)
    health, errors = _health(world, item)
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
        "replicationHealth": health,
        "failoverHealth": "Warning"
        if experience.warns_untested and private["lastTest"] is None
        else "Normal",
        "healthErrors": errors,
        "policyId": item["properties"]["policyId"],
        "policyFriendlyName": name_of(item["properties"]["policyId"]),
        "currentScenario": _scenario(world, item, job),
        "failoverRecoveryPointId": recovery_points.identifier(item, private["recoveryPoint"])
        if full and private["recoveryPoint"]
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


def _health(world: World, item: Document) -> tuple[str, list[Document]]:
    private = item[PRIVATE]
    errors: list[Document] = list(private["errors"])
    if errors:
        return "Critical", errors
    health = "Normal"
    lag = recovery_points.lag(world, item)
    guest = machine.peek(world, private["machine"]["instance"])
    halted = machine.stopped_at(guest) if guest else None
    replicates = private["failedOver"] is None
    if replicates and halted is not None:
        health = "Critical"
        name = private["machine"]["name"]
        errors.append(
            health_error(
                item,
                code="78145",
                level="Error",
                category="Replication",
                message=f"The VM '{name}' is powered off.",
                causes="The source machine was stopped or terminated.",
                action="Start the machine; replication goes on by itself.",
                since=halted,
            )
        )
    elif replicates and lag is not None and lag > _threshold(world, item):
        health = "Warning"
    warns = registry.of(private["experience"]).warns_untested
    if warns and private["protected"] is not None and private["lastTest"] is None:
        name = private["machine"]["name"]
        errors.append(
            health_error(
                item,
                code="161011",
                level="Warning",
                category="TestFailover",
                message="No successful test failover has been done on the virtual machine "
                f"'{name}'.",
                causes="No successful test failover has been done on the virtual machine after "
                "it was replicated.",
                action="Do a test failover on the virtual machine.",
                since=datetime.fromisoformat(private["protected"]),
            )
        )
    return health, errors


def health_error(
    item: Document,
    *,
    code: str,
    level: str,
    category: str,
    message: str,
    causes: str,
    action: str,
    since: datetime,
) -> Document:
    """One entry of `healthErrors`."""
    return {
        "innerHealthErrors": [],
        "errorSource": "ReplicationUnitFailoverValidatorError"
        if category == "TestFailover"
        else "ReplicationProviderError",
        "errorType": "8010",
        "errorLevel": level,
        "errorCategory": category,
        "errorCode": code,
        "summaryMessage": "",
        "errorMessage": message,
        "possibleCauses": causes,
        "recommendedAction": action,
        "creationTimeUtc": stamp(since),
        "recoveryProviderErrorMessage": None,
        "entityId": item[PRIVATE]["vmId"],
        "errorId": f"6:{code}",
        "customerResolvability": "NotAllowed",
    }


def _threshold(world: World, item: Document) -> timedelta:
    policy = world.store.peek(POLICIES.kind, item["properties"]["policyId"])
    details = policy["properties"]["providerSpecificDetails"] if policy else {}
    return timedelta(minutes=details.get("recoveryPointThresholdInMinutes") or 15)
