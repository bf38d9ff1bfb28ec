"""The contracts refuse what they are there to refuse; else everything would seem to fit."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract import contracts
from tests.contract.providers import PROVIDERS
from tests.contract.test_every_operation import needs_openapi

QUERY = {"api-version": "2024-04-01"}
POLLING = {"Location": "https://management.azure.com/poll", "Retry-After": "30"}
ENABLE = {
    "properties": {
        "policyId": "policy",
        "protectableItemId": "machine",
        "providerSpecificDetails": {"instanceType": "InMageAzureV2", "processServerId": "server"},
    }
}
POLICY = {
    "id": "policy",
    "name": "policy",
    "type": "Microsoft.RecoveryServices/vaults/replicationPolicies",
    "properties": {
        "friendlyName": "policy",
        "providerSpecificDetails": {
            "instanceType": "InMageAzureV2",
            "recoveryPointHistory": 1440,
            "multiVmSyncStatus": "Enabled",
        },
    },
}
EITHER = pytest.mark.parametrize("contract", [pytest.param("openapi", marks=needs_openapi), "sdk"])


def operation(contract: str, identifier: str) -> contracts.Operation:
    return contracts.CONTRACTS[contract]()[identifier]


@EITHER
def test_what_fits_fits(contract: str) -> None:
    enable = operation(contract, "ReplicationProtectedItems_Create")
    assert enable.misfits_of_request(QUERY, ENABLE) == []
    assert enable.misfits_of_response(202, POLLING, None) == []
    get = operation(contract, "ReplicationPolicies_Get")
    assert get.misfits_of_request(QUERY, None) == []
    assert get.misfits_of_response(200, {}, POLICY) == []


@EITHER
@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body["properties"].update(unknown="member"),
        lambda body: body["properties"].update(policyId=5),
        lambda body: body.update(id="a policy tells its id; nobody sets it"),
        lambda body: body["properties"]["providerSpecificDetails"].update(instanceType="VMware"),
        lambda body: body["properties"]["providerSpecificDetails"].update(testNetworkId="RCM's"),
    ],
    ids=["unknown", "type", "not in a request", "discriminator", "another provider's"],
)
def test_a_request_that_does_not_fit_is_told(contract: str, spoil: Callable[[Any], None]) -> None:
    body = copy.deepcopy(ENABLE)
    spoil(body)
    found = operation(contract, "ReplicationProtectedItems_Create").misfits_of_request(QUERY, body)
    assert len(found) == 1, found


@EITHER
def test_what_is_missing_is_told(contract: str) -> None:
    enable = operation(contract, "ReplicationProtectedItems_Create")
    assert enable.misfits_of_request({}, ENABLE)
    assert enable.misfits_of_request(QUERY, None)
    failover = operation(contract, "ReplicationProtectedItems_UnplannedFailover")
    settings = PROVIDERS["InMageRcm"].part("ReplicationProtectedItems_UnplannedFailover")
    body = {"properties": {"providerSpecificDetails": settings}}
    assert failover.misfits_of_request(QUERY, body) == []
    del settings["performShutdown"]
    assert failover.misfits_of_request(QUERY, body)


@EITHER
@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body["properties"].update(unknown="member"),
        lambda body: body["properties"]["providerSpecificDetails"].update(
            recoveryPointHistory="1440"
        ),
        lambda body: body["properties"]["providerSpecificDetails"].update(instanceType="VMware"),
    ],
    ids=["unknown", "type", "discriminator"],
)
def test_an_answer_that_does_not_fit_is_told(contract: str, spoil: Callable[[Any], None]) -> None:
    body = copy.deepcopy(POLICY)
    spoil(body)
    found = operation(contract, "ReplicationPolicies_Get").misfits_of_response(200, {}, body)
    assert len(found) == 1, found


@EITHER
def test_a_status_or_header_that_does_not_fit_is_told(contract: str) -> None:
    get = operation(contract, "ReplicationPolicies_Get")
    assert get.misfits_of_response(202, POLLING, None)
    enable = operation(contract, "ReplicationProtectedItems_Create")
    for missing in POLLING:
        headers = {name: value for name, value in POLLING.items() if name != missing}
        assert enable.misfits_of_response(202, headers, None)
    assert enable.misfits_of_response(202, POLLING, POLICY)
