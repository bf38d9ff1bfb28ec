"""Sends the published examples to the emulator; the responses have to have the published shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from emulator import coverage
from emulator.kernel.wire import Response
from tests.contract import openapi, shapes, stages
from tests.contract.providers import PROVIDERS, Provider
from tests.contract.test_every_operation import needs_openapi
from tests.emulator.recovery_services.site_recovery_support import Site

pytestmark = needs_openapi

DIFFERENT = {
    r"^Vaults_CreateOrUpdate \.tags:": "the example answers tags that it has not sent",
    r"^Vaults_CreateOrUpdate \.sku\.tier:": "recorded (vault, 001): the sku as it was sent",
    r"^ReplicationRecoveryPlans_.*\.lastPlannedFailoverTime:": "Hyper-V's: there is none of these",
    r"^ReplicationRecoveryPlans_FailoverCommit .*\.allowedOperations:": (
        "Hyper-V's fail over again; what is left of these is each machine's own"
    ),
    r"^ReplicationJobs_Resume .*\.affectedObjectDetails\.": (
        "a machine's job is shown; here a plan's waits, of which no details are known"
    ),
    r"^GetOperationStatus \.(start|end)Time:": "recorded (vault, 003): a status without times",
    r"^RecoveryServices_CheckNameAvailability \.(reason|message):": (
        "the vault of the example does not exist here, so its name is available"
    ),
}
"""Known gaps in responses compared with the examples, by operation and path, with the reason."""

REFUSED = {
    "ReplicationProtectedItems_PlannedFailover": "physical machines have none to Azure",
    "ReplicationProtectedItems_Reprotect": "a physical machine cannot be replicated back",
    "ReplicationProtectedItems_FailoverCancel": "only a failover back can be cancelled",
    "ReplicationRecoveryPlans_PlannedFailover": "physical machines have none to Azure",
    "ReplicationRecoveryPlans_Reprotect": "a physical machine cannot be replicated back",
    "ReplicationRecoveryPlans_FailoverCancel": "only a failover back can be cancelled",
    "InMageAzureV2 ReplicationProtectionContainerMappings_Update": (
        "a classic mapping keeps nothing to change"
    ),
    "InMageRcm ReplicationProtectionContainers_DiscoverProtectableItem": (
        "agents report to the appliance by themselves"
    ),
}
"""Examples that apply to no emulated state, of one provider or of any."""

NOTHING = {
    "InMageAzureV2 ReplicationAppliances_List": "a configuration server is no appliance",
    "InMageRcm ReplicationProtectableItems_Get": "its machines are in Microsoft.OffAzure",
    "InMageRcm ReplicationProtectableItems_ListByReplicationProtectionContainers": (
        "its machines are in Microsoft.OffAzure"
    ),
    "ReplicationLogicalNetworks_ListByReplicationFabrics": "they are Virtual Machine Manager's",
    "ReplicationMigrationItems_List": "they are Azure Migrate's",
    "ReplicationMigrationItems_ListByReplicationProtectionContainers": "they are Azure Migrate's",
    "ReplicationNetworks_List": "they are Virtual Machine Manager's",
    "ReplicationProtectionIntents_List": "they are of machines in Azure",
    "ReplicationStorageClassificationMappings_List": "they are Virtual Machine Manager's",
    "ReplicationvCenters_List": "physical machines have none",
    "ReplicationvCenters_ListByReplicationFabrics": "physical machines have none",
}
"""Examples of resources that a provider, or any provider, never has. Lists of them are empty."""


def examples(*, foreign: bool = False) -> list[Any]:
    """All examples of operations that the emulator implements, for each provider.

    Args:
        foreign: return only examples whose request is for another provider.
    """
    if not openapi.present():
        return [pytest.param("none", {}, "none", id="no OpenAPI")]
    offered = {route.operation_id for route in coverage.routes()}
    return [
        pytest.param(operation.id, example, provider, id=f"{operation.id}-{name}-{provider}")
        for operation in openapi.published().values()
        if operation.id in offered
        for name, example in operation.examples()
        if not foreign or _names_a_provider(str(example["parameters"]))
        for provider in stages.providers_of(operation.id)
    ]


def _names_a_provider(parameters: str) -> bool:
    # The base class of a mapping's input belongs to no provider. The service accepts it (recorded).
    base = "ReplicationProviderSpecificContainerMappingInput"
    return "instanceType" in parameters and base not in parameters


@pytest.mark.parametrize(("identifier", "example", "provider"), examples())
def test_an_example_is_answered_in_its_shape(
    identifier: str, example: dict[str, Any], provider: str
) -> None:
    site = stages.at(identifier, PROVIDERS[provider])
    name = f"{provider} {identifier}"
    nothing = bool({name, identifier} & set(NOTHING))
    if nothing and identifier.endswith("_Get"):
        return
    response = send(site, identifier, example, PROVIDERS[provider])
    if nothing:
        assert response.body["value"] == []
        return
    if {name, identifier} & set(REFUSED):
        assert response.status == 400
        return
    assert str(response.status) in example["responses"], response.body
    found = list(lacking(example, response.status, response.body))
    if response.status in (201, 202) and "Location" in response.headers:
        result = ended(site, response)
        assert result.status in (200, 204)
        found += lacking(example, result.status, result.body)
    found = [f"{identifier} {place}" for place in found]
    assert [place for place in found if not explained(place)] == []


@pytest.mark.parametrize(("identifier", "example", "provider"), examples(foreign=True))
def test_an_example_of_another_provider_is_refused(
    identifier: str, example: dict[str, Any], provider: str
) -> None:
    site = stages.at(identifier, PROVIDERS[provider])
    before = len(site.world.audited())
    response = send(site, identifier, example, None)
    assert response.status == 400
    assert response.body["error"]["code"]
    assert response.body["error"]["message"]
    assert len(site.world.audited()) == before


def send(
    site: Site, identifier: str, example: dict[str, Any], provider: Provider | None
) -> Response:
    """Send the request of an example with the names and ids of a site.

    Args:
        site: the site that receives it.
        identifier: the operation id.
        example: the published example.
        provider: replaces the parts of the example's provider; None keeps them.
    """
    operation = openapi.published()[identifier]
    given = example["parameters"]
    names = stages.names(site, identifier)
    path = re.sub(r"\{(\w+)\}", lambda match: quote(names[match.group(1)]), operation.path)
    bodies = [value for value in given.values() if isinstance(value, dict)]
    body = stages.body(site, bodies[0], identifier, provider) if bodies else None
    return site.call(operation.verb, path, body, given["api-version"])


def ended(site: Site, accepted: Response) -> Response:
    """Poll the `Location` of an operation until it has ended; returns the last response."""
    for _ in range(200):
        result = site.call("GET", accepted.headers["Location"])
        if result.status != 202:
            return result
        site.pass_time(seconds=30)
    raise AssertionError("the operation does not end")


def lacking(example: dict[str, Any], status: int, body: Any) -> Iterator[str]:
    """The gaps of a response compared with the one that the example shows for its status."""
    shown = example["responses"].get(str(status), {}).get("body")
    if shown is not None:
        yield from shapes.lacking(shown, body if body is not None else "")


def explained(place: str) -> bool:
    """Whether a gap is a known one."""
    return any(re.search(known, place) for known in DIFFERENT)
