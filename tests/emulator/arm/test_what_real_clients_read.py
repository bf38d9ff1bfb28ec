"""Response details that third-party clients read: az, Terraform and SDKs of other languages."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

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


# -- what a cloud is asked before it is used --------------------------------------------------


def test_a_cloud_tells_its_endpoints_without_a_token(arm: Arm) -> None:
    def told(version: str) -> Any:
        url = f"https://localhost:5001/metadata/endpoints?api-version={version}"
        response = arm.world.handle(Request.of("GET", url, {"host": "localhost:5001"}))
        assert response.status == 200
        return response.body

    cloud = told("2022-09-01")
    assert cloud["resourceManager"] == "https://localhost:5001"
    assert cloud["authentication"]["audiences"][0] == "https://management.azure.com"
    assert told("2019-05-01") == [cloud]
    assert told("2015-01-01")["authentication"] == cloud["authentication"]


def test_several_slashes_in_a_row_are_one(arm: Arm, group: str) -> None:
    assert arm.get(GROUP.replace("/rg-test", "//rg-test"))["id"] == GROUP


def test_a_vault_takes_the_settings_that_az_sends(arm: Arm, group: str) -> None:
    settings = {"costManagementSettings": {"protectedItemTagging": "Disabled"}}
    assert arm.put(VAULT, {**VAULT_BODY, "properties": settings}).status == 201


def test_a_provider_tells_its_types_and_their_api_versions(arm: Arm) -> None:
    query = {"api-version": "2022-12-01"}
    provider = arm.get(f"{SUBSCRIPTION}/providers/Microsoft.RecoveryServices", **query)
    types = {one["resourceType"]: one for one in provider["resourceTypes"]}
    assert "2023-01-01" in types["vaults"]["apiVersions"]
    assert "West Europe" in types["vaults"]["locations"]
    assert "vaults/replicationFabrics" in types
    versions = types["vaults"]["apiVersions"]
    assert versions == sorted(versions, reverse=True)
    networks = arm.get(f"{SUBSCRIPTION}/providers/Microsoft.Network", **query)
    assert {"virtualNetworks", "virtualNetworks/subnets"} <= {
        one["resourceType"] for one in networks["resourceTypes"]
    }


# -- lists of a subscription ------------------------------------------------------------------


def names(arm: Arm, **query: str) -> set[str]:
    listed = arm.get(f"{SUBSCRIPTION}/resources", **{"api-version": "2024-03-01", **query})
    return {one["name"] for one in listed["value"]}


def test_a_subscription_lists_its_resources_and_filters_them(arm: Arm, group: str) -> None:
    arm.put(VAULT, VAULT_BODY)
    arm.put(ACCOUNT, {**ACCOUNT_BODY, "tags": {"team": "a"}})
    arm.put(NETWORK, network("10.20.1.0/24"))
    assert names(arm) == {"rsv-migration", "stmigration", "vnet-prod"}
    filters = {
        "resourceType eq 'microsoft.recoveryservices/vaults'": {"rsv-migration"},
        "resourceGroup eq 'RG-TEST' and name eq 'vnet-prod'": {"vnet-prod"},
        "location eq 'West Europe'": {"rsv-migration", "stmigration", "vnet-prod"},
        "tagName eq 'team' and tagValue eq 'a'": {"stmigration"},
        "tagName eq 'team' and tagValue eq 'b'": set(),
        "name eq 'it''s'": set(),
    }
    assert {wanted: names(arm, **{"$filter": quote(wanted)}) for wanted in filters} == filters
    query = {"api-version": "2024-03-01", "$filter": quote("colour eq 'red'")}
    assert arm.refused("GET", f"{SUBSCRIPTION}/resources", **query) == (
        400,
        "InvalidFilterInQueryString",
    )


# -- what else they ask for -------------------------------------------------------------------


def test_a_storage_account_has_two_keys_that_stay(arm: Arm, group: str) -> None:
    arm.put(ACCOUNT, ACCOUNT_BODY)
    keys = arm.call("POST", f"{ACCOUNT}/listKeys").body["keys"]
    assert [key["keyName"] for key in keys] == ["key1", "key2"]
    assert len({key["value"] for key in keys}) == 2
    assert arm.call("POST", f"{ACCOUNT}/listKeys").body["keys"] == keys


def test_the_name_of_a_new_storage_account_can_be_checked(arm: Arm, group: str) -> None:
    path = f"{SUBSCRIPTION}/providers/Microsoft.Storage/checkNameAvailability"
    kind = "Microsoft.Storage/storageAccounts"

    def check(name: str) -> Any:
        return arm.call("POST", path, {"name": name, "type": kind}).body

    assert check("stmigration") == {"nameAvailable": True}
    arm.put(ACCOUNT, ACCOUNT_BODY)
    assert check("stmigration")["reason"] == "AlreadyExists"
    assert check("No!")["reason"] == "AccountNameInvalid"


def test_the_name_of_a_new_vault_can_be_checked(arm: Arm, group: str) -> None:
    path = f"{GROUP}/providers/Microsoft.RecoveryServices/locations/westeurope"

    def check() -> Any:
        body = {"name": "rsv-migration", "type": "Microsoft.RecoveryServices/vaults"}
        return arm.call("POST", f"{path}/checkNameAvailability", body).body

    assert check() == {"nameAvailable": True}
    arm.put(VAULT, VAULT_BODY)
    assert (check()["nameAvailable"], check()["reason"]) == (False, "AlreadyExists")
    arm.pass_time(60)
    arm.call("PUT", "/_emulator/oddities", {"vaultNameInUse": True})
    arm.call("DELETE", VAULT)
    assert check()["nameAvailable"] is False
    arm.pass_time(25 * 3600)
    assert check() == {"nameAvailable": True}


def test_a_region_tells_its_sizes(arm: Arm) -> None:
    compute = f"{SUBSCRIPTION}/providers/Microsoft.Compute"
    sizes = {
        one["name"]: one for one in arm.get(f"{compute}/locations/westeurope/vmSizes")["value"]
    }
    assert (sizes["Standard_D2s_v5"]["numberOfCores"], sizes["Standard_D2s_v5"]["memoryInMB"]) == (
        2,
        8192,
    )
    query = {"api-version": "2021-07-01", "$filter": quote("location eq 'westeurope'")}
    skus = arm.get(f"{compute}/skus", **query)["value"]
    assert {one["name"] for one in skus} == set(sizes)
    assert {location for one in skus for location in one["locations"]} == {"westeurope"}
    refused = {"api-version": "2021-07-01", "$filter": quote("size eq 'x'")}
    assert arm.refused("GET", f"{compute}/skus", **refused) == (400, "InvalidParameter")


SECURITY_GROUP = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/nsg"


def rule(priority: int, **more: object) -> dict[str, object]:
    return {
        "properties": {
            "access": "Allow",
            "direction": "Inbound",
            "protocol": "Tcp",
            "priority": priority,
            "sourceAddressPrefix": "*",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "443",
            **more,
        }
    }


def test_security_rules_are_resources_of_their_own(arm: Arm, group: str) -> None:
    assert arm.refused("PUT", f"{SECURITY_GROUP}/securityRules/web", rule(100)) == (
        404,
        "ParentResourceNotFound",
    )
    arm.put(SECURITY_GROUP, {"location": "westeurope"})
    assert arm.put(f"{SECURITY_GROUP}/securityRules/web", rule(100)).status == 201
    assert arm.put(f"{SECURITY_GROUP}/securityRules/web", rule(110)).status == 200
    arm.put(f"{SECURITY_GROUP}/securityRules/rdp", rule(120))
    assert arm.refused("PUT", f"{SECURITY_GROUP}/securityRules/late", rule(110)) == (
        400,
        "SecurityRuleConflict",
    )
    listed = arm.get(f"{SECURITY_GROUP}/securityRules")["value"]
    assert [(one["name"], one["properties"]["priority"]) for one in listed] == [
        ("web", 110),
        ("rdp", 120),
    ]
    assert arm.get(SECURITY_GROUP)["properties"]["securityRules"] == listed
    assert arm.call("DELETE", f"{SECURITY_GROUP}/securityRules/web").status == 202
    arm.pass_time(30)
    assert arm.call("DELETE", f"{SECURITY_GROUP}/securityRules/web").status == 204
    assert arm.refused("GET", f"{SECURITY_GROUP}/securityRules/web") == (404, "NotFound")
    defaults = arm.get(f"{SECURITY_GROUP}/defaultSecurityRules")["value"]
    assert arm.get(f"{SECURITY_GROUP}/defaultSecurityRules/DenyAllInBound") in defaults


def test_security_groups_are_listed_and_tagged(arm: Arm, group: str) -> None:
    arm.put(SECURITY_GROUP, {"location": "westeurope"})
    assert arm.call("PATCH", SECURITY_GROUP, {"tags": {"a": "1"}}).status == 200
    listed = arm.get(f"{SUBSCRIPTION}/providers/Microsoft.Network/networkSecurityGroups")["value"]
    assert [(one["name"], one["tags"]) for one in listed] == [("nsg", {"a": "1"})]
