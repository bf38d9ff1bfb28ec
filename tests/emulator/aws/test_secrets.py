"""Secrets Manager of the local AWS: policies of secrets, and the access that they give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.aws.fleet import PROFILE
from emulator.aws.permissions import Permissions
from tests.emulator.aws.systems_manager_aws import Cloud
from tests.local_aws import local_aws

READ = "secretsmanager:GetSecretValue"
ROLE = f"arn:aws:iam::123456789012:role/{PROFILE}"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with local_aws() as local:
        yield Cloud(local)


@pytest.fixture
def secret(cloud: Cloud) -> Iterator[str]:
    """The ARN of a secret."""
    secrets = cloud.client("secretsmanager")
    arn = secrets.create_secret(Name="agent", SecretString="{}")["ARN"]
    yield arn
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def policy(principal: Any, effect: str = "Allow", **more: Any) -> str:
    statement = {"Effect": effect, "Principal": principal, "Action": READ, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_policy_lets_the_machines_role_read_and_no_policy_does_not(
    cloud: Cloud, secret: str
) -> None:
    secrets, may = cloud.client("secretsmanager"), Permissions(cloud.client)

    def allowed() -> bool:
        found = secrets.get_resource_policy(SecretId=secret).get("ResourcePolicy")
        role = may.role_of(PROFILE)
        assert role is not None
        return may.allows(role, READ, secret, found)

    assert not allowed()
    secrets.put_resource_policy(
        SecretId=secret, ResourcePolicy=policy({"AWS": [ROLE]}), BlockPublicPolicy=True
    )
    assert allowed()
    secrets.put_resource_policy(SecretId=secret, ResourcePolicy=policy({"AWS": ROLE}, "Deny"))
    assert not allowed()
    secrets.delete_resource_policy(SecretId=secret)
    assert not allowed()


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("{", "MalformedPolicyDocumentException"),
        ("[]", "MalformedPolicyDocumentException"),
        ("{}", "MalformedPolicyDocumentException"),
        (
            json.dumps({"Statement": {"Effect": "Allow", "Action": READ, "Resource": "*"}}),
            "MalformedPolicyDocumentException",
        ),
        (
            policy({"AWS": "arn:aws:iam::123456789012:role/nobody"}),
            "MalformedPolicyDocumentException",
        ),
        (
            policy({"AWS": ["arn:aws:iam::123456789012:user/nobody"]}),
            "MalformedPolicyDocumentException",
        ),
        (policy("*"), "PublicPolicyException"),
        (policy({"AWS": [ROLE, "*"]}), "PublicPolicyException"),
    ],
)
def test_what_secrets_manager_would_not_take_is_refused(
    cloud: Cloud, secret: str, text: str, refusal: str
) -> None:
    secrets = cloud.client("secretsmanager")
    with pytest.raises(ClientError) as refused:
        secrets.put_resource_policy(SecretId=secret, ResourcePolicy=text, BlockPublicPolicy=True)
    assert refused.value.response["Error"]["Code"] == refusal
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId=secret)


@pytest.mark.parametrize(
    "text",
    [
        policy("*", Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}}),
        policy("*", "Deny"),
        policy({"AWS": "arn:aws:iam::123456789012:root"}),
        policy({"Service": "ssm.amazonaws.com"}),
    ],
)
def test_what_lets_not_everybody_in_is_taken(cloud: Cloud, secret: str, text: str) -> None:
    secrets = cloud.client("secretsmanager")
    secrets.put_resource_policy(SecretId=secret, ResourcePolicy=text, BlockPublicPolicy=True)
    assert secrets.get_resource_policy(SecretId=secret)["ResourcePolicy"] == text


@pytest.mark.parametrize("several", [False, True])
def test_a_role_that_was_made_again_may_not_read_until_the_policy_is_put_anew(
    cloud: Cloud, secret: str, several: bool
) -> None:
    iam, secrets = cloud.client("iam"), cloud.client("secretsmanager")
    may = Permissions(cloud.client)

    def make() -> str:
        return str(iam.create_role(RoleName="web", AssumeRolePolicyDocument="{}")["Role"]["RoleId"])

    def named() -> Any:
        found = secrets.get_resource_policy(SecretId=secret)["ResourcePolicy"]
        return json.loads(found)["Statement"][0]["Principal"]["AWS"]

    def allowed() -> bool:
        found = secrets.get_resource_policy(SecretId=secret)["ResourcePolicy"]
        return may.allows("web", READ, secret, found)

    first = make()
    arn = "arn:aws:iam::123456789012:role/web"
    text = policy({"AWS": [ROLE, arn] if several else arn})
    try:
        secrets.put_resource_policy(SecretId=secret, ResourcePolicy=text)
        assert allowed()
        iam.delete_role(RoleName="web")
        assert named() == ([ROLE, first] if several else first)
        assert not allowed()
        make()
        assert named() == ([ROLE, first] if several else first)
        assert not allowed()
        secrets.put_resource_policy(SecretId=secret, ResourcePolicy=text)
        assert secrets.get_resource_policy(SecretId=secret)["ResourcePolicy"] == text
        assert allowed()
    finally:
        iam.delete_role(RoleName="web")


def test_a_secret_may_not_name_the_id_of_a_role_that_is_gone(cloud: Cloud, secret: str) -> None:
    text = policy({"AWS": "AROA0123456789ABCDEFG"})
    with pytest.raises(ClientError) as refused:
        cloud.client("secretsmanager").put_resource_policy(SecretId=secret, ResourcePolicy=text)
    assert refused.value.response["Error"]["Code"] == "MalformedPolicyDocumentException"
