"""The machines may be in another subscription than the vault."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

import settings
from tests.settings import configs

VAULTS = "11111111-1111-1111-1111-111111111111"
OTHER = "22222222-2222-2222-2222-222222222222"


def id_in(subscription: str, kind: str) -> str:
    return (
        f"/subscriptions/{subscription}/resourceGroups/rg-migration-machines/providers/{kind}/ours"
    )


def problems(**target: Any) -> dict[str, str]:
    """What is wrong with a target, by the place of the problem."""
    config = deepcopy(configs.modernized())
    wave = target.pop("wave", {})
    config["target"] |= target
    config["waves"]["data"]["target"] = wave
    found = settings.read(config).problems
    return {problem.path: f"{problem.what}. {problem.way_out}" for problem in found}


def test_without_the_key_everything_is_in_the_subscription_of_the_stack() -> None:
    assert settings.load(configs.modernized()).machines_subscription_id == VAULTS


def test_the_key_names_that_of_the_machines() -> None:
    config = configs.modernized()
    config["target"]["machinesSubscriptionId"] = OTHER
    stack = settings.load(config)
    assert (stack.machines_subscription_id, stack.azure_subscription_id) == (OTHER, VAULTS)


def test_it_has_to_be_an_id() -> None:
    assert (
        "Use the id that"
        in problems(machinesSubscriptionId="apps")["target.machinesSubscriptionId"]
    )


def test_groups_of_the_same_name_are_two_in_two_subscriptions() -> None:
    same = {"machinesResourceGroup": "rg-migration"}
    assert list(problems(**same)) == ["target.machinesResourceGroup"]
    assert problems(**same, machinesSubscriptionId=OTHER) == {}
    network = {**configs.modernized()["target"]["network"], "resourceGroup": "rg-migration"}
    assert list(problems(network=network)) == ["target.network.resourceGroup"]
    assert problems(network=network, machinesSubscriptionId=OTHER) == {}


@pytest.mark.parametrize(
    ("elsewhere", "group", "fits"),
    [
        ({}, "resourceGroup", True),
        ({"machinesSubscriptionId": OTHER}, "resourceGroup", False),
        ({"machinesSubscriptionId": OTHER}, "machinesResourceGroup", True),
    ],
)
def test_a_test_network_that_is_there_is_in_the_group_of_its_subscription(
    elsewhere: dict[str, str], group: str, fits: bool
) -> None:
    found = problems(**elsewhere, adopt=["testNetwork", group])
    assert list(found) == ([] if fits else ["target.adopt"])
    assert fits or "Add machinesResourceGroup" in found["target.adopt"]


KINDS = {
    "availabilitySet": "Microsoft.Compute/availabilitySets",
    "proximityPlacementGroup": "Microsoft.Compute/proximityPlacementGroups",
    "diskEncryptionSet": "Microsoft.Compute/diskEncryptionSets",
    "networkSecurityGroup": "Microsoft.Network/networkSecurityGroups",
}


@pytest.mark.parametrize("key", KINDS)
def test_what_a_machine_is_part_of_is_in_its_subscription(key: str) -> None:
    ours, theirs = id_in(VAULTS, KINDS[key]), id_in(OTHER, KINDS[key])
    assert problems(wave={key: ours}) == {}
    assert problems(wave={key: theirs.replace("subscriptions", "Subscriptions")}) == {
        f"waves.data.target.{key}": f"it is in subscription {OTHER}, and the machines are in "
        f"{VAULTS}. Name one of that subscription, or set target.machinesSubscriptionId"
    }
    assert problems(wave={key: theirs}, machinesSubscriptionId=OTHER) == {}
    assert list(problems(wave={key: ours}, machinesSubscriptionId=OTHER)) == [
        f"waves.data.target.{key}"
    ]


def test_a_security_group_of_a_subnet_is_in_the_subscription_of_its_network() -> None:
    network = deepcopy(configs.modernized()["target"]["testNetwork"])
    kind = "Microsoft.Network/networkSecurityGroups"
    network["subnet"]["networkSecurityGroup"] = id_in(VAULTS, kind)
    assert problems(testNetwork=network) == {}
    assert list(problems(testNetwork=network, machinesSubscriptionId=OTHER)) == [
        "target.testNetwork.subnet.networkSecurityGroup"
    ]
