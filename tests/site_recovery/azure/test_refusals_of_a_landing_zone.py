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
VIOLATION = {
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


def test_another_denial_still_names_the_roles() -> None:
    assert "roles" in str(explain(error(403, "AuthorizationFailed", "No."), "vault v1"))
