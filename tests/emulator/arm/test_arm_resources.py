"""Groups, networks, storage accounts, machines and vaults: created, read, refused and deleted."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.arm.network import allocation
from emulator.kernel import resources
from tests.emulator.conftest import GROUP, SUBSCRIPTION, Arm

NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-prod"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stmigration"
VAULT = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/rsv-migration"
INTERFACE = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/web-01-nic"
MACHINE = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web-01"
DISK = f"{GROUP}/providers/Microsoft.Compute/disks/web-01-os"
VAULT_BODY = {"location": "westeurope", "sku": {"name": "Standard"}, "properties": {}}
ACCOUNT_BODY = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}


def network(*prefixes: str, space: str = "10.20.0.0/16") -> dict[str, Any]:
    return {
        "location": "westeurope",
        "properties": {
            "addressSpace": {"addressPrefixes": [space]},
            "subnets": [
                {"name": f"subnet-{place}", "properties": {"addressPrefix": prefix}}
                for place, prefix in enumerate(prefixes)
            ],
        },
    }


def keep(arm: Arm, *documents: dict[str, Any]) -> None:
    with arm.world.store.transaction():
        for document in documents:
            resources.put(arm.world, document)


def add_machine(arm: Arm, delete_option: str = "Detach") -> None:
    """A machine with its disk and interface, as Site Recovery makes them."""
    subnet = arm.call("GET", f"{NETWORK}/subnets/subnet-0").body
    common = {"location": "westeurope", "tags": {}}
    keep(
        arm,
        {
            **common,
            "id": INTERFACE,
            "name": "web-01-nic",
            "type": "Microsoft.Network/networkInterfaces",
            "properties": {
                "virtualMachine": {"id": MACHINE},
                "ipConfigurations": [
                    {
                        "id": f"{INTERFACE}/ipConfigurations/one",
                        "name": "one",
                        "properties": {
                            "privateIPAddress": next(allocation.free(arm.world, subnet)),
                            "subnet": {"id": subnet["id"]},
                        },
                    }
                ],
            },
        },
        {
            **common,
            "id": DISK,
            "name": "web-01-os",
            "type": "Microsoft.Compute/disks",
            "managedBy": MACHINE,
            "properties": {"diskState": "Attached"},
        },
        {
            **common,
            "id": MACHINE,
            "name": "web-01",
            "type": "Microsoft.Compute/virtualMachines",
            "_emulator": {"records": 7},
            "properties": {
                "provisioningState": "Succeeded",
                "storageProfile": {
                    "osDisk": {"managedDisk": {"id": DISK}, "deleteOption": delete_option}
                },
                "networkProfile": {
                    "networkInterfaces": [
                        {"id": INTERFACE, "properties": {"deleteOption": delete_option}}
                    ]
                },
            },
        },
    )


# -- resource groups --------------------------------------------------------------------------


def test_a_group_is_created_once_and_then_updated(arm: Arm) -> None:
    assert arm.put(GROUP, {"location": "West Europe", "tags": {"a": "1"}}).status == 201
    assert arm.put(GROUP, {"location": "westeurope", "tags": {"a": "2"}}).status == 200
    group = arm.get(GROUP)
    assert (group["location"], group["tags"]) == ("westeurope", {"a": "2"})
    assert arm.call("HEAD", GROUP).status == 204
    assert arm.call("HEAD", f"{GROUP}-other").status == 404


@pytest.mark.parametrize(
    ("name", "body", "answer"),
    [
        ("rg", {}, (400, "LocationRequired")),
        ("rg", {"location": "mars"}, (400, "LocationNotAvailableForResourceGroup")),
        ("rg", {"location": "westeurope", "color": "red"}, (400, "InvalidRequestContent")),
        ("rg", {"location": "westeurope", "tags": {"a": 1}}, (400, "InvalidRequestContent")),
        ("rg.", {"location": "westeurope"}, (400, "InvalidResourceGroup")),
        ("r" * 91, {"location": "westeurope"}, (400, "InvalidResourceGroup")),
    ],
)
def test_a_group_that_arm_would_not_take_is_refused(
    arm: Arm, name: str, body: object, answer: object
) -> None:
    assert arm.refused("PUT", f"{SUBSCRIPTION}/resourceGroups/{name}", body) == answer
    assert arm.get(f"{SUBSCRIPTION}/resourceGroups")["value"] == []


def test_a_group_stays_in_its_location(arm: Arm, group: str) -> None:
    answer = arm.refused("PUT", group, {"location": "eastus"})
    assert answer == (409, "InvalidResourceGroupLocation")


def test_deleting_a_group_deletes_what_it_holds_after_a_while(arm: Arm, group: str) -> None:
    arm.put(NETWORK, network("10.20.1.0/24"))
    arm.put(ACCOUNT, ACCOUNT_BODY)
    arm.put(VAULT, VAULT_BODY)
    add_machine(arm)
    deletion = arm.call("DELETE", group)
    assert deletion.status == 202
    assert arm.refused("PUT", ACCOUNT, ACCOUNT_BODY) == (409, "ResourceGroupBeingDeleted")
    poll = deletion.headers["Location"]
    assert arm.call("GET", poll).status == 202
    arm.pass_time(120)
    assert arm.call("GET", poll).status == 200
    assert arm.refused("GET", group) == (404, "ResourceGroupNotFound")
    assert arm.refused("GET", VAULT) == (404, "ResourceGroupNotFound")
    arm.put(group, {"location": "eastus"})
    assert arm.get(f"{group}/resources")["value"] == []


def test_a_group_with_a_vault_in_use_cannot_be_deleted_and_stays_whole(
    arm: Arm, group: str
) -> None:
    arm.put(VAULT, VAULT_BODY)
    arm.put(ACCOUNT, ACCOUNT_BODY)
    register_server(arm)
    poll = arm.call("DELETE", group).headers["Location"]
    arm.pass_time(120)
    response = arm.call("GET", poll)
    assert (response.status, response.body["error"]["code"]) == (
        409,
        "ResourceGroupDeletionBlocked",
    )
    assert response.body["error"]["details"][0]["target"] == VAULT
    assert arm.get(group)["properties"]["provisioningState"] == "Succeeded"
    assert arm.get(ACCOUNT)["id"] == ACCOUNT


OTHER = f"{SUBSCRIPTION}/resourceGroups/rg-other"
SHARED = f"{OTHER}/providers/Microsoft.Network/virtualNetworks/shared"
GUARD = f"{OTHER}/providers/Microsoft.Network/networkSecurityGroups/guard"


def interface_in(subnet: str, **more: object) -> dict[str, object]:
    configuration = {"name": "one", "properties": {"subnet": {"id": subnet}}}
    return {"location": "westeurope", "properties": {"ipConfigurations": [configuration], **more}}


@pytest.mark.parametrize("used", [SHARED, GUARD], ids=["a network", "a security group"])
def test_a_group_is_not_deleted_while_another_group_uses_something_of_it(
    arm: Arm, group: str, used: str
) -> None:
    arm.put(OTHER, {"location": "westeurope"})
    arm.put(SHARED, network("10.20.1.0/24"))
    arm.put(GUARD, rules(RULE))
    arm.put(NETWORK, network("10.20.2.0/24"))
    own = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/user"
    subnet = f"{SHARED if used == SHARED else NETWORK}/subnets/subnet-0"
    guarded = {} if used == SHARED else {"networkSecurityGroup": {"id": GUARD}}
    arm.put(own, interface_in(subnet, **guarded))
    poll = arm.call("DELETE", OTHER).headers["Location"]
    arm.pass_time(120)
    response = arm.call("GET", poll)
    assert (response.status, response.body["error"]["code"]) == (
        409,
        "ResourceGroupDeletionBlocked",
    )
    assert [one["target"] for one in response.body["error"]["details"]] == [used]
    assert own in response.body["error"]["details"][0]["message"]
    assert [arm.get(one)["id"] for one in (SHARED, GUARD)] == [SHARED, GUARD]
    assert arm.call("DELETE", own).status == 202
    arm.pass_time(60)
    arm.call("DELETE", OTHER)
    arm.pass_time(120)
    assert arm.refused("GET", OTHER) == (404, "ResourceGroupNotFound")


def test_a_group_whose_own_resources_use_each_other_is_deleted(arm: Arm, group: str) -> None:
    arm.put(NETWORK, network("10.20.1.0/24"))
    add_machine(arm)
    arm.call("DELETE", group)
    arm.pass_time(120)
    assert arm.refused("GET", group) == (404, "ResourceGroupNotFound")


# -- networks ---------------------------------------------------------------------------------


def test_a_network_is_provisioned_with_its_subnets(arm: Arm, group: str) -> None:
    created = arm.put(NETWORK, network("10.20.1.0/24", "10.20.2.0/24"))
    assert created.status == 201
    assert created.body["properties"]["provisioningState"] == "Updating"
    status = created.headers["Azure-AsyncOperation"]
    assert arm.get(status)["status"] == "InProgress"
    arm.pass_time(60)
    assert arm.get(status) == {"status": "Succeeded"}
    subnets = arm.get(NETWORK)["properties"]["subnets"]
    assert [subnet["id"] for subnet in subnets] == [
        f"{NETWORK}/subnets/subnet-0",
        f"{NETWORK}/subnets/subnet-1",
    ]
    assert arm.get(f"{NETWORK}/subnets/SUBNET-1")["properties"]["addressPrefix"] == "10.20.2.0/24"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (network("10.21.1.0/24"), "NetcfgInvalidSubnet"),
        (network("10.20.1.0/30"), "NetcfgInvalidSubnet"),
        (network("10.20.0.0/23", "10.20.1.0/24"), "NetcfgSubnetRangesOverlap"),
        (network("10.20.1.5/24"), "InvalidCIDRNotation"),
        (network("ten"), "InvalidAddressPrefixFormat"),
        (network(space="10.20.0.0"), "InvalidAddressPrefixFormat"),
        ({"location": "westeurope"}, "InvalidRequestFormat"),
        ({"location": "westeurope", "properties": {"addressSpaces": {}}}, "InvalidRequestFormat"),
        ({"properties": {}}, "LocationRequired"),
    ],
)
def test_a_network_that_azure_would_not_take_is_refused(
    arm: Arm, group: str, body: object, code: str
) -> None:
    assert arm.refused("PUT", NETWORK, body) == (400, code)
    assert arm.refused("GET", NETWORK) == (404, "ResourceNotFound")


def test_a_subnet_may_not_name_what_is_not_there(arm: Arm, group: str) -> None:
    body = network("10.20.1.0/24")
    body["properties"]["subnets"][0]["properties"]["networkSecurityGroup"] = {
        "id": f"{group}/providers/Microsoft.Network/networkSecurityGroups/none"
    }
    assert arm.refused("PUT", NETWORK, body) == (400, "InvalidResourceReference")


RULE = {"access": "Allow", "direction": "Inbound", "protocol": "Tcp", "priority": 100}


def rules(*properties: dict[str, Any]) -> dict[str, Any]:
    named = [{"name": f"rule-{place}", "properties": one} for place, one in enumerate(properties)]
    return {"location": "westeurope", "properties": {"securityRules": named}}


def test_a_security_group_is_held_by_the_subnet_that_uses_it(arm: Arm, group: str) -> None:
    guard = f"{group}/providers/Microsoft.Network/networkSecurityGroups/guard"
    assert arm.put(guard, rules(RULE)).status == 201
    body = network("10.20.1.0/24")
    body["properties"]["subnets"][0]["properties"]["networkSecurityGroup"] = {"id": guard}
    arm.put(NETWORK, body)
    assert arm.get(guard)["properties"]["subnets"] == [{"id": f"{NETWORK}/subnets/subnet-0"}]
    assert arm.refused("DELETE", guard) == (400, "InUseNetworkSecurityGroupCannotBeDeleted")
    arm.put(NETWORK, network("10.20.1.0/24"))
    assert arm.call("DELETE", guard).status == 202
    arm.pass_time(60)
    assert arm.refused("GET", guard) == (404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (rules({**RULE, "priority": 99}), "SecurityRuleInvalidPriority"),
        (rules(RULE, RULE), "SecurityRuleConflict"),
        (rules({"access": "Allow"}), "InvalidRequestFormat"),
        (rules({**RULE, "protocol": "Smoke"}), "InvalidRequestFormat"),
    ],
)
def test_security_rules_that_azure_would_not_take_are_refused(
    arm: Arm, group: str, body: object, code: str
) -> None:
    guard = f"{group}/providers/Microsoft.Network/networkSecurityGroups/guard"
    assert arm.refused("PUT", guard, body) == (400, code)


def test_subnets_left_out_of_an_update_stay(arm: Arm, group: str) -> None:
    arm.put(NETWORK, network("10.20.1.0/24"))
    arm.put(f"{NETWORK}/subnets/more", {"properties": {"addressPrefix": "10.20.9.0/24"}})
    body = network()
    del body["properties"]["subnets"]
    assert arm.put(NETWORK, body).status == 200
    names = [subnet["name"] for subnet in arm.get(f"{NETWORK}/subnets")["value"]]
    assert names == ["subnet-0", "more"]


def test_a_subnet_in_use_holds_itself_and_its_network(arm: Arm, group: str) -> None:
    arm.put(NETWORK, network("10.20.1.0/24"))
    add_machine(arm)
    in_use = (400, "InUseSubnetCannotBeDeleted")
    assert arm.refused("DELETE", NETWORK) == in_use
    assert arm.refused("DELETE", f"{NETWORK}/subnets/subnet-0") == in_use
    assert arm.refused("PUT", NETWORK, network()) == in_use
    assert arm.refused("PUT", NETWORK, network("10.20.3.0/24")) == (
        400,
        "InUsePrefixCannotBeDeleted",
    )
    used = arm.get(NETWORK)["properties"]["subnets"][0]["properties"]["ipConfigurations"]
    assert used == [{"id": f"{INTERFACE}/ipConfigurations/one"}]


def test_an_empty_network_is_deleted_after_a_while(arm: Arm, group: str) -> None:
    arm.put(NETWORK, network("10.20.1.0/24"))
    deletion = arm.call("DELETE", NETWORK)
    assert deletion.status == 202
    assert arm.get(NETWORK)["properties"]["provisioningState"] == "Deleting"
    arm.pass_time(60)
    assert arm.get(deletion.headers["Azure-AsyncOperation"])["status"] == "Succeeded"
    assert arm.call("GET", deletion.headers["Location"]).status == 204
    assert arm.refused("GET", NETWORK) == (404, "ResourceNotFound")
    assert arm.call("DELETE", NETWORK).status == 204


def test_a_network_that_comes_into_use_while_it_is_deleted_stays(arm: Arm, group: str) -> None:
    arm.put(NETWORK, network("10.20.1.0/24"))
    deletion = arm.call("DELETE", NETWORK)
    add_machine(arm)
    arm.pass_time(60)
    status = arm.get(deletion.headers["Azure-AsyncOperation"])
    assert (status["status"], status["error"]["code"]) == ("Failed", "InUseSubnetCannotBeDeleted")
    assert arm.get(NETWORK)["properties"]["provisioningState"] == "Succeeded"


def test_a_child_needs_its_parent_and_its_group(arm: Arm) -> None:
    subnet = {"properties": {"addressPrefix": "10.20.9.0/24"}}
    assert arm.refused("PUT", f"{NETWORK}/subnets/s", subnet) == (404, "ResourceGroupNotFound")
    arm.put(GROUP, {"location": "westeurope"})
    assert arm.refused("PUT", f"{NETWORK}/subnets/s", subnet) == (404, "ParentResourceNotFound")


# -- storage accounts -------------------------------------------------------------------------


def test_a_storage_account_is_created_and_its_location_polled(arm: Arm, group: str) -> None:
    creation = arm.call("PUT", ACCOUNT, ACCOUNT_BODY)
    assert (creation.status, creation.body) == (202, None)
    assert "Azure-AsyncOperation" not in creation.headers
    assert arm.call("GET", creation.headers["Location"]).status == 202
    arm.pass_time(60)
    polled = arm.call("GET", creation.headers["Location"])
    assert polled.status == 200
    assert polled.body["properties"]["provisioningState"] == "Succeeded"
    assert arm.put(ACCOUNT, ACCOUNT_BODY).status == 200
    assert arm.call("DELETE", ACCOUNT).status == 200
    assert arm.call("DELETE", ACCOUNT).status == 204


@pytest.mark.parametrize(
    ("name", "body", "answer"),
    [
        ("No-Good", ACCOUNT_BODY, (400, "AccountNameInvalid")),
        ("ab", ACCOUNT_BODY, (400, "AccountNameInvalid")),
        ("acc", {**ACCOUNT_BODY, "kind": "Tape"}, (400, "InvalidValuesForRequestParameters")),
        ("acc", {**ACCOUNT_BODY, "disk": 1}, (400, "InvalidValuesForRequestParameters")),
        ("acc", {"location": "westeurope"}, (400, "InvalidValuesForRequestParameters")),
    ],
)
def test_a_storage_account_that_azure_would_not_take_is_refused(
    arm: Arm, group: str, name: str, body: object, answer: object
) -> None:
    path = f"{group}/providers/Microsoft.Storage/storageAccounts/{name}"
    assert arm.refused("PUT", path, body) == answer


def test_the_name_of_a_storage_account_is_taken_everywhere(arm: Arm, group: str) -> None:
    arm.put(ACCOUNT, ACCOUNT_BODY)
    arm.put(f"{SUBSCRIPTION}/resourceGroups/rg-other", {"location": "westeurope"})
    elsewhere = ACCOUNT.replace("rg-test", "rg-other")
    assert arm.refused("PUT", elsewhere, ACCOUNT_BODY) == (409, "StorageAccountAlreadyTaken")
    moved = {**ACCOUNT_BODY, "location": "eastus"}
    assert arm.refused("PUT", ACCOUNT, moved) == (409, "InvalidResourceLocation")


# -- machines ---------------------------------------------------------------------------------


def test_a_machine_is_shown_without_what_is_the_emulators(arm: Arm, group: str) -> None:
    arm.put(NETWORK, network("10.20.1.0/24"))
    add_machine(arm)
    assert "_emulator" not in arm.get(MACHINE)
    assert [one["id"] for one in arm.get(MACHINE.rpartition("/")[0])["value"]] == [MACHINE]
    machines = f"{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines"
    assert "_emulator" not in arm.get(machines)["value"][0]
    view = arm.get(MACHINE, **{"api-version": "2024-11-01", "$expand": "instanceView"})
    codes = [status["code"] for status in view["properties"]["instanceView"]["statuses"]]
    assert codes == ["ProvisioningState/succeeded", "PowerState/running"]


@pytest.mark.parametrize("option", ["Detach", "Delete"])
def test_deleting_a_machine_keeps_or_takes_its_parts_as_they_say(
    arm: Arm, group: str, option: str
) -> None:
    arm.put(NETWORK, network("10.20.1.0/24"))
    add_machine(arm, option)
    disk = {"api-version": "2024-03-02"}
    assert arm.refused("DELETE", INTERFACE) == (400, "NicInUse")
    assert arm.refused("DELETE", DISK, **disk) == (409, "OperationNotAllowed")
    deletion = arm.call("DELETE", MACHINE)
    assert deletion.status == 202
    arm.pass_time(120)
    assert arm.get(deletion.headers["Azure-AsyncOperation"])["status"] == "Succeeded"
    assert arm.refused("GET", MACHINE) == (404, "ResourceNotFound")
    if option == "Delete":
        assert arm.refused("GET", INTERFACE) == (404, "ResourceNotFound")
        assert arm.refused("GET", DISK, **disk) == (404, "ResourceNotFound")
    else:
        assert arm.call("DELETE", INTERFACE).status == 202
        assert arm.get(DISK, **disk)["properties"]["diskState"] == "Unattached"
        assert arm.call("DELETE", DISK, **disk).status == 202
        arm.pass_time(60)
    assert arm.call("DELETE", NETWORK).status == 202


# -- vaults -----------------------------------------------------------------------------------


def register_server(arm: Arm) -> None:
    """Store the resources that a configuration server's registration creates in a vault."""
    keep(
        arm,
        {
            "id": f"{VAULT}/replicationFabrics/f1",
            "name": "f1",
            "type": "Microsoft.RecoveryServices/vaults/replicationFabrics",
            "properties": {"friendlyName": "cs-01"},
        },
    )


