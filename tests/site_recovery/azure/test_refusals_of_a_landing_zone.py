"""Policies, locks and disabled subscriptions: what forbids a request is named, not roles."""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.mgmt.core.exceptions import ARMErrorFormat

from site_recovery.azure.errors import explain
from site_recovery.errors import ServiceUnavailableError

ASSIGNMENT = (
    "/providers/Microsoft.Management/managementGroups/corp/providers/"
    "Microsoft.Authorization/policyAssignments/allowed-locations"
)
VIOLATION: dict[str, Any] = {
    "type": "PolicyViolation",
    "info": {
        "policyDefinitionDisplayName": "Allowed locations",
        "policyAssignmentName": "allowed-locations",
        "policyAssignmentDisplayName": "Only Europe",
        "policyAssignmentId": ASSIGNMENT,
        "evaluationDetails": {
            "evaluatedExpressions": [
                {
                    "result": "True",
                    "expressionKind": "Field",
                    "expression": "location",
                    "path": "location",
                    "expressionValue": "eastus",
                    "targetValue": ["westeurope"],
                    "operator": "NotIn",
                },
                {"result": "False", "expression": "type", "expressionValue": "x"},
            ]
        },
    },
}


class Response:
    """As much of an answer as the error reads."""

    reason = "Forbidden"
    content_type = "application/json"
    request = HttpRequest("PUT", "https://management.azure.com/x")

    def __init__(self, status: int, body: Any) -> None:
        self.status_code = status
        self.headers = {"content-type": "application/json"}
        self._text = json.dumps(body)

    def text(self, encoding: str | None = None) -> str:
        return self._text


def error(status: int, code: str, message: str, *additional: Any) -> HttpResponseError:
    body = {"error": {"code": code, "message": message, "additionalInfo": list(additional)}}
    return HttpResponseError(response=Response(status, body), error_format=ARMErrorFormat)


def test_a_policy_is_named_with_what_it_demands() -> None:
    refused = error(403, "RequestDisallowedByPolicy", "Resource 'x' was disallowed.", VIOLATION)
    explained = explain(refused, "vault v1")
    text = str(explained)
    assert text.startswith("vault v1: Azure Policy forbids it: assignment 'Only Europe'")
    for words in (ASSIGNMENT, "'Allowed locations'", "'eastus'", "['westeurope']", "exemption"):
        assert words in text
    assert "roles" not in text
    assert not isinstance(explained, ServiceUnavailableError)


def test_a_policy_without_details_is_told_in_the_services_words() -> None:
    text = str(explain(error(403, "RequestDisallowedByPolicy", "Policy: [x]."), "vault v1"))
    assert "RequestDisallowedByPolicy: Policy: [x]. Change what" in text


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (409, "ScopeLocked", "a lock forbids it"),
        (403, "ScopeLocked", "a lock forbids it"),
        (409, "ReadOnlyDisabledSubscription", "the subscription takes no changes"),
    ],
)
def test_a_lock_and_a_subscription_are_named(status: int, code: str, words: str) -> None:
    text = str(explain(error(status, code, "The scope is locked."), "vault v1"))
    assert words in text
    assert "roles" not in text


def violation(*expressions: dict[str, Any], effect: str = "deny") -> dict[str, Any]:
    info = {**VIOLATION["info"], "policyDefinitionEffect": effect}
    info["evaluationDetails"] = {"evaluatedExpressions": list(expressions)}
    return {"type": "PolicyViolation", "info": info}


def leaf(at: str, value: object, operator: str, wanted: object, result: str = "True") -> Any:
    return {
        "result": result,
        "expressionKind": "Field",
        "expression": at,
        "path": at,
        "expressionValue": value,
        "targetValue": wanted,
        "operator": operator,
    }


OF_TYPE = leaf("type", "x", "Equals", "x")


