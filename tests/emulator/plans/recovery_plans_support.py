"""Recovery plans on a site: their bodies, and access to their jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulator.estate.machines import Instance
from emulator.kernel.wire import Response
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP_NAME,
    INSTANCE_TYPE,
    TEST_NETWORK,
    VAULT,
    VAULT_NAME,
    Site,
)

PLAN = f"{VAULT}/replicationRecoveryPlans/shop"
AT = (GROUP_NAME, VAULT_NAME, "shop")
BOTH = ("TestFailover", "UnplannedFailover")
RUNBOOK = (
    f"{VAULT.partition('/providers/')[0]}/providers/Microsoft.Automation/automationAccounts"
    "/automation/runbooks/open-gates"
)


def group(
    site: Site,
    *machines: Instance,
    start: Sequence[Any] = (),
    end: Sequence[Any] = (),
    kind: str = "Boot",
) -> dict[str, Any]:
    return {
        "groupType": kind,
        "replicationProtectedItems": [{"id": site.item(machine)} for machine in machines],
        "startGroupActions": list(start),
        "endGroupActions": list(end),
    }


def action(
    name: str, details: dict[str, Any], types: Sequence[str] = BOTH, **changes: Any
) -> dict[str, Any]:
    return {
        "actionName": name,
        "failoverTypes": list(types),
        "failoverDirections": ["PrimaryToRecovery"],
        "customDetails": details,
        **changes,
    }


def manual(name: str, text: str = "Look.", types: Sequence[str] = BOTH) -> dict[str, Any]:
    details = {"instanceType": "ManualActionDetails", "description": text}
    return action(name, details, types)


def runbook(name: str, **more: Any) -> dict[str, Any]:
    details = {
        "instanceType": "AutomationRunbookActionDetails",
        "runbookId": RUNBOOK,
        "fabricLocation": "Recovery",
        **more,
    }
    return action(name, details)


def plan_body(site: Site, *groups: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "properties": {
            "primaryFabricId": site.fabric,
            "recoveryFabricId": "Microsoft Azure",
            "failoverDeploymentModel": "ResourceManager",
            "groups": list(groups),
            **changes,
        }
    }


def create(site: Site, *groups: dict[str, Any]) -> Any:
    """The plan, created through the SDK."""
    plans = site.client.replication_recovery_plans
    return plans.begin_create(*AT, plan_body(site, *groups)).result()


def testing_body(site: Site | None, **changes: Any) -> dict[str, Any]:
    """The body of a test failover; of the site's provider, or of the classic one."""
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "networkType": "VmNetworkAsInput",
            "networkId": TEST_NETWORK,
            "providerSpecificDetails": provider("LatestProcessed", _provider_of(site)),
            **changes,
        }
    }


def failover_body(
    point: str = "Latest", site: Site | None = None, **changes: Any
) -> dict[str, Any]:
    """The body of an unplanned failover; of the site's provider, or of the classic one."""
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "sourceSiteOperations": "NotRequired",
            "providerSpecificDetails": provider(point, _provider_of(site)),
            **changes,
        }
    }


def provider(point: str, instance_type: str = INSTANCE_TYPE) -> list[dict[str, str]]:
    return [{"instanceType": instance_type, "recoveryPointType": point}]


def _provider_of(site: Site | None) -> str:
    return INSTANCE_TYPE if site is None else site.experience.instance_type


def run(site: Site, operation: str, body: Any = None) -> Response:
    """The 202 of an operation on the plan."""
    return site.accepted("POST", f"{PLAN}/{operation}", body)


def begin_test(site: Site, **changes: Any) -> Response:
    return run(site, "testFailover", testing_body(site, **changes))


def fail_over(site: Site, point: str = "Latest") -> Response:
    return run(site, "unplannedFailover", failover_body(point, site))


def paused(site: Site, accepted: Response) -> Any:
    """The job behind a 202 once it waits for a person."""
    for _ in range(200):
        job = site.job(accepted)
        if job["state"] == "Suspended":
            return job
        assert job["state"] == "InProgress", job
        site.pass_time(seconds=30)
    raise AssertionError("the plan does not wait")


def ended(site: Site, accepted: Response) -> Any:
    """The job behind a 202, ended."""
    job = site.finished(accepted)
    assert job["state"] != "Suspended", job
    return job


def name_of(accepted: Response) -> str:
    return accepted.headers["Azure-AsyncOperation"].partition("?")[0].rpartition("/")[2]


def resume(site: Site, accepted: Response, comments: str = "done") -> None:
    site.client.replication_jobs.begin_resume(
        GROUP_NAME, VAULT_NAME, name_of(accepted), {"properties": {"comments": comments}}
    ).result()


def plan(site: Site) -> Any:
    return site.get(PLAN)["properties"]


def children(job: Any, title: str) -> Any:
    """The child tasks of the group task of a title."""
    (found,) = [task for task in job["tasks"] if task["friendlyName"] == title]
    return found["groupTaskCustomDetails"]["childTasks"]


def states(job: Any) -> dict[str, str]:
    return {task["friendlyName"]: task["state"] for task in job["tasks"]}
