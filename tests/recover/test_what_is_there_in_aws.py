"""What the provider made is found by what the program declares, under the id that imports it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from recover import aws
from recover.declared import Declared
from recover.verdicts import Action, Found, decide
from site_recovery.aws import roles
from site_recovery.aws.kept_fence import KEPT
from site_recovery.aws.server_facts import ROLE_TAG, VAULT_TAG
from tests.emulator.providers.providers_client import UNKNOWN, Engine, running, urn
from tests.local_aws import LocalAws, local_aws

GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ATTACHMENT = (
    "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment"
)
INSTANCE = "aws:ec2/instance:Instance"
ROLE = "aws:iam/role:Role"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
SECRET = "aws:secretsmanager/secret:Secret"
PARAMETER = "aws:ssm/parameter:Parameter"
DOCUMENT = "aws:ssm/document:Document"
ASSOCIATION = "aws:ssm/association:Association"
VAULT = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/rsv"


@dataclass
class Cloud:
    """A local AWS, its provider, and what was made there by type."""

    engine: Engine
    local: LocalAws
    made: dict[str, str] = field(default_factory=dict)

    def make(self, token: str, inputs: Mapping[str, Any]) -> Declared:
        """Make a resource, as an engine does that is killed before it records the id."""
        resource = self.engine.create(token, "it", inputs)
        self.made[token] = resource.id
        return self.declared(token, resource.inputs)

    def declared(self, token: str, inputs: Mapping[str, Any]) -> Declared:
        return Declared(
            urn(token, "it"), token, "", inputs, {"region": self.local.estate["region"]}
        )

    def find(self, declared: Declared) -> Sequence[Found]:
        return aws.find([declared])[declared.urn]

    def interface(self, machine: str) -> str:
        ec2 = self.client("ec2")
        found = ec2.describe_instances(InstanceIds=[self.local.estate["machines"][machine]])
        interface = found["Reservations"][0]["Instances"][0]["NetworkInterfaces"][0]
        return str(interface["NetworkInterfaceId"])

    def client(self, service: str) -> Any:
        connect: Any = boto3.client
        return connect(service, region_name=self.local.estate["region"])


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with (
        local_aws() as local,
        running("emulator.providers.aws", local.environment) as engine,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in local.environment.items():
            patch.setenv(name, value)
        engine.configure(region=local.estate["region"])
        yield Cloud(engine, local)


def security_group(cloud: Cloud) -> dict[str, Any]:
    vpc = cloud.local.estate["vpc"]
    return {"name": "p-dev-server", "description": "ours", "vpcId": vpc, "tags": {"Name": "p"}}


def rule(cloud: Cloud) -> dict[str, Any]:
    return {
        "securityGroupId": cloud.made[GROUP],
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "description": "ours",
    }


def between_groups(cloud: Cloud) -> dict[str, Any]:
    return {**rule(cloud), "referencedSecurityGroupId": cloud.made[GROUP]}


def to_everywhere(cloud: Cloud) -> dict[str, Any]:
    return {**rule(cloud), "cidrIpv4": "0.0.0.0/0"}


def attachment(cloud: Cloud) -> dict[str, Any]:
    interface = cloud.interface("web-01")
    return {"securityGroupId": cloud.made[GROUP], "networkInterfaceId": interface}


def instance(cloud: Cloud) -> dict[str, Any]:
    return {
        "ami": cloud.local.estate["images"]["windows-server-2016"],
        "instanceType": "m5.xlarge",
        "subnetId": cloud.local.estate["subnets"]["migration"],
        "tags": {"Name": "asr-cs", ROLE_TAG: "configuration-server", VAULT_TAG: VAULT},
    }


def role(cloud: Cloud) -> dict[str, Any]:
    trust = {"Version": "2012-10-17", "Statement": []}
    return {"name": "p-dev", "description": "ours", "assumeRolePolicy": json.dumps(trust)}


def profile(cloud: Cloud) -> dict[str, Any]:
    return {"name": "p-dev", "role": cloud.made[ROLE]}


def secret(cloud: Cloud) -> dict[str, Any]:
    return {"name": "p-dev-agent", "description": "ours", "recoveryWindowInDays": 0}


def parameter(cloud: Cloud) -> dict[str, Any]:
    return {"name": "/p-dev/status", "description": "ours", "type": "String", "value": "x"}


def document(cloud: Cloud, says: str = "echo ours") -> dict[str, Any]:
    step = {"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": [says]}}
    content = {"schemaVersion": "2.2", "description": "d", "mainSteps": [step]}
    return {
        "name": "p-dev-agent-linux",
        "documentType": "Command",
        "documentFormat": "JSON",
        "content": json.dumps(content),
    }


def association(cloud: Cloud) -> dict[str, Any]:
    machine = cloud.local.estate["machines"]["app-01"]
    return {
        "associationName": "p-dev-agent-linux",
        "name": cloud.made[DOCUMENT],
        "targets": [{"key": "InstanceIds", "values": [machine]}],
        "scheduleExpression": "rate(30 minutes)",
    }


# A type that another one needs comes after it: what one test made stays for the next.
TYPES: Mapping[str, Callable[[Cloud], dict[str, Any]]] = {
    GROUP: security_group,
    INGRESS: between_groups,
    EGRESS: to_everywhere,
    ATTACHMENT: attachment,
    INSTANCE: instance,
    ROLE: role,
    PROFILE: profile,
    SECRET: secret,
    PARAMETER: parameter,
    DOCUMENT: document,
    ASSOCIATION: association,
}


def test_every_type_is_tested_here() -> None:
    assert set(TYPES) == set(aws.FINDERS)


@pytest.mark.parametrize("token", TYPES)
def test_what_was_made_is_found_and_imported_under_its_id(cloud: Cloud, token: str) -> None:
    inputs = TYPES[token](cloud)
    assert cloud.find(cloud.declared(token, inputs)) == ()

    declared = cloud.make(token, inputs)
    verdict = decide(declared, cloud.find(declared))

    assert (verdict.action, verdict.id) == (Action.IMPORT, cloud.made[token])
    taken = cloud.engine.adopt(token, "it", verdict.id)
    assert taken is not None
    kinds = set(cloud.engine.changes(taken, inputs).values())
    assert {kind for kind in kinds if kind.endswith("REPLACE")} == set()


FOREIGN: Mapping[str, Mapping[str, Any]] = {
    GROUP: {"description": "another"},
    INSTANCE: {"subnetId": "subnet-0123456789abcdef0"},
    ROLE: {"description": "another"},
    PROFILE: {"role": "another"},
    SECRET: {"description": "another"},
    PARAMETER: {"description": "another"},
    DOCUMENT: {"content": "{}"},
    ASSOCIATION: {"name": "another"},
}


@pytest.mark.parametrize("token", FOREIGN)
def test_what_somebody_else_made_under_the_name_is_refused(cloud: Cloud, token: str) -> None:
    declared = cloud.declared(token, {**TYPES[token](cloud), **FOREIGN[token]})

    verdict = decide(declared, cloud.find(declared))

    assert verdict.action is Action.REFUSE
    assert cloud.made[token] in verdict.text


def test_a_group_of_which_aws_made_the_name_is_found_and_not_one_that_an_earlier_stack_left(
    cloud: Cloud,
) -> None:
    vpc = cloud.local.estate["vpc"]
    fence = {"namePrefix": "p-dev-fence-", "description": "ours", "vpcId": vpc}
    left = {**fence, "tags": {"Name": f"p-dev-fence{KEPT}"}}
    cloud.engine.create(GROUP, "left", left)
    declared = cloud.declared(GROUP, {**fence, "tags": {"Name": "p-dev-fence"}})
    assert cloud.find(declared) == ()

    made = cloud.engine.create(GROUP, "fence", declared.inputs)

    assert [found.id for found in cloud.find(declared)] == [made.id]


def test_a_server_of_another_vault_is_not_seen(cloud: Cloud) -> None:
    inputs = instance(cloud)
    inputs["tags"] |= {VAULT_TAG: VAULT.replace("rsv", "another")}

    assert cloud.find(cloud.declared(INSTANCE, inputs)) == ()


def test_the_server_of_another_stack_over_the_vault_is_refused(cloud: Cloud) -> None:
    """It may have the same name and subnet, but not the role of this stack."""
    inputs = {**instance(cloud), "iamInstanceProfile": "p-dev-server"}

    verdict = decide(declared := cloud.declared(INSTANCE, inputs), cloud.find(declared))

    assert verdict.action is Action.REFUSE
    assert "no instance profile ('p-dev-server' is declared)" in verdict.text


def test_two_servers_are_both_named(cloud: Cloud) -> None:
    first = cloud.made[INSTANCE]
    declared = cloud.make(INSTANCE, instance(cloud))

    verdict = decide(declared, cloud.find(declared))

    assert verdict.action is Action.REFUSE
    assert first in verdict.text
    assert cloud.made[INSTANCE] in verdict.text


@pytest.mark.parametrize("token", [token for token in TYPES if token != INSTANCE])
def test_nothing_is_looked_for_while_its_identity_is_unknown(cloud: Cloud, token: str) -> None:
    unknown = dict.fromkeys(TYPES[token](cloud), UNKNOWN)

    assert cloud.find(cloud.declared(token, unknown)) == ()


def test_each_is_looked_for_in_the_role_of_its_own_provider(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stack whose `aws:assumeRoles` was changed has providers with either role in its record."""

    class Account:
        """IAM of the account in whose role it was made."""

        def __init__(self) -> None:
            role = roles.used()
            self.account = role.arn.split(":")[4] if role else "own"

        def get_role(self, *, RoleName: str) -> dict[str, Any]:  # noqa: N803
            return {"Role": {"Description": self.account}}

    def declared(name: str, account: str) -> Declared:
        chosen = [{"roleArn": f"arn:aws:iam::{account}:role/migration"}] if account else None
        provider = {"region": "eu-west-1", "assumeRoles": json.dumps(chosen) if chosen else ""}
        return Declared(urn(ROLE, name), ROLE, "", {"name": "p-dev"}, provider)

    monkeypatch.setattr(aws, "_connect", lambda *_: Account())
    accounts = {"a": "1" * 12, "b": "2" * 12, "c": "1" * 12, "d": ""}
    found = aws.find(declared(name, account) for name, account in accounts.items())
    there = [found[urn(ROLE, name)][0].evidence["description"][1] for name in accounts]
    assert there == ["1" * 12, "2" * 12, "1" * 12, "own"]
