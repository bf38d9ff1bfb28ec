"""The `aws` provider's types of Secrets Manager and Systems Manager, against the local AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from tests.emulator.providers.providers_client import UNKNOWN, Engine, Refused, running
from tests.local_aws import local_aws

SECRET = "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy"
PARAMETER = "aws:ssm/parameter:Parameter"
DOCUMENT = "aws:ssm/document:Document"
ASSOCIATION = "aws:ssm/association:Association"


@dataclass
class Aws:
    engine: Engine
    secrets: Any
    ssm: Any
    machines: dict[str, str]


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with local_aws() as local, running("emulator.providers.aws", local.environment) as engine:

        def client(service: str) -> Any:
            connect: Any = boto3.client
            return connect(
                service,
                endpoint_url=local.endpoint,
                region_name=local.estate["region"],
                aws_access_key_id="local",
                aws_secret_access_key="local",
            )

        engine.configure(region=local.estate["region"])
        yield Aws(engine, client("secretsmanager"), client("ssm"), local.estate["machines"])


def content(*lines: str, **parameters: Any) -> dict[str, Any]:
    step = {"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": list(lines)}}
    return {"schemaVersion": "2.2", "parameters": parameters, "mainSteps": [step]}


# -- Secrets Manager --------------------------------------------------------------------------


def test_a_secret_is_made_changed_and_gone_at_once_without_a_window(aws: Aws) -> None:
    inputs = {"name": "credential", "recoveryWindowInDays": 0, "tags": {"for": "server"}}
    made = aws.engine.create(SECRET, "credential", inputs)
    assert made.id == made.state["arn"]
    assert aws.engine.changes(made, inputs) == {}
    described = {**inputs, "description": "of the server", "tags": {"for": "all"}}
    assert aws.engine.changes(made, described) == {"description": "UPDATE", "tags.for": "UPDATE"}
    changed = aws.engine.update(made, described)
    assert (changed.state["description"], changed.state["tags"]) == (
        "of the server",
        {"for": "all"},
    )
    fresh = aws.engine.refresh(changed)
    assert fresh is not None
    assert (fresh.inputs, fresh.state) == (changed.inputs, changed.state)
    assert aws.engine.changes(made, {**inputs, "name": "other"}) == {"name": "UPDATE_REPLACE"}
    aws.engine.delete(changed)
    assert aws.engine.refresh(changed) is None
    aws.engine.delete(changed)  # gone is gone
    again = aws.engine.create(SECRET, "credential", inputs)
    aws.engine.delete(again)


def test_a_secret_with_a_window_keeps_its_name_taken(aws: Aws) -> None:
    inputs = {"name": "kept", "recoveryWindowInDays": 7}
    made = aws.engine.create(SECRET, "kept", inputs)
    aws.engine.delete(made)
    assert aws.engine.refresh(made) is None
    assert "DeletedDate" in aws.secrets.describe_secret(SecretId=made.id)
    with pytest.raises(Refused, match="AWS refused CreateSecret"):
        aws.engine.create(SECRET, "kept", inputs)


@pytest.mark.parametrize("days", [1, 6, 31])
def test_a_window_that_the_service_has_not_is_refused_at_check(aws: Aws, days: int) -> None:
    _, failures = aws.engine.check(SECRET, "s", {"recoveryWindowInDays": days})
    assert f"must be 0, or from 7 to 30, not {days}" in failures[0]


def test_a_new_value_is_a_new_version_and_the_old_one_is_let_go(aws: Aws) -> None:
    secret = aws.engine.create(SECRET, "valued", {"recoveryWindowInDays": 0})
    inputs = {"secretId": secret.id, "secretString": "first"}
    first = aws.engine.create(VERSION, "v", inputs)
    assert first.id == f"{secret.id}|{first.state['versionId']}"
    assert first.state["secretString"] == "first"
    assert aws.engine.changes(first, inputs) == {}
    new = {**inputs, "secretString": "second"}
    assert aws.engine.changes(first, new) == {"secretString": "UPDATE_REPLACE"}
    second = aws.engine.create(VERSION, "v", new)
    aws.engine.delete(first)
    assert aws.secrets.get_secret_value(SecretId=secret.id)["SecretString"] == "second"
    labels = aws.secrets.describe_secret(SecretId=secret.id)["VersionIdsToStages"]
    assert labels.get(first.state["versionId"], []) == []
    assert labels[second.state["versionId"]] == ["AWSCURRENT"]


def test_a_version_is_known_by_itself_when_somebody_put_a_newer_one(aws: Aws) -> None:
    secret = aws.engine.create(SECRET, "shared", {"recoveryWindowInDays": 0})
    inputs = {"secretId": secret.id, "secretString": "ours"}
    made = aws.engine.create(VERSION, "v", inputs)
    aws.secrets.put_secret_value(SecretId=secret.id, SecretString="theirs")
    fresh = aws.engine.refresh(made)
    assert fresh is not None
    assert fresh.state["secretString"] == "ours"
    assert fresh.state["versionStages"] == ["AWSPREVIOUS"]
    assert aws.engine.changes(fresh, inputs) == {}
    aws.engine.delete(secret)
    assert aws.engine.refresh(made) is None


def test_the_policy_of_a_secret_is_put_and_taken_away(aws: Aws) -> None:
    secret = aws.engine.create(SECRET, "guarded", {"recoveryWindowInDays": 0})
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:role/estate-machine"},
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    inputs = {"secretArn": secret.id, "policy": policy}
    made = aws.engine.create(POLICY, "p", inputs)
    put = aws.secrets.get_resource_policy(SecretId=secret.id)["ResourcePolicy"]
    assert json.loads(put) == policy
    assert aws.engine.changes(made, {**inputs, "policy": json.dumps(policy, indent=1)}) == {}
    wider = {**inputs, "policy": {**policy, "Statement": [{**statement, "Principal": "*"}]}}
    assert aws.engine.changes(made, wider) == {"policy": "UPDATE"}
    changed = aws.engine.update(made, wider)
    secret_now = aws.engine.refresh(secret)
    assert secret_now is not None
    # The secret does not see a policy that is a resource of its own as a change of itself.
    assert aws.engine.changes(secret_now, {"recoveryWindowInDays": 0}) == {}
    aws.engine.delete(changed)
    assert aws.engine.refresh(changed) is None
    assert "ResourcePolicy" not in aws.secrets.get_resource_policy(SecretId=secret.id)


def test_a_policy_that_is_no_json_is_refused(aws: Aws) -> None:
    _, failures = aws.engine.check(POLICY, "p", {"secretArn": "arn", "policy": "{"})
    assert "is not a JSON policy" in failures[0]


# -- parameters -------------------------------------------------------------------------------


def test_a_parameter_is_made_changed_and_removed(aws: Aws) -> None:
    inputs = {"name": "/m/status", "type": "String", "value": "starting", "tags": {"a": "1"}}
    made = aws.engine.create(PARAMETER, "status", inputs)
    assert made.id == "/m/status"
    assert made.state["arn"].endswith(":parameter/m/status")
    assert made.state["version"] == 1
    assert aws.engine.changes(made, inputs) == {}
    new = {**inputs, "value": "waiting", "description": "how far it is"}
    changes = {"value": "UPDATE", "description": "UPDATE"}
    assert aws.engine.changes(made, new) == changes
    changed = aws.engine.update(made, new)
    assert (changed.state["version"], changed.state["value"]) == (2, "waiting")
    assert aws.engine.changes(changed, new) == {}
    tagged = aws.engine.update(changed, {**new, "tags": {"b": "2"}})
    assert (tagged.state["version"], tagged.state["tags"]) == (2, {"b": "2"})
    aws.engine.delete(tagged)
    assert aws.engine.refresh(tagged) is None


def test_a_value_that_is_ignored_may_be_anybodys(aws: Aws) -> None:
    inputs = {"name": "/m/shared", "type": "String", "value": '{"state":"starting"}'}
    made = aws.engine.create(PARAMETER, "shared", inputs)
    aws.ssm.put_parameter(Name="/m/shared", Value='{"state":"succeeded"}', Overwrite=True)
    fresh = aws.engine.refresh(made)
    assert fresh is not None
    assert aws.engine.changes(fresh, inputs) == {"value": "UPDATE"}
    assert aws.engine.changes(fresh, inputs, ignore=["value"]) == {}
    # What the engine sends for an ignored property is what it last knew.
    again = aws.engine.update(fresh, {**inputs, "value": fresh.inputs["value"], "tags": {"a": "1"}})
    assert again.state["value"] == '{"state":"succeeded"}'
    assert again.state["version"] == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"insecureValue": "y"}, "exactly one of value and insecureValue"),
        ({"value": None}, "exactly one of value and insecureValue"),
        ({"value": None, "insecureValue": "y", "type": "SecureString"}, "not for type"),
    ],
)
def test_a_parameter_has_one_value_of_its_kind(
    aws: Aws, change: dict[str, Any], reason: str
) -> None:
    _, failures = aws.engine.check(PARAMETER, "p", {"type": "String", "value": "x", **change})
    assert any(reason in failure for failure in failures)


def test_a_name_that_is_taken_is_not_overwritten_unasked(aws: Aws) -> None:
    aws.ssm.put_parameter(Name="/m/theirs", Value="theirs", Type="String")
    inputs = {"name": "/m/theirs", "type": "String", "value": "ours", "tags": {"a": "1"}}
    with pytest.raises(Refused, match="ParameterAlreadyExists"):
        aws.engine.create(PARAMETER, "p", inputs)
    made = aws.engine.create(PARAMETER, "p", {**inputs, "overwrite": True})
    assert (made.state["value"], made.state["tags"]) == ("ours", {"a": "1"})


@pytest.mark.parametrize("version", ["2016", "2022"])
def test_a_public_parameter_gives_the_newest_image(aws: Aws, version: str) -> None:
    name = f"/aws/service/ami-windows-latest/Windows_Server-{version}-English-Full-Base"
    found = aws.engine.invoke("aws:ssm/getParameter:getParameter", name=name)
    assert found["value"].startswith(f"ami-08f{version}")
    assert found["insecureValue"] == found["value"]


def test_a_secure_value_is_told_as_a_value_only(aws: Aws) -> None:
    aws.ssm.put_parameter(Name="/m/secure", Value="hidden", Type="SecureString")
    found = aws.engine.invoke("aws:ssm/getParameter:getParameter", name="/m/secure")
    assert (found["value"], "insecureValue" in found) == ("hidden", False)


# -- documents and associations ---------------------------------------------------------------


def test_new_content_of_a_document_is_its_new_default_version(aws: Aws) -> None:
    inputs = {"name": "agent", "documentType": "Command", "content": json.dumps(content("a"))}
    made = aws.engine.create(DOCUMENT, "agent", inputs)
    assert (made.id, made.state["defaultVersion"]) == ("agent", "1")
    assert aws.engine.changes(made, {**inputs, "content": json.dumps(content("a"), indent=1)}) == {}
    new = {**inputs, "content": json.dumps(content("b")), "tags": {"a": "1"}}
    assert aws.engine.changes(made, new) == {"content": "UPDATE", "tags.a": "ADD"}
    assert aws.engine.preview_update(made, new)["defaultVersion"] == UNKNOWN
    assert aws.engine.preview_update(made, {**inputs, "tags": {}})["defaultVersion"] == "1"
    changed = aws.engine.update(made, new)
    assert changed.state["defaultVersion"] == "2"
    held = aws.ssm.get_document(Name="agent")["Content"]
    assert json.loads(held)["mainSteps"][0]["inputs"]["runCommand"] == ["b"]
    tagged = aws.engine.update(changed, {**new, "tags": {"a": "2"}})
    assert (tagged.state["defaultVersion"], tagged.state["tags"]) == ("2", {"a": "2"})
    fresh = aws.engine.refresh(tagged)
    assert fresh is not None
    assert fresh.inputs == tagged.inputs
    assert "documentType" in aws.engine.diff(tagged, {**new, "documentType": "Session"}).replaces
    aws.engine.delete(tagged)
    assert aws.engine.refresh(tagged) is None


def test_an_association_runs_when_it_is_made_and_when_it_changes(aws: Aws) -> None:
    document = aws.engine.create(
        DOCUMENT,
        "associated",
        {
            "documentType": "Command",
            "content": content("a", Url={"type": "String"}, Sum={"type": "String", "default": ""}),
        },
    )
    web = aws.machines["web-01"]
    inputs = {
        "name": document.id,
        "associationName": "wave-1-agent-windows",
        "documentVersion": document.state["defaultVersion"],
        "parameters": {"Url": "https://a", "Sum": ""},
        "targets": [{"key": "InstanceIds", "values": [web]}],
        "scheduleExpression": "rate(30 minutes)",
        "maxConcurrency": "50",
        "maxErrors": "100%",
        "tags": {"wave": "1"},
    }
    made = aws.engine.create(ASSOCIATION, "associated", inputs)

    def executions() -> list[str]:
        found = aws.ssm.describe_association_executions(AssociationId=made.id)
        return [one["AssociationVersion"] for one in found["AssociationExecutions"]]

    assert made.state["associationId"] == made.id
    assert executions() == ["1"]
    assert aws.engine.changes(made, inputs) == {}
    fresh = aws.engine.refresh(made)
    assert fresh is not None
    assert (fresh.inputs, fresh.state) == (made.inputs, made.state)
    tagged = aws.engine.update(made, {**inputs, "tags": {"wave": "2"}})
    assert tagged.state["tags"] == {"wave": "2"}
    assert executions() == ["1"]
    both = [{"key": "InstanceIds", "values": [web, aws.machines["web-02"]]}]
    new = {**inputs, "targets": both, "parameters": {"Url": "https://b", "Sum": ""}}
    assert aws.engine.changes(made, new) == {
        "parameters.Url": "UPDATE",
        "targets[0].values[1]": "ADD",
    }
    changed = aws.engine.update(tagged, new)
    assert executions() == ["2", "1"]
    assert changed.state["parameters"]["Url"] == "https://b"
    assert aws.engine.changes(changed, {**new, "name": "x"})["name"] == "UPDATE_REPLACE"
    aws.engine.delete(changed)
    assert aws.engine.refresh(changed) is None


def test_parameters_that_the_document_has_not_are_refused(aws: Aws) -> None:
    document = aws.engine.create(
        DOCUMENT, "strict", {"documentType": "Command", "content": content("a")}
    )
    inputs = {
        "name": document.id,
        "parameters": {"Url": "https://a"},
        "targets": [{"key": "InstanceIds", "values": [aws.machines["web-01"]]}],
    }
    with pytest.raises(Refused, match="AWS refused CreateAssociation: InvalidParameters"):
        aws.engine.create(ASSOCIATION, "strict", inputs)