def test_a_vault_is_created_as_recorded(arm: Arm, group: str) -> None:
    created = arm.put(VAULT, VAULT_BODY)
    assert created.status == 201
    assert created.body["properties"]["provisioningState"] == "Provisioning"
    status = created.headers["Azure-AsyncOperation"]
    assert f"{VAULT}/operationStatus/" in status
    assert arm.get(status)["status"] == "InProgress"
    arm.pass_time(60)
    polled = arm.get(status)
    assert polled["status"] == "Succeeded"
    assert polled["id"] == f"{VAULT}/operationStatus/{polled['name']}"
    vault = arm.get(VAULT)
    assert vault["properties"]["provisioningState"] == "Succeeded"
    assert vault["properties"]["securitySettings"]["softDeleteSettings"] == {
        "softDeleteRetentionPeriodInDays": 14,
        "softDeleteState": "Enabled",
    }
    assert arm.get(created.headers["Location"])["id"] == VAULT
    assert arm.put(VAULT, {**VAULT_BODY, "tags": {"a": "1"}}).status == 200
    assert arm.get(VAULT)["tags"] == {"a": "1"}


@pytest.mark.parametrize("version", ["2023-02-01", "2024-10-01", "2025-08-01", "2026-11-01"])
def test_a_vault_answers_every_api_version_that_one_program_meets(
    arm: Arm, group: str, version: str
) -> None:
    arm.put(VAULT, VAULT_BODY)
    assert arm.get(VAULT, **{"api-version": version})["id"] == VAULT


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("1vault", VAULT_BODY, "InvalidResourceName"),
        ("v", VAULT_BODY, "InvalidResourceName"),
        ("vault_1", VAULT_BODY, "InvalidResourceName"),
        ("vault", {"location": "westeurope"}, "InvalidRequestContent"),
        ("vault", {**VAULT_BODY, "sku": {"name": "Gold"}}, "InvalidRequestContent"),
        ("vault", {**VAULT_BODY, "properties": {"replicas": 3}}, "InvalidRequestContent"),
        ("vault", {**VAULT_BODY, "location": "mars"}, "LocationNotAvailableForResourceType"),
    ],
)
def test_a_vault_that_azure_would_not_take_is_refused(
    arm: Arm, group: str, name: str, body: object, code: str
) -> None:
    path = f"{group}/providers/Microsoft.RecoveryServices/vaults/{name}"
    assert arm.refused("PUT", path, body) == (400, code)


