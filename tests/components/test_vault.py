from __future__ import annotations

import components
from tests.components.harness import deploy


def test_the_vault_is_of_the_tier_that_site_recovery_uses() -> None:
    args = components.VaultArgs("rsv", "rg", "westeurope", {"owner": "me"})
    vault = deploy(lambda: components.Vault("vault", args)).one("recoveryservices:Vault")
    assert vault.inputs == {
        "vaultName": "rsv",
        "resourceGroupName": "rg",
        "location": "westeurope",
        "sku": {"name": "RS0", "tier": "Standard"},
        "properties": {"publicNetworkAccess": "Enabled"},
        "tags": {"owner": "me"},
    }
