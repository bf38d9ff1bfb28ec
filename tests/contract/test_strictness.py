"""The contracts report violations. If they reported none, every other test would pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract import contracts
from tests.contract.providers import PROVIDERS
from tests.contract.test_every_operation import needs_openapi

QUERY = {"api-version": "2024-04-01"}
POLLING = {"Location": "https://management.azure.com/poll", "Retry-After": "30"}
ENABLE = {
    "InMageAzureV2": {"processServerId": "server", "masterTargetId": "server"},
    "InMageRcm": {
        "fabricDiscoveryMachineId": "machine",
        "processServerId": "server",
        "targetResourceGroupId": "group",
    },
}
"""The input of each provider for enabling protection."""
ANOTHERS = {"InMageAzureV2": "testNetworkId", "InMageRcm": "masterTargetId"}
"""A member of each provider's input that only the other provider has."""
POLICY = {
    "InMageAzureV2": {"recoveryPointHistory": 1440, "multiVmSyncStatus": "Enabled"},
    "InMageRcm": {"recoveryPointHistoryInMinutes": 1440, "enableMultiVmSync": "true"},
}
"""The details of a policy in each provider's response."""
HISTORY = {"recoveryPointHistory", "recoveryPointHistoryInMinutes"}
"""The retention of recovery points in minutes. It has to be a number in a response, not text."""
EITHER = pytest.mark.parametrize("contract", [pytest.param("openapi", marks=needs_openapi), "sdk"])
EACH = pytest.mark.parametrize("provider", PROVIDERS)


def enabling(provider: str) -> dict[str, Any]:
    own = {"instanceType": provider, **ENABLE[provider]}
    source = {} if provider == "InMageRcm" else {"protectableItemId": "machine"}
    return {"properties": {"policyId": "policy", **source, "providerSpecificDetails": own}}


def policy(provider: str) -> dict[str, Any]:
    return {
        "id": "policy",
        "name": "policy",
        "type": "Microsoft.RecoveryServices/vaults/replicationPolicies",
        "properties": {
            "friendlyName": "policy",
            "providerSpecificDetails": {"instanceType": provider, **POLICY[provider]},
        },
    }


def details(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = body["properties"]["providerSpecificDetails"]
    return found


def operation(contract: str, identifier: str) -> contracts.Operation:
    return contracts.CONTRACTS[contract]()[identifier]


@EITHER
@EACH
def test_valid_bodies_have_no_violations(contract: str, provider: str) -> None:
    enable = operation(contract, "ReplicationProtectedItems_Create")
    assert enable.violations_of_request(QUERY, enabling(provider)) == []
    assert enable.violations_of_response(202, POLLING, None) == []
    get = operation(contract, "ReplicationPolicies_Get")
    assert get.violations_of_request(QUERY, None) == []
    assert get.violations_of_response(200, {}, policy(provider)) == []


@EITHER
@EACH
@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body["properties"].update(unknown="member"),
        lambda body: body["properties"].update(policyId=5),
        lambda body: body.update(id="a policy tells its id; nobody sets it"),
        lambda body: details(body).update(instanceType="VMware"),
        lambda body: details(body).update({ANOTHERS[details(body)["instanceType"]]: "another's"}),
    ],
    ids=["unknown", "type", "not in a request", "discriminator", "another provider's"],
)
def test_a_violation_in_a_request_is_reported(
    contract: str, provider: str, spoil: Callable[[Any], None]
) -> None:
    body = enabling(provider)
    spoil(body)
    found = operation(contract, "ReplicationProtectedItems_Create").violations_of_request(
        QUERY, body
    )
    assert len(found) == 1, found


@EITHER
@EACH
def test_a_missing_member_is_reported(contract: str, provider: str) -> None:
    enable = operation(contract, "ReplicationProtectedItems_Create")
    assert enable.violations_of_request({}, enabling(provider))
    assert enable.violations_of_request(QUERY, None)


@EITHER
def test_a_member_that_one_provider_requires_is_reported_as_missing(contract: str) -> None:
    failover = operation(contract, "ReplicationProtectedItems_UnplannedFailover")
    settings = PROVIDERS["InMageRcm"].part("ReplicationProtectedItems_UnplannedFailover")
    body = {"properties": {"providerSpecificDetails": settings}}
    assert failover.violations_of_request(QUERY, body) == []
    del settings["performShutdown"]
    assert failover.violations_of_request(QUERY, body)


@EITHER
@EACH
@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body["properties"].update(unknown="member"),
        lambda body: details(body).update(dict.fromkeys(HISTORY & set(details(body)), "1440")),
        lambda body: details(body).update(instanceType="VMware"),
    ],
    ids=["unknown", "type", "discriminator"],
)
def test_a_violation_in_a_response_is_reported(
    contract: str, provider: str, spoil: Callable[[Any], None]
) -> None:
    body = policy(provider)
    spoil(body)
    found = operation(contract, "ReplicationPolicies_Get").violations_of_response(200, {}, body)
    assert len(found) == 1, found


@EITHER
@EACH
def test_a_wrong_status_or_header_is_reported(contract: str, provider: str) -> None:
    get = operation(contract, "ReplicationPolicies_Get")
    assert get.violations_of_response(202, POLLING, None)
    enable = operation(contract, "ReplicationProtectedItems_Create")
    for missing in POLLING:
        headers = {name: value for name, value in POLLING.items() if name != missing}
        assert enable.violations_of_response(202, headers, None)
    assert enable.violations_of_response(202, POLLING, policy(provider))
