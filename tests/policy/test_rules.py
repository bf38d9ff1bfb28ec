from __future__ import annotations

from typing import Any

import pytest
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policy.pack import RULES, Rule
from policy.rules import Declared

BY_NAME = {rule.name: rule for rule in RULES}
INSTANCE = "aws:ec2/instance:Instance"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
VAULT = "azure-native:recoveryservices:Vault"
WAVE = "pulumi-python:dynamic/asr:Wave"

ENCRYPTED = {"encrypted": True}
TESTED = {"require_test_failover": True}
UNTESTED = {"require_test_failover": False}


def planning(*operations: str) -> dict[str, Any]:
    """A wave that a run would do this to."""
    rows = [{"operations": [{"operation": operation} for operation in operations]}]
    return {"phase": "migrated", "review": {"machines": rows}}


def approving(phase: str) -> dict[str, Any]:
    return {"guards": {"approval": {"by": "ada", "ticket": "CHG-7", "for": phase}}}


def security(**settings: Any) -> dict[str, Any]:
    return {"properties": {"securitySettings": settings}}


@pytest.mark.parametrize(
    ("rule", "resource", "properties", "config"),
    [
        ("metadata-tokens", INSTANCE, {"metadataOptions": {"httpTokens": "required"}}, {}),
        (
            "encrypted-volumes",
            INSTANCE,
            {"rootBlockDevice": ENCRYPTED, "ebsBlockDevices": [ENCRYPTED]},
            {},
        ),
        ("no-public-address", INSTANCE, {"associatePublicIpAddress": False}, {}),
        ("no-public-address", INSTANCE, {}, {}),
        (
            "no-open-remote-access",
            INGRESS,
            {"cidrIpv4": "10.0.0.0/8", "fromPort": 3389, "toPort": 3389, "ipProtocol": "tcp"},
            {},
        ),
        (
            "no-open-remote-access",
            INGRESS,
            {"cidrIpv4": "0.0.0.0/0", "fromPort": 443, "toPort": 443, "ipProtocol": "tcp"},
            {},
        ),
        ("allowed-regions", VAULT, {"location": "West Europe"}, {"azure": ["westeurope"]}),
        ("allowed-regions", VAULT, {"location": "eastus"}, {}),
        ("required-tags", VAULT, {"tags": {"CostCenter": "7"}}, {"names": ["costcenter"]}),
        ("required-tags", INGRESS, {}, {"names": ["costcenter"]}),
        ("protected-vault", VAULT, {}, {}),
        (
            "protected-vault",
            VAULT,
            security(softDeleteSettings={"softDeleteState": "Enabled"}),
            {},
        ),
        ("tested-before-failover", WAVE, {"phase": "failed-over", "convergence": TESTED}, {}),
        ("tested-before-failover", WAVE, {"phase": "protected", "convergence": UNTESTED}, {}),
        (
            "tested-before-failover",
            WAVE,
            {"phase": "migrated", "convergence": UNTESTED},
            {"stacks": ["production"]},
        ),
        ("approved-before-failover", WAVE, planning("test failover"), {}),
        ("approved-before-failover", WAVE, planning(), {}),
        (
            "approved-before-failover",
            WAVE,
            {**planning("unplanned failover"), **approving("failed-over")},
            {},
        ),
        (
            "approved-before-failover",
            WAVE,
            {**planning("unplanned failover", "complete migration"), **approving("migrated")},
            {},
        ),
        ("approved-before-failover", WAVE, planning("unplanned failover"), {"stacks": ["x"]}),
        ("approved-before-failover", WAVE, {"phase": "protected"}, {}),
    ],
)
def test_what_is_allowed_passes(
    rule: str, resource: str, properties: dict[str, Any], config: dict[str, Any]
) -> None:
    assert violations(BY_NAME[rule], resource, properties, config) == []


