"""Answers fit the SDK's models: no property that these do not know, every value of its type."""

from __future__ import annotations

from typing import Any

import pytest
from azure.mgmt.recoveryservicessiterecovery import models

from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    CLASSIC,
    MODERNIZED,
    VAULT,
    Classic,
    Site,
)

WEB = support.windows(1)

_POLICY = "Policy.properties.providerSpecificDetails"
RECORDED_ONLY = {
    "Fabric.properties.customDetails.processServers.historicHealth",
    *(f"{_POLICY}.{name}" for name in ("status", "associatedItemsCount", "dataSourceType")),
    "ReplicationProtectedItem.properties.providerSpecificDetails.protectedDisks.targetBlobUri",
}
"""Properties in responses that no published model has (recordings of azure-powershell and
azure-cli)."""


@pytest.fixture(scope="module")
def site(experience: Classic) -> Site:
    """A site with a machine whose test environment waits: nearly every property is set."""
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    site.finished(site.test_failover(WEB))
    return site


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("Fabric", "{fabric}"),
        ("Fabric", "{vault}/replicationFabrics"),
        ("RecoveryServicesProvider", "{vault}/replicationRecoveryServicesProviders"),
        ("ProtectionContainer", "{container}"),
        ("ProtectionContainer", "{vault}/replicationProtectionContainers"),
        ("Policy", "{vault}/replicationPolicies"),
        ("ProtectionContainerMapping", "{vault}/replicationProtectionContainerMappings"),
        ("ReplicationProtectedItem", "{item}"),
        ("ReplicationProtectedItem", "{vault}/replicationProtectedItems"),
        ("RecoveryPoint", "{item}/recoveryPoints"),
        ("TargetComputeSize", "{item}/targetComputeSizes"),
        ("Job", "{vault}/replicationJobs"),
        ("Event", "{vault}/replicationEvents"),
        ("VaultHealthDetails", "{vault}/replicationVaultHealth"),
    ],
)
def test_an_answer_fits_its_model(site: Site, model: str, path: str) -> None:
    check(site, model, path)


@pytest.mark.parametrize(
    ("experience", "model", "path"),
    [
        (CLASSIC, "ProtectableItem", "{container}/replicationProtectableItems"),
        (MODERNIZED, "ReplicationAppliance", "{vault}/replicationAppliances"),
    ],
    scope="module",
    ids=["classic", "modernized"],
)
def test_an_answer_of_one_experience_fits_its_model(site: Site, model: str, path: str) -> None:
    check(site, model, path)


def check(site: Site, model: str, path: str) -> None:
    places = {"vault": VAULT, "fabric": site.fabric, "container": site.container}
    body = site.get(path.format(**places, item=site.item(WEB)))
    documents = body.get("value", [body])
    assert documents
    for document in documents:
        read = getattr(models, model)(document)
        assert set(misfits(read, document, model)) <= RECORDED_ONLY


def misfits(read: Any, document: Any, at: str) -> list[str]:
    """The paths in a document that a model does not know, or cannot parse."""
    if isinstance(document, list):
        pairs = zip(read, document, strict=True)
        return [found for part, entry in pairs for found in misfits(part, entry, at)]
    if not isinstance(document, dict) or not hasattr(read, "_attr_to_rest_field"):
        return []
    names = {field._rest_name: name for name, field in type(read)._attr_to_rest_field.items()}
    found = []
    for wire, value in document.items():
        if wire not in names:
            found.append(f"{at}.{wire}")
        elif value is not None:
            found += misfits(getattr(read, names[wire]), value, f"{at}.{wire}")
    return found
