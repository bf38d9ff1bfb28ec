"""The health of a vault: how many of its things are well, warn or are critical."""

from __future__ import annotations

from collections import Counter

from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services import fabric_details, item_view, jobs
from emulator.recovery_services.paths import (
    API_VERSIONS,
    CONTAINERS,
    FABRICS,
    PROTECTED_ITEMS,
    VAULT_HEALTH,
    children,
    require_vault,
    vault_id,
)
from emulator.recovery_services.scenarios import REFRESH_HEALTH

routes = Routes(API_VERSIONS)


@routes.route("GET", VAULT_HEALTH, "ReplicationVaultHealth_Get")
def get_health(world: World, request: Request, **path: str) -> Response:
    """The health of the vault now."""
    require_vault(world, path)
    vault = vault_id(path)
    items = [
        item_view.listed(world, i)["properties"] for i in children(world, PROTECTED_ITEMS, vault)
    ]
    fabrics = [
        fabric_details.shown(world, f)["properties"] for f in children(world, FABRICS, vault)
    ]
    body = {
        "name": "Default",
        "type": "Microsoft.RecoveryServices/vaults/replicationVaultHealth",
        "id": f"{vault}/replicationVaultHealth/Default",
        "properties": {
            "vaultErrors": [],
            "protectedItemsHealth": _summary(len(items), _issues(items, "healthErrors"))
            | {"categorizedResourceCounts": _categories(items)},
            "fabricsHealth": _summary(len(fabrics), _issues(fabrics, "healthErrorDetails")),
            "containersHealth": _summary(len(children(world, CONTAINERS, vault)), []),
        },
    }
    return Response(200, body)


@routes.route("POST", f"{VAULT_HEALTH}/default/refresh", "ReplicationVaultHealth_Refresh")
def refresh(world: World, request: Request, **path: str) -> Response:
    """Compute the health anew."""
    vault = require_vault(world, path)
    identifier = f"{vault_id(path)}/replicationVaultHealth"
    target = jobs.Target(identifier, world.guid("vault", vault["id"]), "")
    job = jobs.begin(world, REFRESH_HEALTH, target, operation="ReplicationVaultHealth_Refresh")
    # Location lies beside `default`, not under it (recorded).
    assert job[PRIVATE]["resource"] == identifier
    return jobs.accepted(world, request, job)


def _summary(count: int, issues: list[Document]) -> Document:
    return {"resourceCount": count, "issues": issues, "categorizedResourceCounts": None}


def _issues(entries: list[Document], name: str) -> list[Document]:
    counted = Counter(
        (error["errorCode"], error["errorLevel"])
        for properties in entries
        for error in properties[name]
    )
    return [
        {"errorCode": code, "severity": level, "affectedResourceCount": count}
        for (code, level), count in sorted(counted.items())
    ]


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
