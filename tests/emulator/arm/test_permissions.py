"""The evaluation of IAM policies: first as a pure function, then with policies from IAM."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from emulator.aws import policies
from emulator.aws.permissions import Permissions
from emulator.aws.policies import Request

ROLE = "arn:aws:iam::123456789012:role/server"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:agent-AbCdEf"
READ = "secretsmanager:GetSecretValue"
REQUEST = Request(ROLE, READ, SECRET)
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "ec2.amazonaws.com"},
    "Action": "sts:AssumeRole",
}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any = READ, resource: Any = SECRET, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = READ, resource: Any = SECRET, **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        (allow(), "allow"),
        (allow("secretsmanager:*"), "allow"),
        (allow("SECRETSMANAGER:getsecretvalue"), "allow"),
        (allow(["s3:GetObject", "secretsmanager:Get*Value"], ["*"]), "allow"),
        (allow(resource="arn:aws:secretsmanager:*:*:secret:agent-??????"), "allow"),
        (allow(resource=SECRET.upper()), None),
        (allow(resource=SECRET[:-1]), None),
        (allow("secretsmanager:PutSecretValue"), None),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "allow"),
        ({"Effect": "Allow", "NotAction": "secretsmanager:*", "Resource": "*"}, None),
        ({"Effect": "Deny", "Action": "*", "NotResource": SECRET}, None),
        (allow(Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/s*"}}), "allow"),
        (allow(Condition={"StringEquals": {"aws:PrincipalAccount": "210987654321"}}), None),
        (allow(Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}}), None),
        (deny(Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}}), "deny"),
        (deny(Condition={"ArnNotEquals": {"aws:PrincipalArn": ROLE}}), None),
    ],
)
def test_a_statement_speaks_of_what_it_covers(
    statement: dict[str, Any], verdict: str | None
) -> None:
    assert policies.of_identity([policy(statement)], REQUEST) == verdict


def test_a_denial_wins_over_any_permission() -> None:
    assert policies.of_identity([policy(allow()), policy(deny("*", "*"))], REQUEST) == "deny"


@pytest.mark.parametrize(
    ("principal", "verdict"),
    [
        ("*", "allow"),
        ({"AWS": "*"}, "allow"),
        ({"AWS": ROLE}, "allow"),
        ({"AWS": ["arn:aws:iam::123456789012:role/other", ROLE]}, "allow"),
        ({"AWS": "arn:aws:iam::123456789012:role/other"}, None),
        ({"AWS": "arn:aws:iam::123456789012:root"}, None),
        ({"Service": "ssm.amazonaws.com"}, None),
    ],
)
def test_a_resource_lets_in_whom_its_policy_names(principal: Any, verdict: str | None) -> None:
    own = policy(allow(resource="*", Principal=principal))
    assert policies.of_resource(json.dumps(own), REQUEST) == verdict


def test_a_denial_for_the_whole_account_denies_its_roles() -> None:
    root = {"AWS": "arn:aws:iam::123456789012:root"}
    assert policies.of_resource(policy(deny(Principal=root)), REQUEST) == "deny"
    assert policies.of_resource(policy(deny(NotPrincipal={"AWS": ROLE})), REQUEST) is None
    assert policies.of_resource(policy(deny(NotPrincipal={"AWS": "x"})), REQUEST) == "deny"


@pytest.mark.parametrize("text", ["{", "[]", '"text"'])
def test_a_policy_that_is_none_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        policies.of_resource(text, REQUEST)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    connect: Any = boto3.client
    with mock_aws():
        iam = connect("iam", region_name="eu-west-1")
        iam.create_role(RoleName="server", AssumeRolePolicyDocument=json.dumps(policy(TRUST)))
        yield lambda service: connect(service, region_name="eu-west-1")


def test_attached_and_inline_policies_of_a_role_both_count(client: Callable[[str], Any]) -> None:
    iam, may = client("iam"), Permissions(client)
    assert not may.allows("server", READ, SECRET)
    made = iam.create_policy(PolicyName="read", PolicyDocument=json.dumps(policy(allow())))
    iam.attach_role_policy(RoleName="server", PolicyArn=made["Policy"]["Arn"])
    assert may.allows("server", READ, SECRET)
    iam.put_role_policy(
        RoleName="server", PolicyName="not", PolicyDocument=json.dumps(policy(deny()))
    )
    assert not may.allows("server", READ, SECRET)
    iam.delete_role_policy(RoleName="server", PolicyName="not")
    changed = json.dumps(policy(allow("ssm:*")))
    iam.create_policy_version(
        PolicyArn=made["Policy"]["Arn"], PolicyDocument=changed, SetAsDefault=True
    )
    assert not may.allows("server", READ, SECRET)


def test_the_policy_of_a_resource_is_enough_and_can_take_all_away(
    client: Callable[[str], Any],
) -> None:
    may = Permissions(client)
    assert may.allows("server", READ, SECRET, policy(allow(Principal={"AWS": ROLE})))
    client("iam").put_role_policy(
        RoleName="server", PolicyName="own", PolicyDocument=json.dumps(policy(allow()))
    )
    assert may.allows("server", READ, SECRET)
    assert not may.allows("server", READ, SECRET, json.dumps(policy(deny(Principal="*"))))


def test_a_boundary_limits_what_policies_allow(client: Callable[[str], Any]) -> None:
    iam, may = client("iam"), Permissions(client)
    limit = iam.create_policy(
        PolicyName="l", PolicyDocument=json.dumps(policy(allow("ssm:*", "*")))
    )
    iam.put_role_policy(
        RoleName="server",
        PolicyName="own",
        PolicyDocument=json.dumps(policy(allow([READ, "ssm:GetParameter"], "*"))),
    )
    iam.put_role_permissions_boundary(RoleName="server", PermissionsBoundary=limit["Policy"]["Arn"])
    assert may.allows("server", "ssm:GetParameter", "arn:aws:ssm:eu-west-1:1:parameter/p")
    assert not may.allows("server", READ, SECRET)


def test_who_is_not_there_may_nothing(client: Callable[[str], Any]) -> None:
    assert not Permissions(client).allows("stranger", READ, SECRET)


def test_a_profile_gives_its_role(client: Callable[[str], Any]) -> None:
    iam, may = client("iam"), Permissions(client)
    iam.create_instance_profile(InstanceProfileName="machine")
    assert may.role_of("machine") is None
    iam.add_role_to_instance_profile(InstanceProfileName="machine", RoleName="server")
    assert may.role_of("arn:aws:iam::123456789012:instance-profile/machine") == "server"
    assert may.role_of("other") is None
