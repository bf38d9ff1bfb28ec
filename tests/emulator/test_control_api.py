"""The control API: time, faults, audit and coverage."""

from __future__ import annotations

from typing import Any

import pytest

from emulator import faults
from emulator.estate.static import StaticEstate
from emulator.kernel.wire import Request, Response

from .conftest import SUBSCRIPTION, Arm

GROUPS = f"{SUBSCRIPTION}/resourceGroups"


def control(arm: Arm, method: str, path: str, body: object = None) -> Response:
    return arm.call(method, f"/_emulator/{path}", body)


def set_fault(arm: Arm, **fault: Any) -> str:
    response = control(arm, "POST", "faults", fault)
    assert response.status == 201, response.body
    return str(response.body["id"])


def faults_of(arm: Arm) -> list[tuple[int, int]]:
    listed = control(arm, "GET", "faults").body["value"]
    return [(fault["met"], fault["taken"]) for fault in listed]


def test_the_control_api_asks_for_no_token(arm: Arm) -> None:
    arm.headers.clear()
    assert control(arm, "GET", "health").body["status"] == "ok"


def test_the_clock_is_stepped_and_scaled(arm: Arm) -> None:
    before = control(arm, "GET", "clock").body
    assert before == {"now": "2026-01-05T08:00:00+00:00", "scale": 0.0}
    after = control(arm, "POST", "clock/advance", {"seconds": 90.5}).body
    assert after["now"] == "2026-01-05T08:01:30.500000+00:00"
    assert control(arm, "PUT", "clock", {"scale": 360}).body["scale"] == 360


def test_stepping_the_clock_shows_what_changed_in_ec2_just_before(
    arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired: list[bool] = []
    monkeypatch.setattr(arm.world.estate, "expire", lambda: expired.append(True))
    control(arm, "POST", "clock/advance", {"seconds": 30})
    assert expired


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "clock/advance", {"seconds": -1}),
        ("POST", "clock/advance", {"seconds": "1"}),
        ("POST", "clock/advance", {}),
        ("POST", "clock/advance", {"seconds": 1e300}),
        ("PUT", "clock", {"scale": -1}),
        ("PUT", "clock", {"scale": True}),
        ("PUT", "clock", {"scale": 1, "speed": 2}),
    ],
)
def test_time_that_cannot_be_is_refused(arm: Arm, method: str, path: str, body: object) -> None:
    assert control(arm, method, path, body).status == 400
    assert control(arm, "GET", "clock").body["now"] == "2026-01-05T08:00:00+00:00"


def test_stepping_runs_what_came_due(arm: Arm, group: str) -> None:
    vault = f"{group}/providers/Microsoft.RecoveryServices/vaults/rsv"
    arm.put(vault, {"location": "westeurope", "sku": {"name": "Standard"}})
    control(arm, "POST", "clock/advance", {"seconds": 60})
    stored = arm.world.store.get("microsoft.recoveryservices/vaults", vault)
    assert stored is not None
    assert stored["properties"]["provisioningState"] == "Succeeded"


def test_a_fault_refuses_the_nth_call_as_often_as_it_says(arm: Arm, group: str) -> None:
    fault = {"status": 503, "code": "ServerBusy", "message": "Later."}
    set_fault(arm, operation="ResourceGroups_Get", nth=2, times=2, **fault)
    statuses = [arm.call("GET", group).status for _ in range(5)]
    assert statuses == [200, 503, 503, 200, 200]
    assert faults_of(arm) == [(3, 2)]


def test_a_fault_meets_only_what_it_matches(arm: Arm) -> None:
    arm.put(f"{GROUPS}/rg-one", {"location": "westeurope"})
    set_fault(arm, operation="ResourceGroups_Get", match="RG-TWO", status=500)
    assert arm.call("GET", f"{GROUPS}/rg-one").status == 200
    assert arm.refused("GET", f"{GROUPS}/rg-two") == (500, "ServiceUnavailable")
    assert arm.refused("GET", f"{GROUPS}/rg-two") == (404, "ResourceGroupNotFound")


def test_a_connection_dropped_before_acceptance_changes_nothing(arm: Arm, group: str) -> None:
    set_fault(arm, operation="ResourceGroups_CreateOrUpdate", drop="before")
    response = arm.call("PUT", f"{GROUPS}/rg-new", {"location": "westeurope"})
    assert response.dropped
    assert arm.refused("GET", f"{GROUPS}/rg-new") == (404, "ResourceGroupNotFound")


def test_a_connection_dropped_after_acceptance_leaves_it_done(arm: Arm, group: str) -> None:
    set_fault(arm, operation="ResourceGroups_CreateOrUpdate", drop="after")
    response = arm.call("PUT", f"{GROUPS}/rg-new", {"location": "westeurope"})
    assert response.dropped
    assert arm.get(f"{GROUPS}/rg-new")["name"] == "rg-new"
    assert faults_of(arm) == [(1, 1)]


def test_a_refused_request_does_not_use_up_a_drop_after_acceptance(arm: Arm) -> None:
    set_fault(arm, operation="ResourceGroups_CreateOrUpdate", drop="after")
    assert arm.call("PUT", f"{GROUPS}/rg-new", {"location": "mars"}).status == 400
    assert faults_of(arm) == [(0, 0)]


