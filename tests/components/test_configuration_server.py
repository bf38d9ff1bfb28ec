from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from pulumi_aws import ec2

import components
import settings
from tests.components.harness import Deployment
from tests.components.servers import FILE, INSTANCE, READERS, deploy, own_statements, revealed, told
from tests.settings import configs

VAULT = "/subscriptions/s/vaults/v"
TAGS = {"CostCenter": "7"}


def server(readers: Mapping[str, str] = MappingProxyType({}), /, **changes: Any) -> Deployment:
    config = configs.valid() | {"experience": "classic"}
    config["source"]["configurationServer"] |= changes
    config["source"]["tags"] = TAGS
    stack = settings.load(config)
    assert stack.source.configuration_server is not None
    its_settings = stack.source.configuration_server

    def program() -> None:
        rule = ec2.SecurityGroup("rule")
        made = components.ConfigurationServer(
            "configuration-server",
            components.ConfigurationServerArgs(
                prefix="ec2-to-azure-test",
                region="eu-west-1",
                settings=its_settings,
                ami_id="ami-1",
                instance_type="c5.4xlarge",
                cache_gib=1000,
                vault_id=VAULT,
                security_group_id="sg-server",
                network_rules=[rule],
                registration_timeout=timedelta(minutes=60),
                poll=timedelta(milliseconds=500),
                agent_readers=readers,
                tags=stack.source.tags,
            ),
        )
        made.summary()

    return deploy(program)


