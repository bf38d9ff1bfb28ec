from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.arm.subscriptions import SUBSCRIPTION
from emulator.kernel.world import World
from tests.emulator.providers.local_azure import environment, serving
from tests.emulator.providers.providers_client import UNKNOWN, Engine, Refused, running

GROUP = "azure-native:resources:ResourceGroup"
NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
SECURITY_GROUP = "azure-native:network:NetworkSecurityGroup"
ACCOUNT = "azure-native:storage:StorageAccount"
VAULT = "azure-native:recoveryservices:Vault"
POLICY = "azure-native:recoveryservices:ReplicationPolicy"
MAPPING = "azure-native:recoveryservices:ReplicationProtectionContainerMapping"


@pytest.fixture(scope="module")
def azure() -> Iterator[tuple[World, int]]:
    with serving() as running_azure:
        yield running_azure


@pytest.fixture(scope="module")
def engine(azure: tuple[World, int]) -> Iterator[Engine]:
    with running("emulator.providers.azure_native", environment(azure[1])) as engine:
        engine.configure(location="West Europe", subscriptionId=SUBSCRIPTION)
        yield engine


@pytest.fixture
def group(engine: Engine, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"rg-{abs(hash(request.node.name)):x}"
    made = engine.create(GROUP, "group", {"resourceGroupName": name})
    yield name
    engine.delete(made)


# -- what it does not know --------------------------------------------------------------------


def test_unknown_type_is_refused_by_name(engine: Engine) -> None:
    with pytest.raises(Refused, match="does not know resource type azure-native:web:WebApp"):
        engine.check("azure-native:web:WebApp", "w", {})


def test_unknown_property_is_refused_by_name(engine: Engine) -> None:
    inputs = {"resourceGroupName": "g", "adressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}
    _, failures = engine.check(NETWORK, "n", inputs)
    assert failures == [
        f"the local azure-native provider does not know property adressSpace of {NETWORK}; "
        "did you mean addressSpace?"
    ]


def test_unknown_property_inside_a_list_is_refused_with_its_path(engine: Engine) -> None:
    inputs = {"resourceGroupName": "g", "subnets": [{"name": "a", "prefix": "10.0.0.0/24"}]}
    _, failures = engine.check(NETWORK, "n", inputs)
    assert "property subnets[0].prefix of" in failures[0]


def test_unknown_configuration_is_refused(engine: Engine) -> None:
    (failure,) = engine.check_config(clientSecret="x")
    assert "does not know configuration azure-native:clientSecret" in failure


def test_refusal_of_arm_is_one_line_with_its_code(engine: Engine) -> None:
    with pytest.raises(Refused) as refused:
        engine.create(NETWORK, "n", {"resourceGroupName": "rg-none"})
    assert "ResourceGroupNotFound" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_cloud_that_does_not_answer_is_said_plainly(azure: tuple[World, int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    variables = {
        **environment(azure[1]),
        "AZURE_RESOURCE_MANAGER_ENDPOINT": f"http://127.0.0.1:{port}",
    }
    with running("emulator.providers.azure_native", variables) as engine:
        engine.configure(location="westeurope", subscriptionId=SUBSCRIPTION)
        with pytest.raises(Refused, match="Azure Resource Manager does not answer"):
            engine.create(GROUP, "g", {})


def test_no_credentials_are_said_plainly(azure: tuple[World, int]) -> None:
    variables = {**environment(azure[1]), "IDENTITY_HEADER": "wrong"}
    with running("emulator.providers.azure_native", variables) as engine:
        engine.configure(location="westeurope", subscriptionId=SUBSCRIPTION)
        with pytest.raises(Refused, match="no Azure credentials"):
            engine.create(GROUP, "g", {})


# -- groups and networks ----------------------------------------------------------------------


def test_group_gets_a_name_and_the_configured_location(engine: Engine) -> None:
    made = engine.create(GROUP, "migration", {"tags": {"a": "1"}})
    assert made.state["name"].startswith("migration")
    assert len(made.state["name"]) == len("migration") + 8
    assert made.id == f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{made.state['name']}"
    assert made.state["location"] == "westeurope"
    assert made.state["properties"]["provisioningState"] == "Succeeded"
    assert made.state["azureApiVersion"] == "2024-03-01"
    assert engine.changes(made, {"tags": {"a": "1"}}) == {}
    assert engine.changes(made, {"tags": {"a": "1"}, "location": "westeurope"}) == {}
    assert engine.changes(made, {"location": "northeurope"}) == {
        "location": "UPDATE_REPLACE",
        "tags": "DELETE",
    }
    tagged = engine.update(made, {"tags": {"a": "2"}})
    assert tagged.state["tags"] == {"a": "2"}
    engine.delete(tagged)
    assert engine.refresh(tagged) is None
    engine.delete(tagged)  # gone is gone


def test_what_is_there_already_must_be_imported(engine: Engine, group: str) -> None:
    with pytest.raises(Refused, match="cannot create already existing resource") as refused:
        engine.create(GROUP, "again", {"resourceGroupName": group})
    assert "pulumi import" in str(refused.value)
    found = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
    adopted = engine.adopt(GROUP, "again", found)
    assert adopted is not None
    assert adopted.inputs["resourceGroupName"] == group
    assert engine.changes(adopted, {"resourceGroupName": group, "location": "westeurope"}) == {}


def test_network_with_subnets_inline(engine: Engine, group: str) -> None:
    inputs = {
        "resourceGroupName": group,
        "virtualNetworkName": "vnet-prod",
        "addressSpace": {"addressPrefixes": ["10.20.0.0/16"]},
        "enableDdosProtection": False,
        "subnets": [{"name": "servers", "addressPrefix": "10.20.1.0/24"}],
    }
    made = engine.create(NETWORK, "network", inputs)
    assert made.state["addressSpace"]["addressPrefixes"] == ["10.20.0.0/16"]
    assert made.state["provisioningState"] == "Succeeded"
    assert made.state["subnets"][0]["addressPrefix"] == "10.20.1.0/24"
    assert made.state["subnets"][0]["id"].endswith("/subnets/servers")
    assert engine.changes(made, inputs) == {}
    wider = {**inputs, "addressSpace": {"addressPrefixes": ["10.20.0.0/16", "10.30.0.0/16"]}}
    assert engine.changes(made, wider) == {"addressSpace.addressPrefixes[1]": "ADD"}
    assert engine.update(made, wider).state["addressSpace"]["addressPrefixes"][1] == "10.30.0.0/16"
    diff = engine.diff(made, {**inputs, "location": "northeurope"})
    assert list(diff.replaces) == ["location"]
    assert diff.deleteBeforeReplace  # the name was chosen by the program
    fresh = engine.refresh(made)
    assert fresh is not None
    assert fresh.inputs["subnets"] == inputs["subnets"]


def test_subnets_of_their_own_survive_an_update_of_their_network(
    engine: Engine, group: str
) -> None:
    network = {
        "resourceGroupName": group,
        "virtualNetworkName": "vnet-test",
        "addressSpace": {"addressPrefixes": ["10.21.0.0/16"]},
    }
    made = engine.create(NETWORK, "network", network)
    inputs = {
        "resourceGroupName": group,
        "virtualNetworkName": "vnet-test",
        "addressPrefix": "10.21.1.0/24",
    }
    subnet = engine.create(SUBNET, "servers", inputs)
    assert subnet.state["name"] == "servers"
    assert subnet.id == f"{made.id}/subnets/servers"
    fresh = engine.refresh(made)
    assert fresh is not None
    assert "subnets" not in fresh.inputs
    assert engine.changes(fresh, network) == {}
    tagged = engine.update(fresh, {**network, "tags": {"x": "1"}})
    assert [entry["name"] for entry in tagged.state["subnets"]] == ["servers"]
    assert engine.refresh(subnet) is not None
    engine.delete(subnet)
    assert engine.refresh(subnet) is None


def test_network_security_group_of_a_subnet(engine: Engine, group: str) -> None:
    rule = {
        "name": "https",
        "access": "Allow",
        "direction": "Inbound",
        "protocol": "Tcp",
        "priority": 100,
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "443",
    }
    inputs = {"resourceGroupName": group, "securityRules": [rule]}
    made = engine.create(SECURITY_GROUP, "guard", inputs)
    assert made.state["securityRules"][0]["destinationPortRange"] == "443"
    assert made.state["defaultSecurityRules"]
    assert engine.changes(made, inputs) == {}
    changed = {**inputs, "securityRules": [{**rule, "priority": 200}]}
    assert engine.changes(made, changed) == {"securityRules[0].priority": "UPDATE"}
    assert engine.update(made, changed).state["securityRules"][0]["priority"] == 200


def test_tags_changed_by_hand_show_after_refresh(
    engine: Engine, group: str, azure: tuple[World, int]
) -> None:
    inputs = {
        "resourceGroupName": group,
        "addressSpace": {"addressPrefixes": ["10.20.0.0/16"]},
        "tags": {"owner": "us"},
    }
    made = engine.create(NETWORK, "drift", inputs)
    by_hand = engine.update(made, {**inputs, "tags": {"owner": "them"}})
    assert by_hand.state["tags"] == {"owner": "them"}
    fresh = engine.refresh(made)
    assert fresh is not None
    assert fresh.inputs["tags"] == {"owner": "them"}
    assert engine.changes(fresh, inputs) == {"tags.owner": "UPDATE"}
    world, _ = azure
    assert any(entry["operation"] == "VirtualNetworks_CreateOrUpdate" for entry in world.audited())


# -- storage and vaults -----------------------------------------------------------------------


def test_storage_account_keeps_to_the_names_of_the_sdk(engine: Engine, group: str) -> None:
    inputs = {
        "resourceGroupName": group,
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "minimumTlsVersion": "TLS1_2",
        "enableHttpsTrafficOnly": True,
        "allowBlobPublicAccess": False,
        "networkRuleSet": {"defaultAction": "Allow", "bypass": "AzureServices"},
        "tags": {"for": "cache"},
    }
    made = engine.create(ACCOUNT, "st-Cache", inputs)
    assert made.state["name"].startswith("stcache")
    assert made.state["enableHttpsTrafficOnly"] is True
    assert made.state["networkRuleSet"]["defaultAction"] == "Allow"
    assert made.state["primaryEndpoints"]["blob"].startswith("https://")
    assert engine.changes(made, inputs) == {}
    fresh = engine.refresh(made)
    assert fresh is not None
    assert fresh.inputs == made.inputs
    assert engine.changes(made, {**inputs, "allowBlobPublicAccess": True}) == {
        "allowBlobPublicAccess": "UPDATE"
    }


def test_vault_has_its_properties_under_their_own_name(engine: Engine, group: str) -> None:
    inputs = {
        "resourceGroupName": group,
        "vaultName": "rsv-migration",
        "sku": {"name": "RS0", "tier": "Standard"},
        "properties": {"publicNetworkAccess": "Enabled"},
    }
    seen = engine.preview(VAULT, "vault", {**inputs, "resourceGroupName": UNKNOWN})
    assert seen["vaultName"] == "rsv-migration"
    assert seen["properties"] == UNKNOWN
    made = engine.create(VAULT, "vault", inputs)
    assert made.state["properties"]["provisioningState"] == "Succeeded"
    assert made.state["properties"]["publicNetworkAccess"] == "Enabled"
    assert made.state["type"] == "Microsoft.RecoveryServices/vaults"
    assert engine.changes(made, inputs) == {}
    fresh = engine.refresh(made)
    assert fresh is not None
    assert fresh.inputs == made.inputs
    found = engine.invoke(
        "azure-native:recoveryservices:getVault",
        resourceGroupName=group,
        vaultName="rsv-migration",
    )
    assert found["id"] == made.id
    engine.delete(made)
    assert engine.refresh(made) is None


@pytest.mark.parametrize(
    ("asked", "history"),
    [
        (
            {
                "instanceType": "InMageAzureV2",
                "multiVmSyncStatus": "Enable",
                "recoveryPointHistory": 1440,
                "recoveryPointThresholdInMinutes": 15,
                "appConsistentFrequencyInMinutes": 60,
                "crashConsistentFrequencyInMinutes": 5,
            },
            "recoveryPointHistory",
        ),
        (
            {
                "instanceType": "InMageRcm",
                "enableMultiVmSync": "true",
                "recoveryPointHistoryInMinutes": 1440,
                "appConsistentFrequencyInMinutes": 60,
                "crashConsistentFrequencyInMinutes": 5,
            },
            "recoveryPointHistoryInMinutes",
        ),
    ],
    ids=["classic", "modernized"],
)
def test_policy_is_compared_with_what_was_asked_for(
    engine: Engine, group: str, asked: dict[str, Any], history: str
) -> None:
    vault = engine.create(
        VAULT,
        "vault",
        {
            "resourceGroupName": group,
            "vaultName": "rsv-policy",
            "sku": {"name": "RS0", "tier": "Standard"},
            "properties": {},
        },
    )
    inputs = {
        "resourceGroupName": group,
        "resourceName": "rsv-policy",
        "policyName": "24-hours",
        "properties": {"providerSpecificInput": asked},
    }
    made = engine.create(POLICY, "policy", inputs)
    details = made.state["properties"]["providerSpecificDetails"]
    assert details["instanceType"] == asked["instanceType"]
    assert details[history] == 1440
    fresh = engine.refresh(made)
    assert fresh is not None
    assert fresh.inputs == made.inputs
    assert engine.changes(fresh, inputs) == {}
    longer = {**inputs, "properties": {"providerSpecificInput": {**asked, history: 2880}}}
    assert engine.changes(made, longer) == {f"properties.providerSpecificInput.{history}": "UPDATE"}
    engine.delete(made)
    engine.delete(vault)


def test_mapping_needs_its_whole_path(engine: Engine) -> None:
    _, failures = engine.check(MAPPING, "m", {"resourceGroupName": "g"})
    for name in ("resourceName", "fabricName", "protectionContainerName"):
        assert f"{MAPPING} needs the property {name}" in failures


# -- functions --------------------------------------------------------------------------------


def test_client_config_is_of_the_token(engine: Engine) -> None:
    found = engine.invoke("azure-native:authorization:getClientConfig")
    assert found["subscriptionId"] == SUBSCRIPTION
    assert set(found) == {"clientId", "objectId", "subscriptionId", "tenantId"}


def test_function_for_what_is_not_there_says_so(engine: Engine) -> None:
    with pytest.raises(Refused, match=r"there is no /subscriptions/.*/resourceGroups/rg-none"):
        engine.invoke("azure-native:resources:getResourceGroup", resourceGroupName="rg-none")
