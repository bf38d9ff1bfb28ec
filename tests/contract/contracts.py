"""Which contract a run validates against, and what the service is known to do beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tests.contract import openapi, sdk_models


class Operation(Protocol):
    """One operation, whichever contract tells of it."""

    @property
    def id(self) -> str:
        """The operation id."""

    def misfits_of_request(self, query: Mapping[str, str], body: Any) -> list[str]:
        """What does not fit in a request."""

    def misfits_of_response(
        self, status: int, headers: Mapping[str, str], body: Any, *, polled: bool = False
    ) -> list[str]:
        """What does not fit in an answer."""


CONTRACTS: dict[str, Callable[[], Mapping[str, Operation]]] = {
    "openapi": openapi.published,
    "sdk": sdk_models.published,
}


def used() -> str:
    """One line that tells which contract this machine's run validates against."""
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
"""What the service itself was recorded to do beside its contract, with where."""


def explained(misfit: str) -> bool:
    """Whether a recording explains a misfit."""
    return any(re.search(known, misfit) for known in RECORDED)
