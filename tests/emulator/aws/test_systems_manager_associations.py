"""State Manager of the local AWS, over the real protocol, with agents that report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.aws.systems_manager_aws import Cloud
from tests.local_aws import local_aws

PARAMETERS = {
    "Url": {"type": "String", "allowedPattern": "https://.+"},
    "Experience": {
        "type": "String",
        "allowedValues": ["classic", "modernized"],
        "default": "classic",
    },
}
GOOD = {"Url": ["https://example.com/agent.zip"]}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with local_aws() as local:
        cloud = Cloud(local)
        step = {"action": "aws:runPowerShellScript", "name": "s", "inputs": {"runCommand": ["x"]}}
        content = {"schemaVersion": "2.2", "parameters": PARAMETERS, "mainSteps": [step]}
        cloud.ssm.create_document(Name="agent", Content=json.dumps(content), DocumentType="Command")
        yield cloud


@pytest.fixture
def associate(cloud: Cloud) -> Iterator[Callable[..., str]]:
    """Create associations, which are deleted after the test."""
    made = []

    def make(*machines: str, **more: Any) -> str:
        asked = {"Name": "agent", "Parameters": GOOD, "Targets": by_id(cloud, *machines), **more}
        made.append(cloud.ssm.create_association(**asked)["AssociationDescription"])
        return str(made[-1]["AssociationId"])

    yield make
    left = {one["AssociationId"] for one in cloud.ssm.list_associations()["Associations"]}
    for one in made:
        if one["AssociationId"] in left:
            cloud.ssm.delete_association(AssociationId=one["AssociationId"])


def by_id(cloud: Cloud, *machines: str) -> list[dict[str, Any]]:
    return [{"Key": "InstanceIds", "Values": [cloud.machines[name] for name in machines]}]


def code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def latest(cloud: Cloud, association: str) -> dict[str, Any]:
    found = cloud.ssm.describe_association_executions(AssociationId=association)
    execution: dict[str, Any] = found["AssociationExecutions"][0]
    return execution


def statuses(cloud: Cloud, association: str, **more: Any) -> dict[str, str]:
    found = cloud.ssm.describe_association_execution_targets(
        AssociationId=association, ExecutionId=latest(cloud, association)["ExecutionId"], **more
    )
    named = {instance: name for name, instance in cloud.machines.items()}
    return {named[one["ResourceId"]]: one["Status"] for one in found["AssociationExecutionTargets"]}


def test_agents_report_how_far_they_are(cloud: Cloud, associate: Callable[..., str]) -> None:
    made = associate("web-01", "web-02")
    assert statuses(cloud, made) == {"web-01": "Pending", "web-02": "Pending"}
    assert latest(cloud, made)["Status"] == "Pending"

    def report(machine: str, status: str, detail: str = "") -> None:
        answer = cloud.report(
            associationId=made,
            instanceId=cloud.machines[machine],
            status=status,
            detail=detail,
        )
        assert answer == (200, {})

    report("web-01", "InProgress")
    assert (latest(cloud, made)["Status"], statuses(cloud, made)["web-01"]) == (
        *("InProgress", "InProgress"),
    )
    report("web-01", "Success", "registered")
    report("web-02", "Failed", "The secret may not be read.")
    assert statuses(cloud, made) == {"web-01": "Success", "web-02": "Failed"}
    assert statuses(cloud, made, Filters=[{"Key": "Status", "Value": "Failed"}]) == {
        "web-02": "Failed"
    }
    assert latest(cloud, made)["Status"] == "Failed"
    assert latest(cloud, made)["ResourceCountByStatus"] == "{Success=1, Failed=1}"
    described = cloud.ssm.describe_association(AssociationId=made)["AssociationDescription"]
    assert described["Overview"]["AssociationStatusAggregatedCount"] == {"Success": 1, "Failed": 1}
    info = cloud.ssm.describe_instance_information(
        Filters=[{"Key": "InstanceIds", "Values": [cloud.machines["web-02"]]}]
    )["InstanceInformationList"][0]
    assert info["AssociationStatus"] == "Failed"


@pytest.mark.parametrize(
    ("status", "stream", "exit_code"),
    [("Success", "StandardOutputContent", 0), ("Failed", "StandardErrorContent", 1)],
)
def test_what_a_run_wrote_is_the_output_of_its_command(
    cloud: Cloud, associate: Callable[..., str], status: str, stream: str, exit_code: int
) -> None:
    made, web = associate("web-01"), cloud.machines["web-01"]
    for state, detail in (("InProgress", ""), (status, "as it is")):
        cloud.report(associationId=made, instanceId=web, status=state, detail=detail)
    (target,) = cloud.ssm.describe_association_execution_targets(
        AssociationId=made, ExecutionId=latest(cloud, made)["ExecutionId"]
    )["AssociationExecutionTargets"]
    assert target["OutputSource"]["OutputSourceType"] == "RunCommand"
    found = cloud.ssm.get_command_invocation(
        CommandId=target["OutputSource"]["OutputSourceId"], InstanceId=web
    )
    assert (found[stream], found["ResponseCode"]) == ("as it is", exit_code)


def test_a_change_and_a_start_run_it_again(cloud: Cloud, associate: Callable[..., str]) -> None:
    made = associate("web-01", AssociationName="again")
    first = latest(cloud, made)["ExecutionId"]
    web = cloud.machines["web-01"]
    cloud.report(associationId=made, instanceId=web, status="Success", detail="")
    cloud.ssm.start_associations_once(AssociationIds=[made])
    assert statuses(cloud, made) == {"web-01": "Pending"}
    changed = cloud.ssm.update_association(
        AssociationId=made, Name="agent", Parameters=GOOD, Targets=by_id(cloud, "web-02")
    )["AssociationDescription"]
    assert changed["AssociationVersion"] == "2"
    # What a change leaves out is gone.
    assert "AssociationName" not in changed
    assert statuses(cloud, made) == {"web-02": "Pending"}
    runs = cloud.ssm.describe_association_executions(AssociationId=made)["AssociationExecutions"]
    assert [one["AssociationVersion"] for one in runs] == ["2", "1", "1"]
    old = cloud.ssm.describe_association_execution_targets(AssociationId=made, ExecutionId=first)
    assert [one["Status"] for one in old["AssociationExecutionTargets"]] == ["Success"]


def test_an_agent_finds_what_it_is_to_do(cloud: Cloud, associate: Callable[..., str]) -> None:
    made = associate("web-01", DocumentVersion="$DEFAULT")
    tagged = associate(Targets=[{"Key": "tag:Name", "Values": ["web-01", "app-01"]}])
    associate("web-02")

    def of(machine: str) -> set[str]:
        wanted = [{"key": "InstanceId", "value": cloud.machines[machine]}]
        found = cloud.ssm.list_associations(AssociationFilterList=wanted)["Associations"]
        return {one["AssociationId"] for one in found}

    assert (of("web-01"), of("app-01"), of("arm-01")) == ({made, tagged}, {tagged}, set())
    held = cloud.ssm.describe_association(AssociationId=made)["AssociationDescription"]
    assert held["Parameters"] == GOOD
    document = cloud.ssm.get_document(
        Name=held["Name"], DocumentVersion=held["DocumentVersion"], DocumentFormat="JSON"
    )
    assert json.loads(document["Content"])["parameters"] == PARAMETERS


def test_a_machine_that_is_not_managed_is_no_target(
    cloud: Cloud, associate: Callable[..., str]
) -> None:
    made = associate("web-01", "arm-01")
    assert statuses(cloud, made) == {"web-01": "Pending"}
    status, body = cloud.report(
        associationId=made, instanceId=cloud.machines["arm-01"], status="Success", detail=""
    )
    assert (status, "is not a target" in body["error"]) == (400, True)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"associationId": "none"}, 404),
        ({"status": "Perfect"}, 400),
        ({"detail": None}, 400),
        ({"more": "text"}, 400),
    ],
)
def test_a_report_that_makes_no_sense_is_refused(
    cloud: Cloud, associate: Callable[..., str], change: dict[str, Any], status: int
) -> None:
    made = associate("web-01")
    good = {"associationId": made, "instanceId": cloud.machines["web-01"], "status": "Success"}
    assert cloud.report(**{**good, "detail": "", **change})[0] == status
    assert statuses(cloud, made) == {"web-01": "Pending"}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"Name": "nobody"}, "InvalidDocument"),
        ({"DocumentVersion": "7"}, "InvalidDocument"),
        ({"Parameters": {}}, "InvalidParameters"),
        ({"Parameters": {**GOOD, "Colour": ["red"]}}, "InvalidParameters"),
        ({"Parameters": {"Url": ["http://a"]}}, "InvalidParameters"),
        ({"Parameters": {"Url": ["https://a", "https://b"]}}, "InvalidParameters"),
        ({"Parameters": {**GOOD, "Experience": ["2017"]}}, "InvalidParameters"),
        ({"Targets": []}, "InvalidTarget"),
        ({"Targets": [{"Key": "resource-groups:Name", "Values": ["a"]}]}, "InvalidTarget"),
        (
            {"Targets": [{"Key": "InstanceIds", "Values": [f"i-{n:017x}" for n in range(51)]}]},
            "ValidationException",
        ),
        ({"ScheduleExpression": "daily"}, "InvalidSchedule"),
        ({"ComplianceSeverity": "URGENT"}, "ValidationException"),
        ({"Duration": 2}, "ValidationException"),
    ],
)
def test_an_association_that_cannot_be_is_refused(
    cloud: Cloud, change: dict[str, Any], refusal: str
) -> None:
    asked = {"Name": "agent", "Parameters": GOOD, "Targets": by_id(cloud, "web-01")}
    with pytest.raises(ClientError) as refused:
        cloud.ssm.create_association(**{**asked, **change})
    assert code(refused) == refusal
    assert cloud.ssm.list_associations()["Associations"] == []


def test_two_associations_of_one_name_are_refused(
    cloud: Cloud, associate: Callable[..., str]
) -> None:
    associate("web-01", AssociationName="wave-1")
    with pytest.raises(ClientError) as refused:
        associate("web-02", AssociationName="wave-1")
    assert code(refused) == "AssociationAlreadyExists"


def test_what_is_deleted_is_named_as_gone(cloud: Cloud, associate: Callable[..., str]) -> None:
    made = associate("web-01")
    run = latest(cloud, made)["ExecutionId"]
    with pytest.raises(ClientError) as refused:
        cloud.ssm.describe_association_execution_targets(
            AssociationId=made, ExecutionId="0" * 8 + run[8:]
        )
    assert code(refused) == "AssociationExecutionDoesNotExist"
    cloud.ssm.delete_association(AssociationId=made)
    for call, asked in (
        ("describe_association", {"AssociationId": made}),
        ("delete_association", {"AssociationId": made}),
        ("describe_association_executions", {"AssociationId": made}),
        ("start_associations_once", {"AssociationIds": [made]}),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(cloud.ssm, call)(**asked)
        assert code(refused) == "AssociationDoesNotExist"


def test_lists_come_in_pages(cloud: Cloud, associate: Callable[..., str]) -> None:
    made = {associate("web-01") for _ in range(3)}
    pages = list(
        cloud.ssm.get_paginator("list_associations").paginate(PaginationConfig={"PageSize": 2})
    )
    assert [len(page["Associations"]) for page in pages] == [2, 1]
    assert {one["AssociationId"] for page in pages for one in page["Associations"]} == made
    with pytest.raises(ClientError) as refused:
        cloud.ssm.list_associations(NextToken="nonsense")
    assert code(refused) == "InvalidNextToken"
