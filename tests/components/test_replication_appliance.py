from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from pulumi_aws import ec2

import components
from settings import ReplicationAppliance
from tests.components.harness import Deployment
from tests.components.servers import INSTANCE, READERS, deploy, own_statements, told

VAULT = "/subscriptions/s/vaults/v"
REGISTERED = {
    "name": "asr-there",
    "securityGroupId": "sg-0123456789abcdef0",
    "privateIp": "10.10.2.9",
}


def appliance(readers: Mapping[str, str] = MappingProxyType(READERS), **config: Any) -> Deployment:
    place = {} if "registered" in config else {"subnetId": "subnet-0123456789abcdef0"}
    its_settings = ReplicationAppliance.model_validate(place | config)

    def program() -> None:
        components.ReplicationAppliance(
            "replication-appliance",
            components.ReplicationApplianceArgs(
                prefix="ec2-to-azure-test",
                region="eu-west-1",
                settings=its_settings,
                ami_id="ami-2022",
                instance_type="m5.2xlarge",
                cache_gib=620,
                vault_id=VAULT,
                security_group_id="sg-server",
                network_rules=[ec2.SecurityGroup("rule")],
                registration_timeout=timedelta(minutes=30),
                poll=timedelta(seconds=1),
                agent_readers=readers,
            ),
        ).summary()

    return deploy(program)


def test_it_is_an_instance_as_hardened_as_the_configuration_server() -> None:
    deployment = appliance()
    instance = deployment.one(INSTANCE)
    assert instance.inputs["metadataOptions"]["httpTokens"] == "required"
    assert instance.inputs["associatePublicIpAddress"] is False
    assert "keyName" not in instance.inputs
    volumes = [instance.inputs["rootBlockDevice"], *instance.inputs["ebsBlockDevices"]]
    assert [(volume["volumeSize"], volume["encrypted"]) for volume in volumes] == [
        (80, True),
        (620, True),
    ]
    assert instance.inputs["ami"] == "ami-2022"
    assert instance.inputs["tags"]["site-recovery:role"] == "replication-appliance"
    assert deployment.waits_for(instance, deployment.one("SecurityGroup", "rule"))


def test_it_has_no_credential_because_a_person_signs_it_in() -> None:
    deployment = appliance()
    assert deployment.all("dynamic/asr:Credentials") == []
    assert deployment.all("SecretVersion") == []
    assert own_statements(deployment) == {
        "ssm:PutParameter": "status-arn",
        "secretsmanager:PutSecretValue": "agent-arn",
    }
    assert "credentialSecretId" not in told(deployment.one(INSTANCE))


def test_it_is_told_what_to_install() -> None:
    settings = told(appliance(name="asr-1").one(INSTANCE))
    assert settings["role"] == "replication-appliance"
    assert settings["computerName"] == "asr-1"
    assert settings["installerUrl"] == "https://aka.ms/V2ARcmApplianceCreationPowershellZip"
    assert settings["installerSha256"] is None


def test_registration_waits_for_it_and_shows_its_status() -> None:
    deployment = appliance(name="asr-1")
    registration = deployment.one("dynamic/asr:Registration")
    assert deployment.waits_for(registration, deployment.one(INSTANCE))
    assert registration.inputs["server_name"] == "asr-1"
    assert registration.inputs["experience"] == "modernized"
    assert registration.inputs["keep"] is False
    assert registration.inputs["timeout_seconds"] == 1800
    assert (
        registration.inputs["status_parameter"] == "/ec2-to-azure-test/replication-appliance/status"
    )


def test_an_appliance_that_is_registered_already_is_found_and_kept() -> None:
    deployment = appliance(registered=REGISTERED)
    registration = deployment.one("dynamic/asr:Registration").inputs
    assert (registration["server_name"], registration["keep"]) == ("asr-there", True)
    assert registration["status_parameter"] == ""
    for kind in (INSTANCE, "iam/role:Role", "InstanceProfile", "ssm/parameter:Parameter"):
        assert deployment.all(kind) == []


def test_the_machines_of_either_may_read_the_agents_secret() -> None:
    for deployment in (appliance(), appliance(registered=REGISTERED)):
        policy = json.loads(deployment.one("SecretPolicy").inputs["policy"])
        (statement,) = policy["Statement"]
        assert statement["Resource"] == "agent-arn"
        assert statement["Principal"] == {"AWS": sorted(READERS)}
        assert deployment.one("secret:Secret").inputs["recoveryWindowInDays"] == 0
    assert appliance(readers={}).all("SecretPolicy") == []


def test_an_appliance_that_a_person_installs_gets_no_script() -> None:
    deployment = appliance(installation="manual")
    assert "userData" not in deployment.one(INSTANCE).inputs
    assert deployment.all("ssm/parameter:Parameter") == []


def test_it_is_not_started_beside_one_that_no_record_has() -> None:
    assert appliance().one(INSTANCE).hooks == {"only-server"}
