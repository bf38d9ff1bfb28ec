from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.config import CONFIG

import components
import settings
from site_recovery.ownership import STACK_TAG
from tests.components.harness import SUBSCRIPTION, Deployment, deploy
from tests.settings import configs

GROUP = "resources:ResourceGroup"
NETWORK = "network:VirtualNetwork"
RULES = "network:NetworkSecurityGroup"


def zone(**target: Any) -> Deployment:
    config = configs.valid()
    config["target"] |= target
    stack = settings.load(config)
    args = components.LandingZoneArgs(
        stack.azure_subscription_id,
        stack.azure_location,
        stack.target,
        {**stack.target.tags, STACK_TAG: "acme/migration/dev"},
    )
    return deploy(lambda: components.LandingZone("landing-zone", args))


def test_what_serves_the_migration_is_apart_from_what_outlives_it() -> None:
    deployment = zone()
    migration, machines = (deployment.one(GROUP, name) for name in ("migration", "machines"))
    assert migration.inputs["resourceGroupName"] == "rg-migration"
    assert machines.inputs["resourceGroupName"] == "rg-migration-machines"
    assert deployment.one(NETWORK, "production").inputs["resourceGroupName"] == (
        "rg-migration-machines"
    )
    for passing in (deployment.one(NETWORK, "test"), deployment.one("StorageAccount")):
        assert passing.inputs["resourceGroupName"] == "rg-migration"


def test_destroying_the_stack_leaves_migrated_machines_and_their_network_alone() -> None:
    assert {r.name for r in zone() if r.retained} == {"machines", "production"}


def test_an_adopted_landing_zone_is_looked_up_and_neither_made_nor_changed() -> None:
    deployment = zone(adopt=True)
    group = f"{SUBSCRIPTION}/resourceGroups/rg-migration-machines"
    assert deployment.one(GROUP, "machines").existing == group
    assert deployment.one(NETWORK, "production").existing == (
        f"{group}/providers/Microsoft.Network/virtualNetworks/vnet-prod"
    )
    assert deployment.one(NETWORK, "test").existing == ""


def test_networks_and_cache_can_be_in_groups_of_their_own() -> None:
    config = configs.valid()["target"]
    deployment = zone(
        network={**config["network"], "resourceGroup": "rg-net"},
        testNetwork={**config["testNetwork"], "resourceGroup": "rg-net"},
        cacheResourceGroup="rg-cache",
    )
    for name in ("production", "test"):
        assert deployment.one(NETWORK, name).inputs["resourceGroupName"] == "rg-net"
    assert deployment.one("StorageAccount").inputs["resourceGroupName"] == "rg-cache"
    existing = {r.name: r.existing for r in deployment if r.type.endswith(GROUP) and r.existing}
    assert existing == {
        "production-network": f"{SUBSCRIPTION}/resourceGroups/rg-net",
        "test-network": f"{SUBSCRIPTION}/resourceGroups/rg-net",
        "cache": f"{SUBSCRIPTION}/resourceGroups/rg-cache",
    }


def test_or_in_those_that_the_stack_makes_in_whatever_case_they_are_written() -> None:
    config = configs.valid()["target"]
    deployment = zone(
        network={**config["network"], "resourceGroup": "RG-Migration-Machines"},
        testNetwork={**config["testNetwork"], "resourceGroup": "rg-migration-machines"},
        cacheResourceGroup="RG-MIGRATION",
    )
    assert not [r for r in deployment if r.existing], "nothing of a new stack is there yet"
    for name in ("production", "test"):
        network = deployment.one(NETWORK, name)
        assert network.inputs["resourceGroupName"] == "rg-migration-machines"
        assert deployment.waits_for(network, deployment.one(GROUP, "machines"))
    assert deployment.one("StorageAccount").inputs["resourceGroupName"] == "rg-migration"


def test_an_adopted_network_is_looked_up_in_its_own_group() -> None:
    network = {**configs.valid()["target"]["network"], "resourceGroup": "rg-net"}
    found = zone(adopt=["network"], network=network).one(NETWORK, "production").existing
    assert found == (
        f"{SUBSCRIPTION}/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/vnet-prod"
    )


def test_a_subnet_can_have_a_security_group_that_exists() -> None:
    nsg = (
        f"{SUBSCRIPTION}/resourceGroups/rg-net/providers/Microsoft.Network"
        "/networkSecurityGroups/nsg-servers"
    )
    network = configs.valid()["target"]["network"]
    network["subnet"]["networkSecurityGroup"] = nsg
    deployment = zone(network=network)
    (subnet,) = deployment.one(NETWORK, "production").inputs["subnets"]
    assert subnet["networkSecurityGroup"] == {"id": nsg}
    assert [made.name for made in deployment.all(RULES)] == ["test"]