@pytest.mark.parametrize(
    ("rule", "resource", "properties", "config", "what"),
    [
        (
            "approved-before-failover",
            WAVE,
            planning("test failover cleanup", "unplanned failover"),
            {},
            "it goes to failed-over without an approval",
        ),
        (
            "approved-before-failover",
            WAVE,
            {**planning("complete migration"), **approving("failed-over")},
            {},
            "it goes to migrated, and failed-over is approved",
        ),
        # Without a review, as offline, the phase counts.
        ("approved-before-failover", WAVE, {"phase": "failed-over"}, {}, "without an approval"),
        ("metadata-tokens", INSTANCE, {}, {}, "IMDSv1"),
        (
            "metadata-tokens",
            INSTANCE,
            {"metadataOptions": {"httpTokens": "optional"}},
            {},
            "IMDSv1",
        ),
        ("encrypted-volumes", INSTANCE, {}, {}, "rootBlockDevice is not encrypted"),
        (
            "encrypted-volumes",
            INSTANCE,
            {"rootBlockDevice": ENCRYPTED, "ebsBlockDevices": [ENCRYPTED, {}]},
            {},
            "ebsBlockDevices[1] is not encrypted",
        ),
        ("no-public-address", INSTANCE, {"associatePublicIpAddress": True}, {}, "public address"),
        (
            "no-open-remote-access",
            INGRESS,
            {"cidrIpv4": "0.0.0.0/0", "fromPort": 3000, "toPort": 4000, "ipProtocol": "tcp"},
            {},
            "opens RDP (port 3389) to 0.0.0.0/0",
        ),
        (
            "no-open-remote-access",
            INGRESS,
            {"cidrIpv6": "::/0", "fromPort": 22, "toPort": 22, "ipProtocol": "tcp"},
            {},
            "opens SSH (port 22) to ::/0",
        ),
        ("allowed-regions", VAULT, {"location": "eastus"}, {"azure": ["westeurope"]}, "eastus"),
        ("allowed-regions", INSTANCE, {"region": "us-east-1"}, {"aws": ["eu-west-1"]}, "us-east-1"),
        (
            "required-tags",
            VAULT,
            {"tags": {"owner": ""}},
            {"names": ["owner", "app"]},
            "owner, app",
        ),
        (
            "protected-vault",
            VAULT,
            security(softDeleteSettings={"softDeleteState": "Disabled"}),
            {},
            "soft delete is off",
        ),
        (
            "tested-before-failover",
            WAVE,
            {"phase": "failed-over", "convergence": UNTESTED},
            {},
            "goes to failed-over without a test failover",
        ),
    ],
)
def test_a_violation_says_what_is_wrong_and_what_to_do(
    rule: str, resource: str, properties: dict[str, Any], config: dict[str, Any], what: str
) -> None:
    [line] = violations(BY_NAME[rule], resource, properties, config)
    assert what in line
    assert ". " in line


def violations(
    rule: Rule, resource: str, properties: dict[str, Any], config: dict[str, Any]
) -> list[str]:
    return list(rule.check(Declared(resource, properties, "prod-eu"), rule.config(config)))


def test_a_tag_that_is_not_known_yet_does_not_keep_others_from_being_judged() -> None:
    tags = {"CostCenter": "7", "site-recovery:vault": UNKNOWN_STRING_VALUE}
    properties = dict(unknown_checking_proxy({"tags": tags}))
    required = {"names": ["costcenter", "Owner"]}
    found = violations(BY_NAME["required-tags"], INSTANCE, properties, required)
    assert found == ["it lacks the tags Owner. Add them to source.tags"]


def test_all_traffic_from_everybody_opens_both() -> None:
    rule = BY_NAME["no-open-remote-access"]
    everything = {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "-1"}
    assert len(violations(rule, INGRESS, everything, {})) == 2


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_a_description_and_skips_other_resources(rule: Rule) -> None:
    assert rule.description
    assert violations(rule, "pulumi:pulumi:Stack", {}, {}) == []
