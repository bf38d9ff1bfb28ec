"""A subscription whose policy refuses every subnet without a network security group."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.arm.subscriptions import SUBSCRIPTION
from tests.engine.harness import GROUP, MACHINES_GROUP, Stack

pytestmark = pytest.mark.engine

_AUTHORIZATION = "providers/Microsoft.Authorization"
_NETWORKS = "Microsoft.Network/virtualNetworks"
RULE: dict[str, Any] = {
    "if": {
        "allOf": [
            {"field": "type", "equals": _NETWORKS},
            {
                "count": {
                    "field": f"{_NETWORKS}/subnets[*]",
                    "where": {
                        "field": f"{_NETWORKS}/subnets[*].networkSecurityGroup.id",
                        "exists": "false",
                    },
                },
                "notEquals": 0,
            },
        ]
    },
    "then": {"effect": "deny"},
}
"""The first half of Deny-Subnet-Without-Nsg, a policy of Azure landing zones (enterprise-scale)."""
EXISTING = "resourceGroups/rg-network-team"
RULES = f"{EXISTING}/providers/Microsoft.Network/networkSecurityGroups/nsg-corporate"


def forbid_bare_subnets(stack: Stack) -> None:
    definition = f"{_AUTHORIZATION}/policyDefinitions/subnets-need-rules"
    properties: dict[str, Any] = {"displayName": "Subnets need rules", "policyRule": RULE}
    stack.clouds.put(definition, {"properties": properties}, "2023-04-01")
    assigned = {"policyDefinitionId": f"/subscriptions/{SUBSCRIPTION}/{definition}"}
    stack.clouds.put(
        f"{_AUTHORIZATION}/policyAssignments/corporate", {"properties": assigned}, "2023-04-01"
    )


def rules_of(stack: Stack, group: str, network: str) -> list[str]:
    subnets = stack.clouds.network(group, network)["properties"]["subnets"]
    return [one["properties"]["networkSecurityGroup"]["id"] for one in subnets]


def test_the_stack_is_made_with_security_groups_of_its_own(stack: Stack) -> None:
    forbid_bare_subnets(stack)
    stack.declare(pilot=("protected", ["web-01"]))

    up = stack.up()

    assert up.code == 0, up.text
    own = "providers/Microsoft.Network/networkSecurityGroups"
    target = stack.config["ec2-to-azure:target"]
    for group, part in ((MACHINES_GROUP, "network"), (GROUP, "testNetwork")):
        name = target[part]["name"]
        assert rules_of(stack, group, name) == [
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/{own}/nsg-{name}"
        ]


def test_one_that_exists_takes_the_place_of_the_stacks_own(stack: Stack) -> None:
    stack.clouds.put(EXISTING, {"location": "westeurope"}, "2024-03-01")
    stack.clouds.put(RULES, {"location": "westeurope"}, "2024-05-01")
    existing = f"/subscriptions/{SUBSCRIPTION}/{RULES}"
    network = stack.config["ec2-to-azure:target"]["testNetwork"]
    network["subnet"]["networkSecurityGroup"] = existing

    up = stack.up()

    assert up.code == 0, up.text
    assert rules_of(stack, GROUP, network["name"]) == [existing]


def test_destroy_leaves_the_rules_of_the_kept_network(stack: Stack) -> None:
    name = stack.config["ec2-to-azure:target"]["network"]["name"]

    destroyed = stack.destroy()

    assert destroyed.code == 0, destroyed.text
    [kept] = rules_of(stack, MACHINES_GROUP, name)
    assert kept.endswith(f"/nsg-{name}")
