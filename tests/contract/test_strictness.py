"""The contracts refuse what they are there to refuse; else everything would seem to fit."""

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
"""What a provider asks for where protection is enabled."""
ANOTHERS = {"InMageAzureV2": "testNetworkId", "InMageRcm": "masterTargetId"}
"""What it does not know, because it is the other's."""
POLICY = {
    "InMageAzureV2": {"recoveryPointHistory": 1440, "multiVmSyncStatus": "Enabled"},
    "InMageRcm": {"recoveryPointHistoryInMinutes": 1440, "enableMultiVmSync": "true"},
}
"""What a provider answers of a policy."""
HISTORY = {"recoveryPointHistory", "recoveryPointHistoryInMinutes"}
"""Minutes of recovery points in a policy: a number, which an answer may not tell as text."""
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
def test_what_fits_fits(contract: str, provider: str) -> None:
    enable = operation(contract, "ReplicationProtectedItems_Create")
    assert enable.misfits_of_request(QUERY, enabling(provider)) == []
    assert enable.misfits_of_response(202, POLLING, None) == []
    get = operation(contract, "ReplicationPolicies_Get")
    assert get.misfits_of_request(QUERY, None) == []
    assert get.misfits_of_response(200, {}, policy(provider)) == []


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
def test_a_request_that_does_not_fit_is_told(
    contract: str, provider: str, spoil: Callable[[Any], None]
) -> None:
    body = enabling(provider)
    spoil(body)
    found = operation(contract, "ReplicationProtectedItems_Create").misfits_of_request(QUERY, body)
    assert len(found) == 1, found


@EITHER
@EACH
def test_what_is_missing_is_told(contract: str, provider: str) -> None:
    enable = operation(contract, "ReplicationProtectedItems_Create")
    assert enable.misfits_of_request({}, enabling(provider))
    assert enable.misfits_of_request(QUERY, None)


@EITHER
def test_what_one_provider_must_be_told_is_missing(contract: str) -> None:
    failover = operation(contract, "ReplicationProtectedItems_UnplannedFailover")
    settings = PROVIDERS["InMageRcm"].part("ReplicationProtectedItems_UnplannedFailover")
    body = {"properties": {"providerSpecificDetails": settings}}
    assert failover.misfits_of_request(QUERY, body) == []
    del settings["performShutdown"]
    assert failover.misfits_of_request(QUERY, body)


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
def test_an_answer_that_does_not_fit_is_told(
    contract: str, provider: str, spoil: Callable[[Any], None]
) -> None:
    body = policy(provider)
    spoil(body)
    found = operation(contract, "ReplicationPolicies_Get").misfits_of_response(200, {}, body)
    assert len(found) == 1, found


@EITHER
@EACH
def test_a_status_or_header_that_does_not_fit_is_told(contract: str, provider: str) -> None:
    get = operation(contract, "ReplicationPolicies_Get")
    assert get.misfits_of_response(202, POLLING, None)
    enable = operation(contract, "ReplicationProtectedItems_Create")
    for missing in POLLING:
        headers = {name: value for name, value in POLLING.items() if name != missing}
        assert enable.misfits_of_response(202, headers, None)
    assert enable.misfits_of_response(202, POLLING, policy(provider))