def test_a_stale_list_is_the_one_the_caller_saw_before(arm: Arm, group: str) -> None:
    assert len(arm.get(GROUPS)["value"]) == 1
    arm.put(f"{GROUPS}/rg-new", {"location": "westeurope"})
    set_fault(arm, operation="ResourceGroups_List", stale=True)
    assert len(arm.get(GROUPS)["value"]) == 1
    assert len(arm.get(GROUPS)["value"]) == 2


def test_a_list_nobody_saw_before_is_stale_when_empty(arm: Arm, group: str) -> None:
    set_fault(arm, operation="ResourceGroups_List", stale=True)
    assert arm.get(GROUPS)["value"] == []


def test_faults_of_jobs_are_taken_by_scenario_or_operation(arm: Arm) -> None:
    error = {"errorCode": "78145", "errorMessage": "VM is Powered off"}
    set_fault(arm, operation="TestFailover", match="web-01", job=error, delaySeconds=60)
    set_fault(arm, operation="ReplicationProtectedItems_Delete", delaySeconds=5)

    def take(operation: str, *match: str) -> Any:
        with arm.world.store.transaction():
            return faults.take(arm.world, operation=operation, match=match)

    assert take("TestFailover", "web-02") is None
    assert take("UnplannedFailover", "web-01") is None
    taken = take("TestFailover", "/items/x", "WEB-01")
    assert (taken["job"], taken["delaySeconds"]) == (error, 60)
    assert take("TestFailover", "web-01") is None
    assert take("delete", "anything")["delaySeconds"] == 5


def test_a_refusal_may_say_when_to_try_again(arm: Arm, group: str) -> None:
    set_fault(arm, operation="ResourceGroups_Get", status=503, retryAfterSeconds=5)
    refused = arm.call("GET", group)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    assert arm.call("GET", group).status == 200


def test_faults_are_listed_and_taken_back(arm: Arm, group: str) -> None:
    first = set_fault(arm, operation="ResourceGroups_Get", status=500)
    set_fault(arm, operation="ResourceGroups_Get", status=501)
    assert control(arm, "DELETE", f"faults/{first}").status == 204
    assert control(arm, "DELETE", f"faults/{first}").status == 404
    assert arm.call("GET", group).status == 501
    assert control(arm, "DELETE", "faults").status == 204
    assert control(arm, "GET", "faults").body == {"value": []}


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"operation": "ResourceGroups_Get"},
        {"operation": "ResourceGroups_Explode", "status": 500},
        {"operation": "ResourceGroups_Get", "status": 200},
        {"operation": "ResourceGroups_Get", "status": 500, "drop": "after"},
        {"operation": "ResourceGroups_Get", "drop": "sometimes"},
        {"operation": "ResourceGroups_Get", "status": 500, "nth": 0},
        {"operation": "ResourceGroups_Get", "status": 500, "times": -1},
        {"operation": "ResourceGroups_Get", "status": 500, "colour": "red"},
        {"operation": "TestFailover", "delaySeconds": -1},
        {"operation": "TestFailover", "delaySeconds": 1, "retryAfterSeconds": 1},
        {"operation": "ResourceGroups_Get", "status": 500, "retryAfterSeconds": -1},
        {"operation": "no spaces", "delaySeconds": 1},
    ],
)
def test_a_fault_that_could_not_act_is_refused(arm: Arm, fault: object) -> None:
    response = control(arm, "POST", "faults", fault)
    assert (response.status, response.body["error"]["code"]) == (400, "InvalidFault")
    assert control(arm, "GET", "faults").body == {"value": []}


def test_the_audit_has_every_accepted_change_in_order_and_no_other(arm: Arm) -> None:
    arm.put(f"{GROUPS}/rg-one", {"location": "westeurope"})
    arm.get(f"{GROUPS}/rg-one")
    arm.refused("PUT", f"{GROUPS}/rg-two", {})
    arm.pass_time(30)
    arm.call("DELETE", f"{GROUPS}/rg-one")
    entries = control(arm, "GET", "audit").body["value"]
    assert [(entry["operation"], entry["resource"]) for entry in entries] == [
        ("ResourceGroups_CreateOrUpdate", f"{GROUPS}/rg-one"),
        ("ResourceGroups_Delete", f"{GROUPS}/rg-one"),
    ]
    assert [entry["time"][11:19] for entry in entries] == ["08:00:00", "08:00:30"]


def test_the_coverage_names_every_operation_once(arm: Arm) -> None:
    covered = control(arm, "GET", "coverage").body["value"]
    places = [(one["method"], one["path"].lower()) for one in covered]
    assert len(places) == len(set(places))
    vaults = next(one for one in covered if one["operation"] == "Vaults_CreateOrUpdate")
    assert "2024-10-01" in vaults["apiVersions"]


def test_the_estate_is_looked_at_once_a_request(
    arm: Arm, estate: StaticEstate, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[None] = []
    monkeypatch.setattr(estate, "look", lambda: looks.append(None))
    arm.world.handle(Request("GET", "/_emulator/health"))
    assert len(looks) == 1
