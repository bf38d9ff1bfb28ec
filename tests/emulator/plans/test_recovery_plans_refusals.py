"""Refused contents of recovery plans, and changes that are refused while a plan runs."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.recovery_services.plans import groups as plan_groups
from tests.copies import copied
from tests.emulator.plans import recovery_plans_support as plans
from tests.emulator.plans.recovery_plans_support import PLAN
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import VAULT, Site

DB, APP, WEB = (support.windows(number) for number in (1, 2, 3))
FLEET = (DB, APP, WEB)


@copied
def protected() -> Site:
    site = Site(FLEET).prepare()
    for machine in FLEET[:2]:
        site.protect(machine)
    site.enable(WEB)
    return site


@pytest.fixture
def site() -> Site:
    return protected()


def refused(site: Site, *groups: dict[str, Any], **changes: Any) -> tuple[int, str, str]:
    return site.refused("PUT", PLAN, plans.plan_body(site, *groups, **changes))


def test_an_item_that_is_not_there_or_of_another_vault_is_refused(site: Site) -> None:
    elsewhere = site.item(DB).replace("rsv-migration", "rsv-other")
    for identifier in (f"{site.item(DB)}-no", elsewhere):
        unknown = plans.group(site)
        unknown["replicationProtectedItems"] = [{"id": identifier}]
        status, code, message = refused(site, unknown)
        assert (status, code) == (400, "ProtectedItemNotFound")
        assert identifier in message


def test_an_item_that_is_not_protected_yet_is_refused(site: Site) -> None:
    status, code, message = refused(site, plans.group(site, DB, WEB))
    assert (status, code) == (400, "ProtectedItemNotReady")
    assert "web-03" in message


def test_a_machine_in_two_groups_is_refused(site: Site) -> None:
    status, code, message = refused(site, plans.group(site, DB, APP), plans.group(site, DB))
    assert (status, code) == (400, "DuplicateProtectedItemInRecoveryPlan")
    assert "web-01" in message


def test_more_boot_groups_than_seven_are_refused(site: Site) -> None:
    groups = [plans.group(site, DB), *(plans.group(site) for _ in range(7))]
    assert refused(site, *groups)[:2] == (400, "RecoveryPlanGroupLimitExceeded")
    plans.create(site, *groups[:7])


def test_more_machines_than_the_limit_are_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan_groups.MAXIMUM_MACHINES == 100
    monkeypatch.setattr(plan_groups, "MAXIMUM_MACHINES", 1)
    status, code, message = refused(site, plans.group(site, DB), plans.group(site, APP))
    assert (status, code) == (400, "RecoveryPlanProtectedItemLimitExceeded")
    assert "1 replicated items; 2 were given" in message


@pytest.mark.parametrize("kind", ["Shutdown", "Failover"])
def test_machines_go_into_boot_groups_only_and_other_groups_are_there_once(
    site: Site, kind: str
) -> None:
    inside = plans.group(site, DB, kind=kind)
    assert refused(site, inside)[:2] == (400, "InvalidRecoveryPlanGroup")
    twice = [plans.group(site, kind=kind)] * 2
    assert refused(site, *twice, plans.group(site, DB))[1] == "InvalidRecoveryPlanGroup"


def test_a_plan_without_machines_is_refused(site: Site) -> None:
    assert refused(site)[:2] == (400, "RecoveryPlanEmpty")
    assert refused(site, plans.group(site))[:2] == (400, "RecoveryPlanEmpty")


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({"primaryFabricId": f"{VAULT}/replicationFabrics/none"}, "primaryFabricId"),
        ({"recoveryFabricId": f"{VAULT}/replicationFabrics/none"}, "recoveryFabricId"),
        ({"failoverDeploymentModel": "Classic"}, "failoverDeploymentModel"),
        ({"groups": None}, "groups"),
        ({"primaryFabricId": None}, "primaryFabricId"),
        ({"groups": [{"groupType": "Start"}]}, "groups.0.groupType"),
    ],
)
def test_a_plan_of_wrong_parts_is_refused_by_name(
    site: Site, changes: dict[str, Any], target: str
) -> None:
    body = plans.plan_body(site, plans.group(site, DB), **changes)
    response = site.call("PUT", PLAN, body)
    assert response.status == 400
    assert response.body["error"]["details"][0]["target"] == f"properties.{target}"


def test_machines_of_two_providers_are_refused(site: Site) -> None:
    with site.store.transaction():
        kind = (
            "microsoft.recoveryservices/vaults/replicationfabrics/replicationprotectioncontainers"
        )
        item = site.store.get(f"{kind}/replicationprotecteditems", site.item(APP))
        assert item is not None
        item["_emulator"]["experience"] = "InMageRcm"
        site.store.put(f"{kind}/replicationprotecteditems", site.item(APP), item)
    status, code, message = refused(site, plans.group(site, DB), plans.group(site, APP))
    assert (status, code) == (400, "MixedReplicationProviders")
    assert "web-01" in message
    assert "web-02" in message


def test_a_machine_of_another_fabric_is_refused(site: Site) -> None:
    status, code, _ = refused(site, plans.group(site, DB), primaryFabricId=second_fabric(site))
    assert (status, code) == (400, "ProtectedItemOfAnotherFabric")


@pytest.mark.parametrize(
    ("details", "target"),
    [
        ({"instanceType": "Mystery"}, "instanceType"),
        ({"instanceType": "ScriptActionDetails", "fabricLocation": "Recovery"}, "path"),
        (
            {"instanceType": "ScriptActionDetails", "path": "a", "fabricLocation": "Primary"},
            "customDetails",
        ),
        (
            {"instanceType": "AutomationRunbookActionDetails", "fabricLocation": "Recovery"},
            "runbookId",
        ),
        (
            {
                "instanceType": "AutomationRunbookActionDetails",
                "fabricLocation": "Recovery",
                "runbookId": VAULT,
            },
            "runbookId",
        ),
        (
            {
                "instanceType": "AutomationRunbookActionDetails",
                "fabricLocation": "Recovery",
                "runbookId": plans.RUNBOOK.replace("11111111-", "22222222-"),
            },
            "customDetails",
        ),
    ],
)
def test_an_action_that_cannot_run_is_refused(
    site: Site, details: dict[str, Any], target: str
) -> None:
    group = plans.group(site, DB, end=[plans.action("Do", details)])
    response = site.call("PUT", PLAN, plans.plan_body(site, group))
    assert response.status == 400
    at = response.body["error"]["details"][0]["target"]
    assert at.startswith("properties.groups[0].endGroupActions[0].customDetails")
    assert at.endswith(target)


def test_operations_that_these_machines_do_not_have_are_refused(site: Site) -> None:
    plans.create(site, plans.group(site, DB))
    direction = {"properties": {"failoverDirection": "PrimaryToRecovery"}}
    for operation, body in (
        ("plannedFailover", direction),
        ("reProtect", None),
        ("failoverCancel", None),
        ("failoverCommit", None),
        ("testFailoverCleanup", {"properties": {}}),
    ):
        status, code, message = site.refused("POST", f"{PLAN}/{operation}", body)
        assert (status, code) == (400, "OperationNotAllowed")
        assert "UnplannedFailover, TestFailover" in message


@pytest.mark.parametrize(
    ("operation", "body", "target"),
    [
        ("unplannedFailover", {"properties": {}}, "properties.failoverDirection"),
        (
            "unplannedFailover",
            plans.failover_body(failoverDirection="RecoveryToPrimary"),
            "properties.failoverDirection",
        ),
        (
            "unplannedFailover",
            plans.failover_body("Yesterday"),
            "properties.providerSpecificDetails[0].recoveryPointType",
        ),
        (
            "testFailover",
            plans.testing_body(None, providerSpecificDetails=[{"instanceType": "InMageRcm"}]),
            "properties.providerSpecificDetails[0].instanceType",
        ),
        ("testFailover", plans.testing_body(None, networkType="Any"), "properties.networkType"),
        ("testFailover", plans.testing_body(None, networkId=None), "properties.networkId"),
        (
            "testFailover",
            plans.testing_body(None, providerSpecificDetails=plans.provider("Latest") * 2),
            "properties.providerSpecificDetails",
        ),
    ],
)
def test_a_failover_of_wrong_parts_is_refused_by_name(
    site: Site, operation: str, body: Any, target: str
) -> None:
    plans.create(site, plans.group(site, DB))
    response = site.call("POST", f"{PLAN}/{operation}", body)
    assert response.status == 400
    assert response.body["error"]["details"][0]["target"] == target


def test_a_plan_that_is_not_there_is_not_found(site: Site) -> None:
    assert site.refused("GET", PLAN)[:2] == (404, "NotFound")
    assert site.refused("PATCH", PLAN, {"properties": {}})[0] == 404
    assert site.refused("POST", f"{PLAN}/unplannedFailover", plans.failover_body())[0] == 404
    assert site.call("DELETE", PLAN).status == 204


def test_a_running_plan_is_left_alone(site: Site) -> None:
    plans.create(site, plans.group(site, DB), plans.group(site, APP))
    plans.fail_over(site)
    groups = {"properties": {"groups": [plans.group(site, DB)]}}
    for method, path, body in (
        ("PUT", PLAN, plans.plan_body(site, plans.group(site, DB))),
        ("PATCH", PLAN, groups),
        ("DELETE", PLAN, None),
        ("POST", f"{PLAN}/unplannedFailover", plans.failover_body()),
        ("POST", f"{PLAN}/testFailover", plans.testing_body(None)),
    ):
        assert site.refused(method, path, body)[:2] == (409, "OperationInProgress")


@pytest.mark.parametrize("machine", FLEET[:2])
def test_machines_of_a_running_plan_are_left_alone(site: Site, machine: Any) -> None:
    plans.create(site, plans.group(site, DB), plans.group(site, APP))
    other = PLAN.replace("shop", "other")
    site.finished(site.accepted("PUT", other, plans.plan_body(site, plans.group(site, machine))))
    accepted = plans.fail_over(site)
    for path, body in (
        (f"{site.item(machine)}/unplannedFailover", single_failover()),
        (f"{site.item(machine)}/remove", {"properties": {}}),
        (f"{other}/unplannedFailover", plans.failover_body()),
    ):
        status, code, message = site.refused("POST", path, body)
        assert (status, code) == (409, "OperationInProgress")
        assert "job" in message
    assert plans.ended(site, accepted)["state"] == "Succeeded"


def test_a_plan_with_a_busy_machine_does_not_start(site: Site) -> None:
    plans.create(site, plans.group(site, DB), plans.group(site, APP))
    site.test_failover(APP)
    status, code, message = site.refused("POST", f"{PLAN}/unplannedFailover", plans.failover_body())
    assert (status, code) == (409, "OperationInProgress")
    assert "web-02" in message


def test_a_plan_with_a_machine_that_cannot_fail_over_does_not_start(site: Site) -> None:
    plans.create(site, plans.group(site, DB), plans.group(site, APP))
    site.finished(site.test_failover(APP))
    status, code, message = site.refused("POST", f"{PLAN}/unplannedFailover", plans.failover_body())
    assert (status, code) == (400, "OperationNotAllowed")
    assert "web-02" in message


def test_a_machine_leaves_its_plan_when_its_replication_ends(site: Site) -> None:
    plans.create(site, plans.group(site, DB), plans.group(site, APP))
    assert site.finished(site.remove(DB))["state"] == "Succeeded"
    members = [group["replicationProtectedItems"] for group in plans.plan(site)["groups"]]
    assert [len(group) for group in members] == [0, 0, 0, 1]
    site.protect(DB)
    members = [group["replicationProtectedItems"] for group in plans.plan(site)["groups"]]
    assert [len(group) for group in members] == [0, 0, 0, 1], "a new item of the name is another"


def test_a_plan_deletes_while_a_test_environment_stands(site: Site) -> None:
    plans.create(site, plans.group(site, DB))
    plans.ended(site, plans.begin_test(site))
    site.finished(site.accepted("DELETE", PLAN))
    assert site.call("GET", PLAN).status == 404
    assert site.finished(site.clean_up(DB))["state"] == "Succeeded"


def single_failover() -> dict[str, Any]:
    return {"properties": support.failover_properties()}


def second_fabric(site: Site) -> str:
    """The id of another fabric of the vault, as a second configuration server would make."""
    kind = "microsoft.recoveryservices/vaults/replicationfabrics"
    fabric = site.store.get(kind, site.fabric)
    assert fabric is not None
    identifier: str = f"{site.fabric.rpartition('/')[0]}/second"
    with site.store.transaction():
        site.store.put(kind, identifier, {**fabric, "id": identifier, "name": "second"})
    return identifier