def test_a_vault_stays_in_its_location(arm: Arm, group: str) -> None:
    arm.put(VAULT, VAULT_BODY)
    moved = {**VAULT_BODY, "location": "eastus"}
    assert arm.refused("PUT", VAULT, moved) == (409, "InvalidResourceLocation")


def test_a_vault_with_a_server_in_it_is_not_deleted_and_an_empty_one_is(
    arm: Arm, group: str
) -> None:
    arm.put(VAULT, VAULT_BODY)
    register_server(arm)
    response = arm.call("DELETE", VAULT)
    assert response.status == 400
    assert response.body["error"]["code"] == "ServiceResourceNotEmptyWithContainerDetails"
    assert "cs-01" in response.body["error"]["message"]
    with arm.world.store.transaction():
        arm.world.store.delete(
            "microsoft.recoveryservices/vaults/replicationfabrics",
            f"{VAULT}/replicationFabrics/f1",
        )
    deletion = arm.call("DELETE", VAULT)
    assert deletion.status == 202
    assert arm.refused("GET", VAULT) == (404, "ResourceNotFound")
    arm.pass_time(60)
    assert arm.get(deletion.headers["Azure-AsyncOperation"])["status"] == "Succeeded"
    assert arm.call("DELETE", VAULT).status == 204


