from __future__ import annotations

from datetime import timedelta
from typing import Any

import components
import settings
from site_recovery.fleet import ExperienceName
from tests.components.harness import Deployment, deploy
from tests.settings import configs


def policy(experience: ExperienceName = "classic", **replication: Any) -> Deployment:
    config = configs.valid() if experience == "classic" else configs.modernized()
    config["replication"] = {**config.get("replication", {}), **replication}
    args = components.ReplicationSettingsArgs(
        experience=experience,
        policy_name="ec2-to-azure-test",
        resource_group_name="rg",
        vault_name="rsv",
        container_id="container-id",
        replication=settings.load(config).replication,
        poll=timedelta(seconds=30),
    )
    return deploy(lambda: components.ReplicationSettings("replication-settings", args))


def test_hours_of_the_config_are_minutes_of_the_policy() -> None:
    deployment = policy(
        recoveryPointRetentionHours=12,
        appConsistentFrequencyMinutes=0,
        crashConsistentFrequencyMinutes=10,
        recoveryPointThresholdMinutes=20,
    )
    inputs = deployment.one("ReplicationPolicy").inputs
    assert inputs["properties"]["providerSpecificInput"] == {
        "instanceType": "InMageAzureV2",
        "recoveryPointHistory": 720,
        "appConsistentFrequencyInMinutes": 0,
        "crashConsistentFrequencyInMinutes": 10,
        "recoveryPointThresholdInMinutes": 20,
        "multiVmSyncStatus": "Enable",
    }
    assert (inputs["resourceGroupName"], inputs["resourceName"]) == ("rg", "rsv")


def test_the_container_is_mapped_to_the_policy_and_unmapped_before_it_goes() -> None:
    deployment = policy()
    mapping, made = (
        deployment.one("dynamic/asr:Mapping"),
        deployment.one("ReplicationPolicy"),
    )
    assert mapping.inputs["container_id"] == "container-id"
    assert mapping.inputs["policy_id"] == made.id
    assert deployment.waits_for(mapping, made)


def test_the_modernized_policy_has_its_own_words() -> None:
    deployment = policy("modernized", recoveryPointRetentionHours=12)
    assert deployment.one("ReplicationPolicy").inputs["properties"]["providerSpecificInput"] == {
        "instanceType": "InMageRcm",
        "recoveryPointHistoryInMinutes": 720,
        "appConsistentFrequencyInMinutes": 60,
        "crashConsistentFrequencyInMinutes": 5,
        "enableMultiVmSync": "true",
    }
    assert deployment.one("dynamic/asr:Mapping").inputs["experience"] == "modernized"
