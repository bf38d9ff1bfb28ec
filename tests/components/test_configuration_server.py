from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from pulumi_aws import ec2

import components
import settings
from tests.components.harness import Deployment, deploy
from tests.settings import configs

INSTANCE = "aws:ec2/instance:Instance"


def server(**changes: Any) -> Deployment:
    config = configs.valid()
    config["source"]["configurationServer"] |= changes
    stack = settings.load(config)

    def program() -> None:
        rule = ec2.SecurityGroup("rule")
        components.ConfigurationServer(
            "configuration-server",
            components.ConfigurationServerArgs(
                prefix="ec2-to-azure-test",
                settings=stack.source.configuration_server,
                vault_id="/subscriptions/s/vaults/v",
                security_group_id="sg-server",
                network_rules=[rule],
                registration_timeout=timedelta(minutes=15),
                poll=timedelta(milliseconds=500),
            ),
        )

    return deploy(program)


def test_metadata_needs_a_token_and_reaches_one_hop() -> None:
    assert server().one(INSTANCE).inputs["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }


def test_nothing_but_ssm_leads_to_it() -> None:
    deployment = server()
    instance = deployment.one(INSTANCE).inputs
    assert instance["associatePublicIpAddress"] is False
    assert "keyName" not in instance
    assert "userData" not in instance
    assert instance["vpcSecurityGroupIds"] == ["sg-server"]
    assert instance["monitoring"] is True


def test_its_role_may_be_managed_by_ssm_and_nothing_else() -> None:
    deployment = server()
    role = deployment.one("iam/role:Role")
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": "ec2.amazonaws.com"}
    assert "inlinePolicies" not in role.inputs
    assert "managedPolicyArns" not in role.inputs
    (attached,) = deployment.all("RolePolicyAttachment")
    assert attached.inputs["policyArn"].endswith("policy/AmazonSSMManagedInstanceCore")
    profile = deployment.one("InstanceProfile")
    assert deployment.waits_for(profile, attached)
    assert deployment.one(INSTANCE).inputs["iamInstanceProfile"] == profile.inputs["name"]


def test_every_volume_is_encrypted_and_of_the_size_that_the_config_says() -> None:
    instance = server(cacheGiB=700, retentionGiB=800).one(INSTANCE).inputs
    root, volumes = instance["rootBlockDevice"], instance["ebsBlockDevices"]
    assert [volume["volumeSize"] for volume in volumes] == [700, 800]
    assert len({volume["deviceName"] for volume in volumes}) == 2
    for volume in (root, *volumes):
        assert volume["encrypted"] is True
        assert volume["volumeType"] == "gp3"
        assert volume["deleteOnTermination"] is True


@pytest.mark.parametrize("address", [None, "10.10.2.10"])
def test_it_stands_where_the_config_says(address: str | None) -> None:
    instance = server(**({"privateIp": address} if address else {})).one(INSTANCE).inputs
    assert instance["subnetId"] == "subnet-0123456789abcdef0"
    assert instance["ami"] == "ami-0123456789abcdef0"
    assert instance["instanceType"] == "c5.2xlarge"
    assert instance.get("privateIp") == address


def test_whoever_installs_it_finds_its_role_and_vault_in_its_tags() -> None:
    assert server(name="asr-1").one(INSTANCE).inputs["tags"] == {
        "Name": "asr-1",
        "site-recovery:role": "configuration-server",
        "site-recovery:vault": "/subscriptions/s/vaults/v",
    }


def test_it_boots_when_its_rules_stand_and_is_unregistered_before_it_ends() -> None:
    deployment = server()
    instance = deployment.one(INSTANCE)
    registration = deployment.one("FabricRegistration")
    assert deployment.waits_for(instance, deployment.one("SecurityGroup", "rule"))
    assert deployment.waits_for(registration, instance)


def test_registration_looks_for_the_server_by_the_name_it_has() -> None:
    deployment = server(name="asr-1")
    registration = deployment.one("FabricRegistration").inputs
    assert registration["server_name"] == deployment.one(INSTANCE).inputs["tags"]["Name"]
    assert registration["vault_id"] == "/subscriptions/s/vaults/v"
    assert registration["timeout_seconds"] == 900
    assert registration["poll_seconds"] == 0.5


def test_a_newer_image_or_disk_size_does_not_terminate_a_server_that_replicates() -> None:
    assert server().one(INSTANCE).ignored == {"ami", "ebsBlockDevices"}