@pytest.mark.parametrize(
    ("name", "group", "kept"),
    [("production", "rg-migration-machines", True), ("test", "rg-migration", False)],
)
def test_the_subnet_of_a_network_has_a_security_group_of_its_own_that_lives_as_long(
    name: str, group: str, kept: bool
) -> None:
    deployment = zone()
    made = deployment.one(RULES, name)
    network = deployment.one(NETWORK, name)
    (subnet,) = network.inputs["subnets"]
    assert subnet["networkSecurityGroup"] == {"id": made.id}
    assert made.inputs["resourceGroupName"] == network.inputs["resourceGroupName"]
    assert made.id.split("/")[4] == deployment.one(NETWORK, name).inputs["resourceGroupName"]
    assert "securityRules" not in made.inputs, "the rules that Azure gives to every group"
    assert (made.retained, network.retained) == (kept, kept)
    assert deployment.waits_for(network, made)


def test_no_security_group_is_made_for_a_network_that_is_there() -> None:
    assert [made.name for made in zone(adopt=True).all(RULES)] == ["test"]


def test_the_test_network_is_joined_to_nothing_and_has_no_way_out() -> None:
    network = zone().one(NETWORK, "test").inputs
    assert "virtualNetworkPeerings" not in network
    (subnet,) = network["subnets"]
    assert subnet["defaultOutboundAccess"] is False
    assert "natGateway" not in subnet
    assert "routeTable" not in subnet


@pytest.mark.parametrize(
    ("name", "space", "prefix"),
    [
        ("production", "10.20.0.0/16", "10.20.1.0/24"),
        ("test", "10.21.0.0/16", "10.21.1.0/24"),
    ],
)
def test_networks_have_the_addresses_of_the_config(name: str, space: str, prefix: str) -> None:
    network = zone().one(NETWORK, name).inputs
    assert network["addressSpace"] == {"addressPrefixes": [space]}
    assert [(s["name"], s["addressPrefix"]) for s in network["subnets"]] == [("servers", prefix)]


def test_the_cache_is_closed_to_everything_but_its_keys_over_current_tls() -> None:
    account = zone().one("StorageAccount").inputs
    assert account["allowBlobPublicAccess"] is False
    assert account["enableHttpsTrafficOnly"] is True
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert account["allowCrossTenantReplication"] is False
    assert (account["kind"], account["sku"]) == ("StorageV2", {"name": "Standard_LRS"})


def test_everything_is_in_one_region_and_carries_the_tags() -> None:
    for resource in zone(tags={"owner": "me"}):
        if resource.type.startswith("azure-native"):
            assert resource.inputs["location"] == "westeurope"
            assert resource.inputs["tags"] == {"owner": "me", STACK_TAG: "acme/migration/dev"}


OTHER = "22222222-2222-2222-2222-222222222222"
PROVIDER = "pulumi:providers:azure-native"


def test_machines_of_another_subscription_have_their_group_and_both_networks_there() -> None:
    deployment = zone(machinesSubscriptionId=OTHER)
    provider = deployment.one(PROVIDER)
    assert provider.inputs["subscriptionId"] == OTHER
    there = {made.name for made in deployment if made.provider.startswith(f"{provider.urn}::")}
    assert there == {"machines", "production", "test"}
    for name in ("production", "test"):
        for kind in (NETWORK, RULES):
            assert deployment.one(kind, name).inputs["resourceGroupName"] == "rg-migration-machines"
    assert deployment.one("StorageAccount").inputs["resourceGroupName"] == "rg-migration"


def test_what_is_adopted_there_is_looked_up_there() -> None:
    network = {**configs.valid()["target"]["network"], "resourceGroup": "rg-net"}
    deployment = zone(
        machinesSubscriptionId=OTHER, adopt=["machinesResourceGroup", "network"], network=network
    )
    existing = {made.name: made.existing for made in deployment if made.existing}
    assert existing == {
        "machines": f"/subscriptions/{OTHER}/resourceGroups/rg-migration-machines",
        "production-network": f"/subscriptions/{OTHER}/resourceGroups/rg-net",
        "production": f"/subscriptions/{OTHER}/resourceGroups/rg-net/providers"
        "/Microsoft.Network/virtualNetworks/vnet-prod",
    }
    assert all(
        made.provider.startswith(f"{deployment.one(PROVIDER).urn}::")
        for made in deployment
        if made.existing
    )


@pytest.mark.parametrize("same", ["11111111-1111-1111-1111-111111111111"])
def test_the_vaults_own_subscription_needs_no_provider(same: str) -> None:
    assert zone(machinesSubscriptionId=same).all(PROVIDER) == []


def test_the_other_provider_has_what_the_config_says_to_the_plugin() -> None:
    said = {"azure-native:environment": "usgovernment", "azure-native:location": "usgovvirginia"}
    said["azure-native:disablePulumiPartnerId"] = "true"
    before = CONFIG.set(said)
    try:
        inputs = zone(machinesSubscriptionId=OTHER).one(PROVIDER).inputs
    finally:
        CONFIG.reset(before)
    assert inputs["environment"] == "usgovernment"
    assert inputs["location"] == "usgovvirginia"
    assert inputs["disablePulumiPartnerId"] == "true"
    assert inputs["subscriptionId"] == OTHER
