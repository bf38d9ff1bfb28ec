"""The contract that a test run validates against, and the service's known deviations from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tests.contract import openapi, sdk_models


class Operation(Protocol):
    """One operation of a contract: of the OpenAPI, or of the SDK's models."""

    @property
    def id(self) -> str:
        """The operation id."""

    def violations_of_request(self, query: Mapping[str, str], body: Any) -> list[str]:
        """The violations of the contract in a request."""

    def violations_of_response(
        self, status: int, headers: Mapping[str, str], body: Any, *, polled: bool = False
    ) -> list[str]:
        """The violations of the contract in a response."""


CONTRACTS: dict[str, Callable[[], Mapping[str, Operation]]] = {
    "openapi": openapi.published,
    "sdk": sdk_models.published,
}


def used() -> str:
    """One line that says which contract this run validates against."""
    if openapi.present():
        return f"contract: the published OpenAPI in {openapi.directory()}, and the SDK's models"
    return (
        f"contract: the SDK's models only, for there is no OpenAPI in {openapi.directory()} "
        "(CONTRACT names another place); published examples and recordings are skipped"
    )


RECORDED = {
    r"processServers\[\](.historicHealth)?: .*'historicHealth' was unexpected": (
        "recorded in azure-powershell's AsrV2ATests; no published class has it"
    ),
    r"tasks\[\]\.customDetails: instanceType 'TaskDetails' is none of": (
        "recorded (vault, 028): the base's own name where the contract has derived classes only"
    ),
    r"^ReplicationPolicies_\w+ 200.*providerSpecificDetails: .*'"
    r"(associatedItemsCount|dataSourceType|status)'.* unexpected": (
        "recorded (vault, 035): members of an InMageRcm policy that no published class has"
    ),
    r"^ReplicationProtectedItems_\w+ 200.*: .*'linuxLicenseType' was unexpected": (
        "in the SDK of 2025-08-01, newer than the OpenAPI of 2024-04-01"
    ),
}
"""Known deviations of the real service from its contract, with the recordings that show them."""


def explained(violation: str) -> bool:
    """Whether a violation is a known deviation of the real service."""
    return any(re.search(known, violation) for known in RECORDED)
