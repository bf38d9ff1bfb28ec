"""Calls every operation; all requests and responses have to follow the published contract."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from emulator import coverage
from emulator.kernel.routes import Route
from emulator.recovery_services.experiences import registry
from tests.contract import contracts, openapi
from tests.contract.recording import Call
from tests.contract.walk import WALKS

NEVER_ACCEPTED = {
    "ReplicationRecoveryPlans_PlannedFailover": "physical machines have none to Azure",
    "ReplicationRecoveryPlans_Reprotect": "a physical machine cannot be replicated back",
    "ReplicationRecoveryPlans_FailoverCancel": "only a failover back can be cancelled",
    "ReplicationProtectedItems_PlannedFailover": "physical machines have none to Azure",
    "ReplicationProtectedItems_Reprotect": "a physical machine cannot be replicated back",
    "ReplicationProtectedItems_FailoverCancel": "only a failover back can be cancelled",
}
"""Operations that the walk only gets refused, with the reason."""

_INDEX = re.compile(r"\[\d+\]")

needs_openapi = pytest.mark.skipif(
    not openapi.present(), reason=f"there is no OpenAPI in {openapi.directory()}"
)


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("contract", [pytest.param("openapi", marks=needs_openapi), "sdk"])
def test_requests_and_responses_follow_the_contract(
    walked: dict[str, list[Call]], walk: str, contract: str
) -> None:
    published = contracts.CONTRACTS[contract]()
    checked = {call.operation for call in walked[walk]} & set(published)
    # The SDK of Site Recovery does not contain the operations of the vaults themselves.
    assert checked or (walk, contract) == ("vault", "sdk")
    found = violations(walked[walk], published)
    assert sorted(violation for violation in found if not contracts.explained(violation)) == []


@needs_openapi
def test_every_known_deviation_still_occurs(walked: dict[str, list[Call]]) -> None:
    found = {
        violation
        for calls in walked.values()
        for violation in violations(calls, openapi.published())
    }
    for known in contracts.RECORDED:
        assert any(re.search(known, violation) for violation in found), known


def test_every_refusal_has_the_error_body_of_arm(walked: dict[str, list[Call]]) -> None:
    refusals = [call for calls in walked.values() for call in calls if call.status >= 400]
    assert refusals
    for call in refusals:
        error = call.answer["error"]
        assert set(call.answer) == {"error"}
        assert set(error) <= {"code", "message", "details", "target", "innererror"}
        assert error["code"]
        assert error["message"]


def test_every_experience_has_a_walk() -> None:
    assert {*registry.offered(), "vault"} == set(WALKS)


def test_every_operation_is_called(walked: dict[str, list[Call]]) -> None:
    accepted, met = set(), set()
    for calls in walked.values():
        for call in calls:
            met.add(call.operation)
            if call.status < 400:
                accepted.add(call.operation)
    offered = {route.operation_id for route in routes()}
    assert sorted(offered - accepted - set(NEVER_ACCEPTED)) == []
    assert sorted((offered & set(NEVER_ACCEPTED)) - met) == []
    assert sorted(set(NEVER_ACCEPTED) & accepted) == []


def violations(calls: list[Call], published: Mapping[str, contracts.Operation]) -> set[str]:
    """The violations of the contract in these calls, without duplicates from lists."""
    begun = _begun(calls)
    found = set()
    for call in calls:
        polled = call.operation == "_OperationResults_Get"
        operation = published.get(begun[_last(call.path)] if polled else call.operation)
        if operation is None:
            continue
        sent_to_fit = not polled and call.status < 400
        of_call = operation.violations_of_request(call.query, call.sent) if sent_to_fit else []
        of_call += operation.violations_of_response(
            call.status, call.headers, call.answer, polled=polled
        )
        at = f"{operation.id} {call.status}{' polled' * polled}"
        found |= {f"{at}: {_INDEX.sub('[]', violation)}" for violation in of_call}
    return found


def routes() -> list[Route]:
    """The routes of vaults and of Site Recovery."""
    return [route for route in coverage.routes() if "Microsoft.RecoveryServices" in route.template]


def _begun(calls: list[Call]) -> dict[str, str]:
    """The operation that started each poll, by the last segment of its `Location`."""
    return {
        _last(call.headers["Location"].partition("?")[0]): call.operation
        for call in calls
        if "Location" in call.headers and not call.operation.startswith("_")
    }


def _last(path: str) -> str:
    return path.rpartition("/")[2]