def test_a_patch_changes_only_what_it_gives(arm: Arm, group: str) -> None:
    arm.put(VAULT, {**VAULT_BODY, "tags": {"a": "1"}})
    change = {
        "properties": {"securitySettings": {"softDeleteSettings": {"softDeleteState": "Disabled"}}}
    }
    assert arm.call("PATCH", VAULT, change).status == 200
    vault = arm.get(VAULT)
    assert vault["tags"] == {"a": "1"}
    assert vault["properties"]["securitySettings"]["softDeleteSettings"] == {
        "softDeleteRetentionPeriodInDays": 14,
        "softDeleteState": "Disabled",
    }


def test_a_vaults_extended_information_is_made_by_its_callers(arm: Arm, group: str) -> None:
    arm.put(VAULT, VAULT_BODY)
    info = f"{VAULT}/extendedInformation/vaultExtendedInfo"
    assert arm.refused("GET", info) == (404, "ResourceExtendedInfoNotFound")
    arm.put(info, {"properties": {"integrityKey": "a2V5"}})
    assert arm.get(info)["properties"] == {"algorithm": "None", "integrityKey": "a2V5"}
    arm.call("PATCH", info, {"properties": {"algorithm": "RSA"}})
    assert arm.get(info)["properties"] == {"algorithm": "RSA", "integrityKey": "a2V5"}
    arm.call("DELETE", VAULT)
    arm.put(VAULT, VAULT_BODY)
    assert arm.refused("GET", info) == (404, "ResourceExtendedInfoNotFound")


def test_a_vault_counts_its_servers(arm: Arm, group: str) -> None:
    arm.put(VAULT, VAULT_BODY)
    register_server(arm)
    usage = arm.get(f"{VAULT}/replicationUsages")["value"][0]
    assert (usage["registeredServersCount"], usage["protectedItemCount"]) == (1, 0)
    assert all(one["currentValue"] == 0 for one in arm.get(f"{VAULT}/usages")["value"])
