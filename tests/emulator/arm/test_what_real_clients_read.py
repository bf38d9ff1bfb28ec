"""What clients that nobody here wrote read in answers: az, Terraform, SDKs of other languages."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from emulator import front
from emulator.kernel.clock import Clock
from emulator.kernel.store import Store
from emulator.kernel.wire import Request
from tests.emulator.conftest import GROUP, SUBSCRIPTION, Arm

from .test_arm_resources import (
    ACCOUNT,
    ACCOUNT_BODY,
    INTERFACE,
    MACHINE,
    NETWORK,
    VAULT,
    VAULT_BODY,
    add_machine,
    network,
)

# -- tokens -----------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["anything", "a.b.c", "eyJhbGciOiJub25lIn0.eyJvaWQiOiJtZSJ9."])
def test_any_bearer_token_is_accepted_where_the_emulator_was_told_to(token: str) -> None:
    request = Request.of(
        "GET", f"{SUBSCRIPTION}?api-version=2022-12-01", {"authorization": f"Bearer {token}"}
    )
    strict = front.create(Store(), Clock(), seed=7)
    assert strict.handle(request).status == 401
    lenient = front.create(Store(), Clock(), seed=7, any_token=True)
    assert lenient.handle(request).status == 200
    assert lenient.handle(replace(request, headers={})).status == 401


# -- vaults -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2023-01-01", "2026-07-01"])
def test_vaults_answer_the_api_versions_that_clients_send(
    arm: Arm, group: str, version: str
) -> None:
    query = {"api-version": version}
    assert arm.put(VAULT, VAULT_BODY, **query).status == 201
    assert arm.get(VAULT, **query)["name"] == "rsv-migration"


def test_the_result_of_a_vaults_deletion_is_the_vault(arm: Arm, group: str) -> None:
    arm.put(VAULT, VAULT_BODY)
    arm.pass_time(60)
    deletion = arm.call("DELETE", VAULT)
    assert arm.call("GET", deletion.headers["Location"]).status == 202
    arm.pass_time(60)
    result = arm.call("GET", deletion.headers["Location"])
    assert (result.status, result.body["id"]) == (200, VAULT)
    assert arm.get(deletion.headers["Azure-AsyncOperation"])["status"] == "Succeeded"
    assert arm.refused("GET", VAULT) == (404, "ResourceNotFound")


def test_a_vaults_identity_is_of_the_subscriptions_tenant(arm: Arm, group: str) -> None:
    vault = arm.put(VAULT, {**VAULT_BODY, "identity": {"type": "SystemAssigned"}}).body
    assert vault["identity"]["tenantId"] == arm.get(SUBSCRIPTION)["tenantId"]


# -- storage accounts -------------------------------------------------------------------------


def services(enabled: bool, *names: str) -> dict[str, object]:
    return {name: {"enabled": enabled, "keyType": "Account"} for name in names}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_of_a_storage_account_keeps_what_it_does_not_name(
    arm: Arm, group: str, method: str
) -> None:
    arm.put(ACCOUNT, {**ACCOUNT_BODY, "tags": {"a": "1"}})
    arm.pass_time(60)
    change = {
        "tags": {"b": "2"},
        "properties": {
            "encryption": {"services": services(True, "queue")},
            "networkAcls": {"defaultAction": "Deny"},
        },
    }
    body = {**ACCOUNT_BODY, **change} if method == "PUT" else change
    assert arm.call(method, ACCOUNT, body).status == 200
    account = arm.get(ACCOUNT)
    encryption = account["properties"]["encryption"]
    assert set(encryption["services"]) == {"blob", "file", "queue"}
    assert encryption["services"]["blob"]["lastEnabledTime"]
    assert encryption["services"]["queue"]["lastEnabledTime"]
    assert encryption["keySource"] == "Microsoft.Storage"
    acls = account["properties"]["networkAcls"]
    assert (acls["bypass"], acls["defaultAction"]) == ("AzureServices", "Deny")
    assert account["tags"] == {"b": "2"}


def test_a_storage_account_shows_tags_and_all_endpoints(arm: Arm, group: str) -> None:
    arm.put(ACCOUNT, ACCOUNT_BODY)
    account = arm.get(ACCOUNT)
    assert account["tags"] == {}
    assert set(account["properties"]["primaryEndpoints"]) == {
        "blob",
        "dfs",
        "file",
        "queue",
        "table",
        "web",
    }


# -- interfaces and machines ------------------------------------------------------------------


def test_a_network_interface_has_what_azure_gives_every_interface(arm: Arm, group: str) -> None:
    arm.put(NETWORK, network("10.20.1.0/24"))
    add_machine(arm)
    interface = arm.get(INTERFACE)
    properties = interface["properties"]
    assert re.fullmatch(r"([0-9A-F]{2}-){5}[0-9A-F]{2}", properties["macAddress"])
    assert re.fullmatch(r"[0-9a-f-]{36}", properties["resourceGuid"])
    assert interface["etag"].startswith('W/"')
    (configuration,) = properties["ipConfigurations"]
    assert configuration["etag"] == interface["etag"]
    assert properties["dnsSettings"] == {"dnsServers": [], "appliedDnsServers": []}
    assert (properties["enableAcceleratedNetworking"], properties["enableIPForwarding"]) == (
        False,
        False,
    )
    listed = arm.get(f"{GROUP}/providers/Microsoft.Network/networkInterfaces")["value"]
    assert listed == [interface]
    assert arm.get(INTERFACE) == interface


def test_a_machines_instance_view_has_agent_disks_and_times(arm: Arm, group: str) -> None:
    arm.put(NETWORK, network("10.20.1.0/24"))
    add_machine(arm)
    view = arm.get(f"{MACHINE}/instanceView")
    assert view["vmAgent"]["statuses"][0]["code"] == "ProvisioningState/succeeded"
    assert [disk["name"] for disk in view["disks"]] == ["web-01-os"]
    statuses = [*view["statuses"][:1], *view["disks"][0]["statuses"]]
    assert all(status["time"] for status in statuses)
    assert view["hyperVGeneration"] == "V1"


def test_the_disks_of_a_machine_say_what_becomes_of_them(arm: Arm, group: str) -> None:
    arm.put(NETWORK, network("10.20.1.0/24"))
    add_machine(arm, "Delete")
    assert arm.get(MACHINE)["properties"]["storageProfile"]["osDisk"]["deleteOption"] == "Delete"
    document = arm.world.store.get("microsoft.compute/virtualmachines", MACHINE)
    assert document is not None
    del document["properties"]["storageProfile"]["osDisk"]["deleteOption"]
    with arm.world.store.transaction():
        arm.world.store.put("microsoft.compute/virtualmachines", MACHINE, document)
    assert arm.get(MACHINE)["properties"]["storageProfile"]["osDisk"]["deleteOption"] == "Detach"
