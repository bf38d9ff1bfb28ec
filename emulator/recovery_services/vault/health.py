"""The health of a vault: the number of resources by health, and the vault's usages."""

from __future__ import annotations

from collections import Counter

from emulator.arm.vaults.vault import KIND as VAULTS
from emulator.arm.vaults.versions import API_VERSIONS as VAULT_API_VERSIONS
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.fabrics import fabrics
from emulator.recovery_services.items import view
from emulator.recovery_services.jobs import answers, jobs
from emulator.recovery_services.jobs.scenarios import REFRESH_HEALTH
from emulator.recovery_services.vault import events
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    CONTAINERS,
    FABRICS,
    JOBS,
    PROTECTED_ITEMS,
    PROVIDERS,
    VAULT,
    VAULT_HEALTH,
    child_keys,
    children,
    children_seen,
    require_vault,
    vault_id,
    vault_of,
)
from emulator.recovery_services.wire.views import computed

routes = Routes(API_VERSIONS)
_usages = Routes(VAULT_API_VERSIONS)  # an operation of the vaults' own contract


@routes.route("GET", VAULT_HEALTH, "ReplicationVaultHealth_Get")
def get_health(world: World, request: Request, **path: str) -> Response:
    """The health of the vault now."""
    require_vault(world, path)
    return Response(200, _health(world, f"{vault_id(path)}/replicationVaultHealth/Default"))


@routes.route("POST", f"{VAULT_HEALTH}/default/refresh", "ReplicationVaultHealth_Refresh")
def refresh(world: World, request: Request, **path: str) -> Response:
    """Recompute the health."""
    vault = require_vault(world, path)
    parent = f"{vault_id(path)}/replicationVaultHealth"
    # Location lies beside `default`, not under it (recorded).
    target = jobs.Target(
        f"{parent}/Default", world.guid("vault", vault["id"]), "", polled_at=parent
    )
    job = jobs.begin(world, REFRESH_HEALTH, target, operation="ReplicationVaultHealth_Refresh")
    return answers.accepted(world, request, job)


@_usages.route("GET", f"{VAULT}/replicationUsages", "ReplicationUsages_List")
def list_usages(world: World, request: Request, **path: str) -> Response:
    """Count the Site Recovery resources of the vault, and those that are not healthy."""
    require_vault(world, path)
    vault = vault_id(path)
    items = [view.listed(world, item) for item in children_seen(world, PROTECTED_ITEMS, vault)]
    providers = [
        fabrics.shown_provider(world, provider) for provider in children(world, PROVIDERS, vault)
    ]
    states = Counter(job["properties"]["state"] for job in children_seen(world, JOBS, vault))
    usage = {
        "monitoringSummary": {
            "unHealthyVmCount": sum(
                item["properties"]["replicationHealth"] in ("Warning", "Critical") for item in items
            ),
            "unHealthyProviderCount": sum(
                provider["properties"]["connectionStatus"] != "Connected" for provider in providers
            ),
            "eventsCount": len(events.happened(world, vault)),
            "deprecatedProviderCount": 0,
            "supportedProviderCount": len(providers),
            "unsupportedProviderCount": 0,
        },
        "jobsSummary": {
            "failedJobs": states["Failed"],
            "suspendedJobs": states["Suspended"],
            "inProgressJobs": states["InProgress"] + states["NotStarted"] + states["Cancelling"],
        },
        "protectedItemCount": len(items),
        "recoveryPlanCount": len(
            world.store.keys(f"{VAULTS}/replicationrecoveryplans", f"{vault.lower()}/")
        ),
        "registeredServersCount": len(child_keys(world, FABRICS, vault)),
        "recoveryServicesProviderAuthType": 1,
    }
    return Response(200, {"value": [usage]})


routes.include(_usages)


@computed("microsoft.recoveryservices/vaults/replicationvaulthealth")
def _health(world: World, identifier: str) -> Document:
    vault = vault_of(identifier)
    items = [
        view.listed(world, item)["properties"]
        for item in children_seen(world, PROTECTED_ITEMS, vault)
    ]
    servers = [
        fabrics.shown_fabric(world, fabric)["properties"]
        for fabric in children(world, FABRICS, vault)
    ]
    return {
        "name": "Default",
        "type": "Microsoft.RecoveryServices/vaults/replicationVaultHealth",
        "id": identifier,
        "properties": {
            "vaultErrors": [],
            "protectedItemsHealth": _summary(len(items), _issues(items, "healthErrors"))
            | {"categorizedResourceCounts": _categories(items)},
            "fabricsHealth": _summary(len(servers), _issues(servers, "healthErrorDetails")),
            "containersHealth": _summary(len(children(world, CONTAINERS, vault)), []),
        },
    }


def _summary(count: int, issues: list[Document]) -> Document:
    return {"resourceCount": count, "issues": issues, "categorizedResourceCounts": None}


def _issues(entries: list[Document], name: str) -> list[Document]:
    """HealthErrorSummary: every error once, with the resources that it concerns."""
    found: dict[tuple[str, str], Document] = {}
    for properties in entries:
        for error in properties[name]:
            summary = found.setdefault(
                (error["errorCode"], error["errorLevel"]),
                {
                    "summaryCode": error["errorCode"],
                    "category": error["errorCategory"],
                    "severity": error["errorLevel"],
                    "summaryMessage": error["errorMessage"],
                    "affectedResourceType": "ProtectedItem" if name == "healthErrors" else "Fabric",
                    "affectedResourceSubtype": "",
                    "affectedResourceCorrelationIds": [],
                },
            )
            summary["affectedResourceCorrelationIds"].append(error["entityId"])
    return [found[key] for key in sorted(found)]


def _categories(items: list[Document]) -> dict[str, int]:
    health = Counter(item["replicationHealth"] for item in items)
    failover = Counter(item["failoverHealth"] for item in items)
    waiting = sum(item["testFailoverState"] == "WaitingForCompletion" for item in items)
    testing = sum(item["currentScenario"]["scenarioName"] == "TestFailover" for item in items)
    return {
        "testFailoverApplicableProtectedItemsCount": sum(
            "TestFailover" in item["allowedOperations"] for item in items
        ),
        "testFailoverInProgressProtectedItemsCount": max(0, testing - waiting),
        "testFailoverWaitingProtectedItemsCount": waiting,
        "protectedItemsCriticalCount": health["Critical"],
        "protectedItemsWarningCount": health["Warning"],
        "protectedItemsNeutralCount": health["None"],
        "protectedItemsTestFailoverCriticalCount": 0,
        "protectedItemsTestFailoverWarningCount": failover["Warning"],
        "protectedItemsConfigurationCriticalCount": health["Critical"],
        "protectedItemsConfigurationWarningCount": 0,
        "protectedItemsFailoverHealthCriticalCount": failover["Critical"],
        "protectedItemsFailoverHealthWarningCount": failover["Warning"],
    }