@pytest.mark.parametrize(
    ("expressions", "words"),
    [
        # Allowed locations, allowed sizes, allowed resource types, disallowed ones.
        ([leaf("location", "eastus", "NotIn", ["westeurope"])], "location is 'eastus' and must be one of ['westeurope']"),
        ([OF_TYPE, leaf("sku.name", "Standard_D2s_v3", "NotIn", ["Standard_B2s"])], "sku.name is 'Standard_D2s_v3' and must be one of ['Standard_B2s']"),
        ([leaf("type", "Microsoft.Network/publicIPAddresses", "In", ["Microsoft.Network/publicIPAddresses"])], "must be none of ['Microsoft.Network/publicIPAddresses']"),
        # A required tag, one with a value, one of some.
        ([leaf("tags[owner]", None, "Exists", "false")], "tags[owner] must be there"),
        ([leaf("tags[env]", "dev", "NotEquals", "prod")], "tags[env] is 'dev' and must be 'prod'"),
        ([leaf("tags", {"a": "b"}, "NotContainsKey", "costcenter")], "must have the key 'costcenter'"),
        # A name by a pattern, also inside `not`.
        ([leaf("name", "vnet", "NotLike", "corp-*")], "name is 'vnet' and must match 'corp-*'"),
        ([OF_TYPE, leaf("name", "vnet", "Like", "corp-*", "False")], "name is 'vnet' and must match 'corp-*'"),
        # A subnet without a security group, a public address, public access to storage, old TLS.
        ([OF_TYPE, leaf("properties.subnets[*].networkSecurityGroup.id", None, "Exists", "false")], "networkSecurityGroup.id must be there"),
        ([OF_TYPE, leaf("properties.ipConfigurations[*].publicIpAddress.id", "/x", "Exists", True)], "publicIpAddress.id must not be there"),
        ([OF_TYPE, leaf("properties.allowBlobPublicAccess", True, "Equals", "true")], "allowBlobPublicAccess is True and must not be 'true'"),
        ([OF_TYPE, leaf("properties.publicNetworkAccess", "Enabled", "NotEquals", "Disabled")], "is 'Enabled' and must be 'Disabled'"),
        ([leaf("properties.disks[*]", 5, "Greater", 4)], "is 5 and must be at most 4"),
        # An operator that is newer than this.
        ([leaf("name", "x", "Resembles", "y")], "name is 'x', and the rule looks at Resembles 'y'"),
    ],
)  # fmt: skip
def test_each_demand_of_a_policy_is_told_in_words(expressions: list[Any], words: str) -> None:
    refused = error(403, "RequestDisallowedByPolicy", "No.", violation(*expressions))
    assert words in str(explain(refused, "vault v1"))


def test_a_policy_that_denies_the_action_does_not_ask_for_another_config() -> None:
    refused = error(403, "RequestDisallowedByPolicy", "No.", violation(effect="denyAction"))
    text = str(explain(refused, "vault v1"))
    assert "'Only Europe'" in text
    assert "It denies the action itself" in text
    assert "so that it complies" not in text


def test_the_assignments_that_the_message_names_are_told_where_nothing_else_names_them() -> None:
    named = json.dumps([{"policyAssignment": {"name": "Only Europe", "id": ASSIGNMENT}}])
    message = f"Resource 'x' was disallowed by policy. Policy identifiers: '{named}'."
    text = str(explain(error(403, "RequestDisallowedByPolicy", message), "vault v1"))
    assert f"assignment 'Only Europe' ({ASSIGNMENT})" in text
    assert "Policy identifiers" not in text


@pytest.mark.parametrize(
    "info", ["text", {"evaluationDetails": "none"}, {"evaluationDetails": None}]
)
def test_details_of_another_form_break_nothing(info: object) -> None:
    refused = error(
        403, "RequestDisallowedByPolicy", "No.", {"type": "PolicyViolation", "info": info}
    )
    assert "Azure Policy forbids it" in str(explain(refused, "vault v1"))


def test_a_refusal_inside_that_of_a_deployment_is_found() -> None:
    inner = {"code": "RequestDisallowedByPolicy", "message": "No.", "additionalInfo": [VIOLATION]}
    body = {"error": {"code": "InvalidTemplateDeployment", "message": "Failed", "details": [inner]}}
    refused = HttpResponseError(response=Response(400, body), error_format=ARMErrorFormat)
    assert "assignment 'Only Europe'" in str(explain(refused, "vault v1"))


CORES = (
    "Operation could not be completed as it results in exceeding approved standardDSv3Family Cores "
    "quota. Current Limit: 10, Current Usage: 8, Additional Required: 4."
)
UNREGISTERED = (
    "The subscription is not registered to use namespace 'Microsoft.RecoveryServices'. See "
    "https://aka.ms/rps-not-found for how to register subscriptions."
)


@pytest.mark.parametrize(
    ("status", "code", "message", "words"),
    [
        (409, "MissingSubscriptionRegistration", UNREGISTERED, "az provider register --wait --namespace Microsoft.RecoveryServices"),
        (409, "OperationNotAllowed", CORES, "a quota of the subscription is used up"),
        (400, "QuotaExceeded", "The quota is exceeded.", "Quotas in the portal"),
        (409, "ResourceQuotaExceeded", "Too many.", "a quota of the subscription is used up"),
        (403, "RequestDisallowedByAzure", "Resource 'x' was disallowed by Azure.", "azure-native:location"),
        (403, "DenyAssignmentAuthorizationFailed", "the deny assignment with name 'stack'", "'stack'"),
        (409, "SkuNotAvailable", "The requested size is not available.", "target.vmSize"),
    ],
)  # fmt: skip
def test_what_a_later_try_does_not_change_is_told_with_its_way_out(
    status: int, code: str, message: str, words: str
) -> None:
    text = str(explain(error(status, code, message), "vault v1"))
    assert words in text
    assert code in text
    assert "make permissions" not in text


def test_an_operation_that_is_not_allowed_now_is_no_quota() -> None:
    text = str(explain(error(409, "OperationNotAllowed", "The machine is being deleted."), "x"))
    assert "quota" not in text


def test_another_denial_still_names_the_roles() -> None:
    assert "roles" in str(explain(error(403, "AuthorizationFailed", "No."), "vault v1"))
