"""Roles that the control API assigns: their permissions, and Resource Manager's denials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.arm.actions import Needed, needed
from emulator.arm.identity import issue
from emulator.kernel.wire import Request
from emulator.kernel.world import World
from tests.emulator.conftest import GROUP, SUBSCRIPTION, Arm

READ_GROUPS = "Microsoft.Resources/subscriptions/resourceGroups/read"
WRITE_GROUPS = "Microsoft.Resources/subscriptions/resourceGroups/write"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"
VAULTS = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults"
ITEM = (
    f"{VAULTS}/v/replicationFabrics/f/replicationProtectionContainers/c/replicationProtectedItems/i"
)
OF_ITEMS = (
    "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers"
    "/replicationProtectedItems"
)


def assign(arm: Arm, *actions: str, scope: str = SUBSCRIPTION, **more: Any) -> Any:
    assignment = {"scope": scope, "role": {"Name": "some", "Actions": list(actions), **more}}
    response = arm.call("PUT", "/_emulator/access", {"assignments": [assignment]})
    assert response.status == 200, response.body
    return response.body


def access(arm: Arm) -> Any:
    (found,) = arm.get("/_emulator/access")["value"]
    return found


@pytest.mark.parametrize(
    ("method", "path", "action", "scope", "anywhere"),
    [
        ("GET", f"{SUBSCRIPTION}/resourcegroups", READ_GROUPS, SUBSCRIPTION, False),
        ("HEAD", GROUP, READ_GROUPS, GROUP, False),
        ("PUT", GROUP, WRITE_GROUPS, GROUP, False),
        ("PATCH", GROUP, WRITE_GROUPS, GROUP, False),
        ("DELETE", NETWORK, "Microsoft.Network/virtualNetworks/delete", NETWORK, False),
        ("GET", VAULTS, "Microsoft.RecoveryServices/vaults/read", GROUP, False),
        (
            "GET",
            f"{VAULTS}/v/replicationJobs",
            "Microsoft.RecoveryServices/vaults/replicationJobs/read",
            f"{VAULTS}/v",
            False,
        ),
        ("POST", f"{ITEM}/unplannedFailover", f"{OF_ITEMS}/unplannedFailover/action", ITEM, False),
        ("GET", f"{ITEM}/targetComputeSizes", f"{OF_ITEMS}/targetComputeSizes/read", ITEM, False),
        (
            "POST",
            f"{VAULTS}/v/replicationJobs/export",
            "Microsoft.RecoveryServices/vaults/replicationJobs/export/action",
            f"{VAULTS}/v",
            False,
        ),
        (
            "GET",
            f"{SUBSCRIPTION}/operationresults/abc",
            "Microsoft.Resources/subscriptions/operationresults/read",
            f"{SUBSCRIPTION}/operationresults/abc",
            True,
        ),
        (
            "GET",
            f"{SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope/operations/abc",
            "Microsoft.Network/locations/operations/read",
            f"{SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope/operations/abc",
            True,
        ),
    ],
)
def test_a_request_is_an_action_over_a_scope(
    method: str, path: str, action: str, scope: str, anywhere: bool
) -> None:
    assert needed(Request.of(method, path)) == Needed(action, scope, anywhere)


@pytest.mark.parametrize(
    "path",
    [
        "/subscriptions",
        "/_emulator/health",
        "/providers/Microsoft.RecoveryServices/operations",
        # No such action is published, so no role can have it.
        f"{SUBSCRIPTION}/providers/Microsoft.Storage/locations/westeurope/asyncoperations/abc",
    ],
)
def test_some_requests_are_no_action(path: str) -> None:
    assert needed(Request.of("GET", path)) is None


def test_without_roles_everybody_may_do_everything(arm: Arm) -> None:
    assert arm.get("/_emulator/access") == {"value": []}
    arm.put(GROUP, {"location": "westeurope"})


def test_what_no_role_allows_is_denied_as_resource_manager_denies_it(arm: Arm, group: str) -> None:
    caller = assign(arm, READ_GROUPS)["objectId"]
    assert arm.get(group)["name"] == "rg-test"
    response = arm.call("PUT", group, {"location": "westeurope"})
    assert response.status == 403
    assert response.headers["x-ms-failure-cause"] == "gateway"
    assert response.body["error"] == {
        "code": "AuthorizationFailed",
        "message": (
            f"The client '{caller}' with object id '{caller}' does not have authorization to "
            f"perform action '{WRITE_GROUPS}' over scope '{group}' or the scope is invalid. If "
            "access was recently granted, please refresh your credentials."
        ),
    }


def test_a_denied_request_changes_nothing(arm: Arm, group: str) -> None:
    before = arm.get("/_emulator/audit")
    assign(arm, READ_GROUPS)
    assert arm.refused("DELETE", group) == (403, "AuthorizationFailed")
    assert arm.refused("PUT", NETWORK, {"location": "westeurope"}) == (403, "AuthorizationFailed")
    assert arm.get("/_emulator/audit") == before
    assert arm.get(group)["name"] == "rg-test"


def test_what_was_used_and_denied_is_told_refusals_of_the_service_too(arm: Arm, group: str) -> None:
    assign(arm, READ_GROUPS, "Microsoft.Network/virtualNetworks/read")
    assert arm.refused("GET", NETWORK)[0] == 404
    for _ in range(2):
        assert arm.refused("DELETE", group)[0] == 403
    told = access(arm)
    assert told["used"] == ["Microsoft.Network/virtualNetworks/read"]
    assert told["denied"] == [
        {"action": "Microsoft.Resources/subscriptions/resourceGroups/delete", "scope": group}
    ]


def test_a_star_stands_for_anything_and_not_actions_are_taken_off(arm: Arm, group: str) -> None:
    assign(arm, "microsoft.resources/*", NotActions=[WRITE_GROUPS])
    arm.get(group)
    assert arm.refused("PUT", group, {"location": "westeurope"})[0] == 403
    assert arm.refused("GET", NETWORK)[0] == 403


def test_actions_may_stand_in_permissions(arm: Arm, group: str) -> None:
    role = {"roleName": "some", "permissions": [{"actions": [READ_GROUPS], "notActions": []}]}
    assignments = [{"scope": SUBSCRIPTION, "role": role}]
    arm.put("/_emulator/access", {"assignments": assignments})
    arm.get(group)
    assert arm.refused("DELETE", group)[0] == 403


def test_a_role_holds_at_its_scope_and_below(arm: Arm, group: str) -> None:
    other = f"{group}-other"
    arm.put(other, {"location": "westeurope"})
    assign(arm, READ_GROUPS, scope=group.upper().replace("/RESOURCEGROUPS/", "/resourceGroups/"))
    arm.get(group)
    assert arm.refused("GET", other)[0] == 403
    assert arm.refused("GET", f"{SUBSCRIPTION}/resourcegroups")[0] == 403


def test_who_has_a_role_on_a_group_alone_follows_what_goes_on_in_it(arm: Arm, group: str) -> None:
    network = "Microsoft.Network/virtualNetworks"
    polls = "Microsoft.Network/locations/operations/read"
    body = {
        "location": "westeurope",
        "properties": {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}},
    }
    assign(arm, f"{network}/write", polls, scope=group)
    poll = arm.put(NETWORK, body).headers["Azure-AsyncOperation"]
    path = poll.partition("/subscriptions/")[2]
    assert arm.call("GET", f"/subscriptions/{path}").status == 200
    assign(arm, f"{network}/write", scope=group)
    assert arm.refused("GET", f"/subscriptions/{path}")[0] == 403


def test_roles_add_up(arm: Arm, group: str) -> None:
    read = {"scope": SUBSCRIPTION, "role": {"Actions": [READ_GROUPS]}}
    write = {"scope": group, "role": {"Actions": [WRITE_GROUPS]}}
    arm.put("/_emulator/access", {"assignments": [read, write]})
    arm.put(group, {"location": "westeurope"})
    assert arm.get(group)["name"] == "rg-test"


def test_no_assignment_denies_everything_until_access_is_removed(arm: Arm, group: str) -> None:
    arm.put("/_emulator/access", {"assignments": []})
    assert arm.refused("GET", group) == (403, "AuthorizationFailed")
    assert arm.call("DELETE", "/_emulator/access").status == 204
    arm.get(group)


def test_other_identities_are_not_concerned(world: World, arm: Arm, group: str) -> None:
    arm.put("/_emulator/access", {"clientId": "deployer", "assignments": []})
    arm.get(group)
    arm.headers["Authorization"] = f"Bearer {issue(world, client='deployer')}"
    response = arm.call("GET", group)
    assert response.status == 403
    assert response.body["error"]["message"].startswith("The client 'deployer' with object id '")


def test_access_outlives_the_process(reopened: Callable[[], Arm]) -> None:
    first = reopened()
    first.put(GROUP, {"location": "westeurope"})
    assign(first, READ_GROUPS)
    first.get(GROUP)
    again = reopened()
    assert again.refused("DELETE", GROUP) == (403, "AuthorizationFailed")
    assert access(again)["used"] == [READ_GROUPS]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"assignments": [{"scope": SUBSCRIPTION}]},
        {"assignments": [{"role": {"Actions": []}}]},
        {"assignments": [{"scope": "somewhere", "role": {}}]},
        {"assignments": [{"scope": SUBSCRIPTION, "role": {"Actions": "*"}}]},
        {"assignments": [{"scope": SUBSCRIPTION, "role": {"Allow": ["*"]}}]},
    ],
)
def test_what_is_no_assignment_is_refused(arm: Arm, body: object) -> None:
    assert arm.refused("PUT", "/_emulator/access", body)[0] == 400
