"""Management locks, policies and read-only subscriptions refuse what they refuse in Azure."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.arm.subscriptions import ANOTHER_SUBSCRIPTION
from tests.emulator.conftest import GROUP, SUBSCRIPTION, Arm

AUTHORIZATION = "providers/Microsoft.Authorization"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"
NSG = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/nsg"
SUBNET = {"name": "inside", "properties": {"addressPrefix": "10.0.0.0/24"}}


def network(*subnets: dict[str, Any], location: str = "westeurope") -> dict[str, Any]:
    space = {"addressPrefixes": ["10.0.0.0/16"]}
    return {
        "location": location,
        "properties": {"addressSpace": space, "subnets": list(subnets)},
    }


def lock(arm: Arm, scope: str, level: str, name: str = "guard") -> str:
    identifier = f"{scope}/{AUTHORIZATION}/locks/{name}"
    arm.put(identifier, {"properties": {"level": level}}, **{"api-version": "2020-05-01"})
    return identifier


def assign(arm: Arm, rule: dict[str, Any], scope: str = SUBSCRIPTION, **more: Any) -> None:
    definition = f"{SUBSCRIPTION}/{AUTHORIZATION}/policyDefinitions/rule"
    given = {"mode": "All", "displayName": "A rule", "policyRule": rule, **more.pop("given", {})}
    arm.put(definition, {"properties": given}, **{"api-version": "2023-04-01"})
    assignment = {"displayName": "Corp", "policyDefinitionId": definition, **more}
    path = f"{scope}/{AUTHORIZATION}/policyAssignments/corp"
    arm.put(path, {"properties": assignment}, **{"api-version": "2023-04-01"})


class TestLocks:
    @pytest.mark.parametrize("scope", [SUBSCRIPTION, GROUP, NETWORK])
    def test_a_read_only_lock_refuses_changes_at_and_below_its_scope(
        self, arm: Arm, group: str, scope: str
    ) -> None:
        arm.put(NETWORK, network())
        lock(arm, scope, "ReadOnly")
        refused = arm.call("PUT", NETWORK, network(SUBNET))
        assert (refused.status, refused.body["error"]["code"]) == (409, "ScopeLocked")
        message = refused.body["error"]["message"]
        assert f"The scope '{NETWORK}' cannot perform write operation" in message
        assert f"are locked: '{scope}'" in message
        assert arm.get(NETWORK)["name"] == "vnet"

    def test_a_lock_against_deletion_lets_changes_pass(self, arm: Arm, group: str) -> None:
        lock(arm, GROUP, "CanNotDelete")
        arm.put(NETWORK, network())
        assert arm.refused("DELETE", NETWORK) == (409, "ScopeLocked")

    def test_a_group_with_a_locked_resource_is_not_deleted(self, arm: Arm, group: str) -> None:
        arm.put(NETWORK, network())
        lock(arm, NETWORK, "CanNotDelete")
        assert arm.refused("DELETE", GROUP) == (409, "ScopeLocked")

    def test_a_lock_is_listed_where_it_holds_and_can_be_removed(self, arm: Arm, group: str) -> None:
        identifier = lock(arm, GROUP, "ReadOnly")
        version = {"api-version": "2020-05-01"}
        arm_list = f"{NETWORK}/{AUTHORIZATION}/locks"
        [found] = arm.get(arm_list, **version)["value"]
        assert (found["id"], found["properties"]["level"]) == (identifier, "ReadOnly")
        assert arm.get(identifier, **version)["name"] == "guard"
        assert arm.call("DELETE", identifier, **version).status == 200
        assert arm.call("DELETE", identifier, **version).status == 204
        arm.put(NETWORK, network())

    def test_no_lock_stands_on_what_does_not_exist(self, arm: Arm, group: str) -> None:
        body = {"properties": {"level": "ReadOnly"}}
        path = f"{NETWORK}/{AUTHORIZATION}/locks/guard"
        version = {"api-version": "2020-05-01"}
        assert arm.refused("PUT", path, body, **version) == (404, "ResourceNotFound")
        body = {"properties": {"level": "None"}}
        path = f"{GROUP}/{AUTHORIZATION}/locks/guard"
        assert arm.refused("PUT", path, body, **version)[0] == 400


def test_a_read_only_subscription_refuses_every_change(arm: Arm, group: str) -> None:
    arm.call("PUT", "/_emulator/subscription", {"state": "Disabled"})
    assert arm.refused("PUT", NETWORK, network()) == (409, "ReadOnlyDisabledSubscription")
    assert arm.get(SUBSCRIPTION)["state"] == "Disabled"
    arm.call("PUT", "/_emulator/subscription", {"state": "Enabled"})
    arm.put(NETWORK, network())


def test_another_subscription_can_be_read_only_by_itself(arm: Arm, group: str) -> None:
    body = {"state": "Disabled", "subscriptionId": ANOTHER_SUBSCRIPTION}
    arm.call("PUT", "/_emulator/subscription", body)
    other = group.replace(SUBSCRIPTION, f"/subscriptions/{ANOTHER_SUBSCRIPTION}")
    refused = arm.refused("PUT", other, {"location": "westeurope"})
    assert refused == (409, "ReadOnlyDisabledSubscription")
    arm.put(NETWORK, network())


ONLY_EUROPE = {
    "if": {"field": "location", "notIn": "[parameters('allowed')]"},
    "then": {"effect": "deny"},
}
EUROPE: dict[str, Any] = {
    "given": {"parameters": {"allowed": {"type": "Array"}}},
    "parameters": {"allowed": {"value": ["westeurope", "northeurope"]}},
}
NO_BARE_SUBNET = {
    "if": {
        "anyOf": [
            {
                "allOf": [
                    {"field": "type", "equals": "Microsoft.Network/virtualNetworks"},
                    {
                        "count": {
                            "field": "Microsoft.Network/virtualNetworks/subnets[*]",
                            "where": {
                                "field": "Microsoft.Network/virtualNetworks/subnets[*]"
                                ".networkSecurityGroup.id",
                                "exists": "false",
                            },
                        },
                        "notEquals": 0,
                    },
                ]
            },
            {
                "allOf": [
                    {"field": "type", "equals": "Microsoft.Network/virtualNetworks/subnets"},
                    {
                        "field": "Microsoft.Network/virtualNetworks/subnets"
                        "/networkSecurityGroup.id",
                        "exists": False,
                    },
                ]
            },
        ]
    },
    "then": {"effect": "deny"},
}


class TestPolicies:
    def test_a_refusal_names_assignment_and_demand(self, arm: Arm, group: str) -> None:
        assign(arm, ONLY_EUROPE, **EUROPE)
        refused = arm.call("PUT", NETWORK, network(location="eastus"))
        error = refused.body["error"]
        assert (refused.status, error["code"]) == (403, "RequestDisallowedByPolicy")
        assert error["message"].startswith("Resource 'vnet' was disallowed by policy.")
        [violation] = error["additionalInfo"]
        assert violation["type"] == "PolicyViolation"
        info = violation["info"]
        assert info["policyAssignmentDisplayName"] == "Corp"
        assert info["policyAssignmentId"].endswith("/policyAssignments/corp")
        [expression] = info["evaluationDetails"]["evaluatedExpressions"]
        assert expression == {
            "result": "True",
            "expressionKind": "Field",
            "expression": "location",
            "path": "location",
            "expressionValue": "eastus",
            "targetValue": ["westeurope", "northeurope"],
            "operator": "NotIn",
        }
        arm.put(NETWORK, network())

    def test_a_subnet_needs_a_security_group_where_a_policy_says_so(
        self, arm: Arm, group: str
    ) -> None:
        assign(arm, NO_BARE_SUBNET)
        code = "RequestDisallowedByPolicy"
        assert arm.refused("PUT", NETWORK, network(SUBNET)) == (403, code)
        arm.put(NETWORK, network())
        inside = f"{NETWORK}/subnets/inside"
        assert arm.refused("PUT", inside, {"properties": SUBNET["properties"]}) == (403, code)
        arm.put(NSG, {"location": "westeurope"})
        covered = {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": NSG}}
        arm.put(inside, {"properties": covered})
        arm.put(NETWORK, network({"name": "inside", "properties": covered}))

    @pytest.mark.parametrize(
        "more",
        [
            {"enforcementMode": "DoNotEnforce"},
            {"notScopes": [GROUP]},
            {"scope": f"{SUBSCRIPTION}/resourceGroups/other"},
        ],
    )
    def test_an_assignment_refuses_only_where_it_is_enforced(
        self, arm: Arm, group: str, more: dict[str, Any]
    ) -> None:
        arm.put(f"{SUBSCRIPTION}/resourceGroups/other", {"location": "westeurope"})
        assign(arm, ONLY_EUROPE, **EUROPE, **more)
        arm.put(NETWORK, network(location="eastus"))

    @pytest.mark.parametrize("effect", ["audit", "disabled"])
    def test_other_effects_refuse_nothing(self, arm: Arm, group: str, effect: str) -> None:
        assign(arm, {**ONLY_EUROPE, "then": {"effect": effect}}, **EUROPE)
        arm.put(NETWORK, network(location="eastus"))

    @pytest.mark.parametrize(
        "condition",
        [
            {"field": "tags['owner']", "exists": "false"},
            {"not": {"field": "tags.owner", "like": "team-*"}},
            {"field": "name", "notLike": "corp-*"},
            {"field": "name", "in": ["VNET", "other"]},
            {"field": "tags", "notContainsKey": "owner"},
            {"value": "x", "equals": "X"},
            {
                "field": "Microsoft.Network/virtualNetworks/addressSpace.addressPrefixes[*]",
                "equals": "10.0.0.0/16",
            },
        ],
    )
    def test_conditions_are_those_of_azure_policy(
        self, arm: Arm, group: str, condition: dict[str, Any]
    ) -> None:
        assign(arm, {"if": condition, "then": {"effect": "deny"}})
        assert arm.refused("PUT", NETWORK, network())[1] == "RequestDisallowedByPolicy"

    @pytest.mark.parametrize(
        "rule",
        [
            {"if": {"field": "location", "resembles": "x"}, "then": {"effect": "deny"}},
            {"if": {"field": "location", "equals": "x"}, "then": {"effect": "explode"}},
            {"then": {"effect": "deny"}},
        ],
    )
    def test_a_rule_that_cannot_be_evaluated_is_refused(
        self, arm: Arm, rule: dict[str, Any]
    ) -> None:
        path = f"{SUBSCRIPTION}/{AUTHORIZATION}/policyDefinitions/rule"
        body = {"properties": {"mode": "All", "policyRule": rule}}
        version = {"api-version": "2023-04-01"}
        assert arm.refused("PUT", path, body, **version) == (400, "InvalidPolicyRule")

    def test_a_deletion_is_refused_where_a_policy_denies_the_action(
        self, arm: Arm, group: str
    ) -> None:
        arm.put(NETWORK, network())
        network_type = "Microsoft.Network/virtualNetworks"
        details = {"actionNames": ["delete"]}
        rule = {
            "if": {"field": "type", "equals": network_type},
            "then": {"effect": "denyAction", "details": details},
        }
        assign(arm, rule)
        refused = arm.call("DELETE", NETWORK)
        error = refused.body["error"]
        assert (refused.status, error["code"]) == (403, "RequestDisallowedByPolicy")
        assert error["additionalInfo"][0]["info"]["policyDefinitionEffect"].lower() == "denyaction"
        arm.put(NETWORK, network())

    def test_a_policy_can_be_taken_away(self, arm: Arm, group: str) -> None:
        assign(arm, ONLY_EUROPE, **EUROPE)
        path = f"{SUBSCRIPTION}/{AUTHORIZATION}/policyAssignments/corp"
        assert arm.call("DELETE", path, **{"api-version": "2023-04-01"}).status == 200
        arm.put(NETWORK, network(location="eastus"))