def test_metadata_needs_a_token_and_reaches_one_hop() -> None:
    assert server().one(INSTANCE).inputs["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }


def test_it_is_reachable_through_ssm_only() -> None:
    instance = server().one(INSTANCE).inputs
    assert instance["associatePublicIpAddress"] is False
    assert "keyName" not in instance
    assert instance["vpcSecurityGroupIds"] == ["sg-server"]
    assert instance["monitoring"] is True


def test_only_ec2_may_take_its_role_which_is_managed_by_ssm() -> None:
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


def test_its_role_may_do_three_things_each_with_one_resource() -> None:
    deployment = server()
    assert own_statements(deployment) == {
        "ssm:PutParameter": "status-arn",
        "secretsmanager:GetSecretValue": "credential-arn",
        "secretsmanager:PutSecretValue": "agent-arn",
    }
    assert deployment.waits_for(deployment.one(INSTANCE), deployment.one("rolePolicy:RolePolicy"))


def test_every_volume_is_encrypted_and_of_the_size_that_is_needed() -> None:
    instance = server(retentionGiB=800).one(INSTANCE).inputs
    root, volumes = instance["rootBlockDevice"], instance["ebsBlockDevices"]
    assert [volume["volumeSize"] for volume in volumes] == [1000, 800]
    assert len({volume["deviceName"] for volume in volumes}) == 2
    for volume in (root, *volumes):
        assert volume["encrypted"] is True
        assert volume["volumeType"] == "gp3"
        assert volume["deleteOnTermination"] is True


@pytest.mark.parametrize("address", [None, "10.10.2.10"])
def test_it_has_the_subnet_and_address_of_the_config(address: str | None) -> None:
    instance = server(**({"privateIp": address} if address else {})).one(INSTANCE).inputs
    assert instance["subnetId"] == "subnet-0123456789abcdef0"
    assert instance["ami"] == "ami-1"
    assert instance["instanceType"] == "c5.4xlarge"
    assert instance.get("privateIp") == address


def test_whoever_installs_it_finds_its_role_and_vault_in_its_tags() -> None:
    assert server(name="asr-1").one(INSTANCE).inputs["tags"] == {
        **TAGS,
        "Name": "asr-1",
        "site-recovery:role": "configuration-server",
        "site-recovery:vault": VAULT,
    }


def test_it_boots_after_its_rules_and_its_credential_exist() -> None:
    deployment = server()
    instance = deployment.one(INSTANCE)
    assert deployment.waits_for(instance, deployment.one("SecurityGroup", "rule"))
    assert deployment.waits_for(instance, deployment.one("SecretVersion"))


def test_it_is_unregistered_before_it_ends() -> None:
    deployment = server()
    assert deployment.waits_for(
        deployment.one("dynamic/asr:Registration"), deployment.one(INSTANCE)
    )


def test_registration_looks_for_the_server_by_the_name_it_has() -> None:
    deployment = server(name="asr-1")
    registration = deployment.one("dynamic/asr:Registration").inputs
    assert registration["server_name"] == deployment.one(INSTANCE).inputs["tags"]["Name"]
    assert registration["vault_id"] == VAULT
    assert registration["experience"] == "classic"
    assert registration["keep"] is False
    assert registration["region"] == "eu-west-1"
    assert registration["timeout_seconds"] == 3600
    assert registration["poll_seconds"] == 0.5


def test_a_newer_image_disk_size_or_script_does_not_end_a_server_that_replicates() -> None:
    assert server().one(INSTANCE).ignored == {"ami", "ebsBlockDevices", "userData"}


def test_it_is_told_where_its_credential_is_and_not_what_it_is() -> None:
    deployment = server(
        name="asr-1", installer={"url": "https://example.com/setup.exe", "sha256": "a" * 64}
    )
    instance = deployment.one(INSTANCE)
    assert told(instance) == {
        "role": "configuration-server",
        "region": "eu-west-1",
        "computerName": "asr-1",
        "statusParameter": "/ec2-to-azure-test/configuration-server/status",
        "agentSecretId": "agent-arn",
        "installerUrl": "https://example.com/setup.exe",
        "installerSha256": "a" * 64,
        "credentialSecretId": "credential-arn",
        "proxy": None,
        "proxyBypass": [],
    }
    assert FILE not in json.dumps(instance.inputs)


def test_only_the_secret_holds_the_credential_and_as_a_secret() -> None:
    deployment = server()
    version = deployment.one("SecretVersion")
    assert revealed(version.inputs["secretString"]) == FILE
    holders = [found.name for found in deployment if FILE in json.dumps(found.inputs, default=str)]
    assert holders == [version.name]


def test_secrets_leave_nothing_behind_when_they_are_deleted() -> None:
    secrets = server().all("secret:Secret")
    assert {secret.name for secret in secrets} == {"agent", "credential"}
    assert {secret.inputs["recoveryWindowInDays"] for secret in secrets} == {0}


def test_the_agents_of_the_machines_may_read_their_secret_and_no_other() -> None:
    policies = server(READERS).all("SecretPolicy")
    (policy,) = policies
    assert policy.inputs["secretArn"] == "agent-arn"
    assert policy.inputs["blockPublicPolicy"] is True
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert statement.pop("Sid").isalnum()
    assert statement == {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "agent-arn",
        "Principal": {"AWS": sorted(READERS)},
    }


def test_the_policy_is_another_one_once_a_role_was_made_again_with_the_same_name() -> None:
    def policy(readers: Mapping[str, str]) -> str:
        return str(server(readers).one("SecretPolicy").inputs["policy"])

    (web, db) = READERS
    assert policy(READERS) == policy({db: "AROADB", web: "AROAWEB"})
    assert policy(READERS) != policy({**READERS, web: "AROAOTHER"})


def test_without_readers_there_is_no_policy_on_the_secret() -> None:
    assert server().all("SecretPolicy") == []


def test_its_status_begins_as_starting_and_is_its_own_to_change() -> None:
    deployment = server()
    status = deployment.one("ssm/parameter:Parameter")
    assert json.loads(revealed(status.inputs["value"]))["state"] == "starting"
    assert status.ignored == {"name", "value"}
    registration = deployment.one("dynamic/asr:Registration").inputs
    assert registration["status_parameter"] == status.inputs["name"]


def test_a_server_that_a_person_installs_gets_no_script_no_credential_and_no_status() -> None:
    deployment = server(installation="manual")
    assert "userData" not in deployment.one(INSTANCE).inputs
    assert deployment.all("dynamic/asr:Credentials") == []
    assert deployment.all("SecretVersion") == []
    assert deployment.one("dynamic/asr:Registration").inputs["status_parameter"] == ""
    assert own_statements(deployment) == {"secretsmanager:PutSecretValue": "agent-arn"}
