"""The health of a vault: how many of its things are well, warn or are critical."""

from __future__ import annotations

from collections import Counter

from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services import fabrics, item_view, jobs
from emulator.recovery_services.paths import (
    API_VERSIONS,
    CONTAINERS,
    FABRICS,
    PROTECTED_ITEMS,
    VAULT_HEALTH,
    children,
    require_vault,
    vault_id,
    vault_of,
)
from emulator.recovery_services.scenarios import REFRESH_HEALTH
from emulator.recovery_services.views import computed

routes = Routes(API_VERSIONS)


@routes.route("GET", VAULT_HEALTH, "ReplicationVaultHealth_Get")
def get_health(world: World, request: Request, **path: str) -> Response:
    """The health of the vault now."""
    require_vault(world, path)
    return Response(200, _health(world, f"{vault_id(path)}/replicationVaultHealth/Default"))


@routes.route("POST", f"{VAULT_HEALTH}/default/refresh", "ReplicationVaultHealth_Refresh")
def refresh(world: World, request: Request, **path: str) -> Response:
    """Compute the health anew."""
    vault = require_vault(world, path)
    parent = f"{vault_id(path)}/replicationVaultHealth"
    # Location lies beside `default`, not under it (recorded).
    target = jobs.Target(
        f"{parent}/Default", world.guid("vault", vault["id"]), "", polled_at=parent
    )
    job = jobs.begin(world, REFRESH_HEALTH, target, operation="ReplicationVaultHealth_Refresh")
    return jobs.accepted(world, request, job)


@computed("microsoft.recoveryservices/vaults/replicationvaulthealth")
def _health(world: World, identifier: str) -> Document:
    vault = vault_of(identifier)
    items = [
        item_view.listed(world, item)["properties"]
        for item in children(world, PROTECTED_ITEMS, vault)
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
