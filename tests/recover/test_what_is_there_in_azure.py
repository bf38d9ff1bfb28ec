"""What the provider made is found by the id that is declared, and known by its tag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from emulator.arm.subscriptions import SUBSCRIPTION
from recover import azure
from recover.declared import Declared
from recover.verdicts import Action, Found, decide
from site_recovery.errors import MigrationError
from site_recovery.ownership import STACK_TAG, mark
from tests.emulator.providers.local_azure import environment, serving
from tests.emulator.providers.providers_client import UNKNOWN, Engine, running, urn

GROUP = "azure-native:resources:ResourceGroup"
RULES = "azure-native:network:NetworkSecurityGroup"
NETWORK = "azure-native:network:VirtualNetwork"
ACCOUNT = "azure-native:storage:StorageAccount"
VAULT = "azure-native:recoveryservices:Vault"
POLICY = "azure-native:recoveryservices:ReplicationPolicy"

CONFIGURED = {"location": "West Europe", "subscriptionId": SUBSCRIPTION}
TAGS = {"owner": "me", STACK_TAG: mark("acme", "migration", "dev")}
IN_GROUP = {"resourceGroupName": "rg", "tags": TAGS}

# A type that another one needs comes after it: what one test made stays for the next.
TYPES: Mapping[str, dict[str, Any]] = {
    GROUP: IN_GROUP,
    RULES: {**IN_GROUP, "networkSecurityGroupName": "nsg-vnet"},
    NETWORK: {
        **IN_GROUP,
        "virtualNetworkName": "vnet",
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "machines", "addressPrefix": "10.0.1.0/24"}],
    },
    ACCOUNT: {
        **IN_GROUP,
        "accountName": "stcache",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
    },
    VAULT: {
        **IN_GROUP,
        "vaultName": "rsv",
        "sku": {"name": "RS0", "tier": "Standard"},
        "properties": {"publicNetworkAccess": "Enabled"},
    },
    POLICY: {
        "resourceGroupName": "rg",
        "resourceName": "rsv",
        "policyName": "migration-dev",
        "properties": {
            "providerSpecificInput": {
                "instanceType": "InMageRcm",
                "recoveryPointHistoryInMinutes": 1440,
                "appConsistentFrequencyInMinutes": 60,
                "crashConsistentFrequencyInMinutes": 5,
                "enableMultiVmSync": "true",
            }
        },
    },
}


@dataclass
class Cloud:
    """A local Azure, its provider, and what was made there by type."""

    engine: Engine
    made: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with serving() as (_, port), pytest.MonkeyPatch.context() as patch:
        for name, value in environment(port).items():
            patch.setenv(name, value)
        with running("emulator.providers.azure_native", environment(port)) as engine:
            engine.configure(**CONFIGURED)
            yield Cloud(engine)


def declared(token: str, inputs: Mapping[str, Any]) -> Declared:
    return Declared(urn(token, "it"), token, "", inputs, CONFIGURED)


def find(one: Declared) -> Sequence[Found]:
    return azure.find([one])[one.urn]


def test_every_type_is_tested_here() -> None:
    assert set(TYPES) == set(azure.KINDS)


@pytest.mark.parametrize("token", TYPES)
def test_what_was_made_is_found_and_imported_under_its_id(cloud: Cloud, token: str) -> None:
    inputs = TYPES[token]
    assert find(declared(token, inputs)) == ()

    made = cloud.engine.create(token, "it", inputs)
    cloud.made[token] = made.id
    verdict = decide(one := declared(token, made.inputs), find(one))

    assert (verdict.action, verdict.id) == (Action.IMPORT, made.id)
    taken = cloud.engine.adopt(token, "it", verdict.id)
    assert taken is not None
    assert cloud.engine.check(token, "it", taken.inputs)[1] == []
    kinds = set(cloud.engine.changes(taken, inputs).values())
    assert {kind for kind in kinds if kind.endswith("REPLACE")} == set()


@pytest.mark.parametrize("token", [token for token in TYPES if token != POLICY])
def test_what_another_stack_made_under_the_name_is_refused(cloud: Cloud, token: str) -> None:
    tags = {**TAGS, STACK_TAG: mark("acme", "migration", "prod")}

    verdict = decide(one := declared(token, {**TYPES[token], "tags": tags}), find(one))

    assert verdict.action is Action.REFUSE
    assert cloud.made[token] in verdict.text
    assert TAGS[STACK_TAG] in verdict.text
    assert "target.adopt" in verdict.text


@pytest.mark.parametrize("token", [token for token in TYPES if token != POLICY])
def test_what_a_person_made_in_another_region_is_refused(cloud: Cloud, token: str) -> None:
    elsewhere = declared(token, {**TYPES[token], "location": "northeurope"})

    assert decide(elsewhere, find(elsewhere)).action is Action.REFUSE


def test_a_policy_with_other_settings_is_refused(cloud: Cloud) -> None:
    inputs = TYPES[POLICY]["properties"]["providerSpecificInput"]
    other = {"providerSpecificInput": {**inputs, "recoveryPointHistoryInMinutes": 60}}

    verdict = decide(one := declared(POLICY, {**TYPES[POLICY], "properties": other}), find(one))

    assert verdict.action is Action.REFUSE
    assert "recoveryPointHistoryInMinutes is '1440', not '60'" in verdict.text


@pytest.mark.parametrize("token", TYPES)
def test_nothing_is_looked_for_while_its_identity_is_unknown(cloud: Cloud, token: str) -> None:
    assert find(declared(token, dict.fromkeys(TYPES[token], UNKNOWN))) == ()


def test_an_azure_that_does_not_answer_is_said_plainly(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")

    with pytest.raises(MigrationError, match="credentials"):
        find(declared(GROUP, TYPES[GROUP]))
