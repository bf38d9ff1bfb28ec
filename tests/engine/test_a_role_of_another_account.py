"""A stack whose config names a role: plugin and program work in its account, and in no other."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.engine.harness import MACHINES_GROUP, Stack

pytestmark = pytest.mark.engine

OWN, OTHER = "123456789012", "210987654321"


def test_a_role_of_the_same_account_changes_nothing(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    stack.config["aws:assumeRoles"] = [{"roleArn": "arn:aws:iam::123456789012:role/estate-machine"}]
    preview = stack.preview()
    assert preview.code == 0, preview.text
    assert "AWS account 123456789012" in preview.text


def test_both_sides_of_a_run_work_in_the_account_of_the_role(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    stack.config["aws:assumeRoles"] = [{"roleArn": f"arn:aws:iam::{OTHER}:role/migration"}]
    preview = stack.preview()
    text = " ".join(preview.text.split())
    assert preview.code != 0
    # In that account there is nothing of what the config names.
    assert "to take the machine out of the migration" in text
    assert "one run would work in two accounts" not in text


def in_the_other_account(stack: Stack) -> dict[str, str]:
    """Credentials of a user of the other account, as the environment has them."""
    role = f"arn:aws:iam::{OTHER}:role/administrator"
    given = stack.clouds.client("sts").assume_role(RoleArn=role, RoleSessionName="test")
    iam = client(
        stack,
        "iam",
        {
            "AWS_ACCESS_KEY_ID": given["Credentials"]["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["Credentials"]["SecretAccessKey"],
        },
    )
    iam.create_user(UserName="pipeline")
    key = iam.create_access_key(UserName="pipeline")["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


def client(stack: Stack, service: str, credentials: dict[str, str]) -> Any:
    """A client of the local AWS with other credentials than those of the test."""
    connect: Any = boto3.client
    return connect(
        service,
        region_name="eu-west-1",
        endpoint_url=stack.clouds.environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
    )


def made_in_aws(stack: Stack, credentials: dict[str, str]) -> dict[str, set[str]]:
    """What an account has of the kinds of things that a stack makes."""
    ec2, secrets, iam = (
        client(stack, service, credentials) for service in ("ec2", "secretsmanager", "iam")
    )
    instances = ec2.describe_instances()["Reservations"]
    return {
        "instances": {each["Instances"][0]["InstanceId"] for each in instances},
        "groups": {each["GroupName"] for each in ec2.describe_security_groups()["SecurityGroups"]},
        "secrets": {each["Name"] for each in secrets.list_secrets()["SecretList"]},
        "roles": {each["RoleName"] for each in iam.list_roles()["Roles"]},
    }


def test_a_machine_of_another_account_than_that_of_the_credentials_is_migrated(
    stack: Stack,
) -> None:
    """The credentials are of one account, and the estate is in that of the role."""
    before = dict(stack.environment)
    credentials = in_the_other_account(stack)
    stack.environment |= credentials
    elsewhere = made_in_aws(stack, credentials)
    stack.config.pop("aws:assumeRoles", None)
    stack.declare(pilot=("protected", ["web-01"]))
    without = stack.preview()
    assert without.code != 0, "the account of the credentials has no such machine"

    role = f"arn:aws:iam::{OWN}:role/migration"
    stack.config["aws:assumeRoles"] = [{"roleArn": role, "sessionName": "pipeline"}]
    assert f"AWS account {OWN}" in stack.preview().text
    up = stack.up()
    assert up.code == 0, up.text
    assert stack.machine("web-01")["observedPhase"] == "protected"
    # The wave's provider works in EC2 and Systems Manager too.
    stack.waves["pilot"] |= {"phase": "migrated", "requireTestFailover": False, "cutover": {}}
    up = stack.up()
    assert up.code == 0, up.text
    assert stack.machine("web-01")["observedPhase"] == "migrated"
    assert set(stack.clouds.virtual_machines(MACHINES_GROUP)) == {"web-01"}
    source = stack.machines["web-01"]["instanceId"]
    [found] = stack.clouds.ec2().describe_instances(InstanceIds=[source])["Reservations"]
    assert found["Instances"][0]["State"]["Name"] == "stopped"
    assert made_in_aws(stack, credentials) == elsewhere
    assert elsewhere["instances"] == set()

    destroyed = stack.destroy()
    assert destroyed.code == 0, destroyed.text
    left = made_in_aws(stack, before)
    assert source in left["instances"]
    stays = [name for kind in ("groups", "secrets", "roles") for name in left[kind]]
    [fence] = [name for name in stays if "engine" in name]
    assert "-fence-" in fence, "only the fence of the source that is stopped stays"
