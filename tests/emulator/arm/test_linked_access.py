"""Enabling replication needs permissions on the target resources that the body names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP,
    NETWORK,
    STORAGE,
    Classic,
    Site,
)

WEB = support.windows(1)
ENABLE = [
    "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers"
    "/replicationProtectedItems/write"
]
MACHINES = [
    "Microsoft.Compute/*",
    "Microsoft.Network/networkInterfaces/*",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
]
NETWORKS = [
    "Microsoft.Network/virtualNetworks/read",
    "Microsoft.Network/virtualNetworks/subnets/*",
]
ACCOUNTS = [
    "Microsoft.Storage/storageAccounts/read",
    "Microsoft.Storage/storageAccounts/listKeys/action",
]


@pytest.fixture
def site(experience: Classic) -> Site:
    site = Site([WEB], experience=experience).prepare()
    site.protectable(WEB)
    return site


def enabling(site: Site, *actions: str) -> Any:
    """The response to enabling replication by a caller that has only these permissions."""
    body = site.enable_body(WEB)
    role = {"Actions": list(actions)}
    subscription = GROUP.partition("/resourceGroups/")[0]
    assignments = [{"scope": subscription, "role": role}]
    assert site.call("PUT", "/_emulator/access", {"assignments": assignments}).status == 200
    return site.call("PUT", site.item(WEB), body)


def test_all_of_it_together_is_enough(site: Site) -> None:
    assert enabling(site, *ENABLE, *MACHINES, *NETWORKS, *ACCOUNTS).status == 202


@pytest.mark.parametrize(
    ("allowed", "action", "scope"),
    [
        ([*NETWORKS, *ACCOUNTS], "Microsoft.Compute/virtualMachines/write", GROUP),
        ([*MACHINES, *ACCOUNTS], "Microsoft.Network/virtualNetworks/subnets/join/action", NETWORK),
        ([*MACHINES, *NETWORKS], "Microsoft.Storage/storageAccounts/listkeys/action", STORAGE),
    ],
)
def test_each_resource_that_is_named_has_to_be_allowed(
    site: Site, allowed: list[str], action: str, scope: str
) -> None:
    response = enabling(site, *ENABLE, *allowed)
    assert response.status == 403
    error = response.body["error"]
    assert error["code"] == "LinkedAuthorizationFailed"
    assert "has permission to perform action" in error["message"]
    assert action in error["message"]
    assert scope.lower() in error["message"].lower()
    (told,) = site.get("/_emulator/access")["value"]
    assert action in {entry["action"] for entry in told["denied"]}
