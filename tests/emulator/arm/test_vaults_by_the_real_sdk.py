"""The life cycle of a vault through the unpatched azure-mgmt-recoveryservices, on both wires."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.recoveryservices import RecoveryServicesClient

from emulator.arm.subscriptions import SUBSCRIPTION
from emulator.in_process import WorldTransport
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP_NAME,
    VAULT_NAME,
    Credential,
    Site,
)
from tests.emulator.recovery_services.test_registrations import Pair

SECOND = "rsv-second"
BODY: dict[str, Any] = {
    "location": "westeurope",
    "sku": {"name": "Standard"},
    "properties": {"publicNetworkAccess": "Enabled"},
    "tags": {"team": "shop"},
}


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def vaults(site: Site) -> Any:
    return RecoveryServicesClient(
        Credential(site.token), SUBSCRIPTION, transport=WorldTransport(site.world)
    )


def test_a_vault_is_made_changed_listed_and_deleted(vaults: Any) -> None:
    made = vaults.vaults.begin_create_or_update(GROUP_NAME, SECOND, BODY).result()
    assert made.properties.provisioning_state == "Succeeded"
    vaults.vaults.begin_update(GROUP_NAME, SECOND, {"tags": {"team": "bank"}}).result()
    assert vaults.vaults.get(GROUP_NAME, SECOND).tags == {"team": "bank"}
    listed = {vault.name for vault in vaults.vaults.list_by_resource_group(GROUP_NAME)}
    assert {VAULT_NAME, SECOND} <= listed

    vaults.vaults.begin_delete(GROUP_NAME, SECOND).result()

    with pytest.raises(ResourceNotFoundError):
        vaults.vaults.get(GROUP_NAME, SECOND)
    deleted = vaults.deleted_vaults.list_by_subscription_id("westeurope")
    assert [str(each.properties.vault_id).rpartition("/")[2] for each in deleted] == [SECOND]


def test_a_vault_with_a_configuration_server_is_not_deleted(site: Site, vaults: Any) -> None:
    site.register()
    with pytest.raises(HttpResponseError) as refused:
        vaults.vaults.begin_delete(GROUP_NAME, VAULT_NAME).result()
    assert refused.value.error is not None
    assert refused.value.error.code == "ServiceResourceNotEmptyWithContainerDetails"
    assert vaults.vaults.get(GROUP_NAME, VAULT_NAME).name == VAULT_NAME


def test_a_certificate_is_uploaded_for_a_registration(vaults: Any) -> None:
    pair = Pair.new()
    answer = vaults.vault_certificates.create(
        GROUP_NAME,
        VAULT_NAME,
        "registration",
        {
            "properties": {
                "authType": "AAD",
                "certificate": base64.b64encode(pair.der).decode(),
            }
        },
    )
    assert answer.properties.auth_type == "AzureActiveDirectory"
    assert answer.properties.resource_id
    assert answer.properties.aad_tenant_id
    assert answer.properties.service_principal_client_id


def test_what_replication_uses_of_a_vault_is_told(site: Site, vaults: Any) -> None:
    site.register()
    usages = list(vaults.replication_usages.list(GROUP_NAME, VAULT_NAME))
    assert usages
    assert usages[0].registered_servers_count == 1
    assert list(vaults.usages.list_by_vaults(GROUP_NAME, VAULT_NAME))
