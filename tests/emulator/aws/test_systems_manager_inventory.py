"""Inventory of the local AWS, over the real protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.aws.systems_manager_aws import Cloud
from tests.local_aws import local_aws

GATHER = "AWS-GatherSoftwareInventory"
APPLICATION, INFORMATION = "AWS:Application", "AWS:InstanceInformation"
CITRIX, AWS = "Citrix Tools for Virtual Machines", "AWS PV Drivers"
REDHAT = "Red Hat Paravirtualized Xen Drivers for Windows(R)"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with local_aws() as local:
        yield Cloud(local)


@pytest.fixture
def gather(cloud: Cloud) -> Iterator[Callable[..., str]]:
    """Create associations that gather the inventory; they are deleted after the test."""
    made: list[str] = []

    def make(*instances: str, **more: Any) -> str:
        targets = [{"Key": "InstanceIds", "Values": list(instances)}]
        asked = {"Name": GATHER, "Targets": targets, **more}
        made.append(
            cloud.ssm.create_association(**asked)["AssociationDescription"]["AssociationId"]
        )
        return made[-1]

    yield make
    for one in made:
        cloud.ssm.delete_association(AssociationId=one)


def of(*instances: str, **more: Any) -> dict[str, Any]:
    return {"Key": f"{INFORMATION}.InstanceId", "Values": list(instances), **more}


def entity(cloud: Cloud, instance: str, kind: str = APPLICATION) -> dict[str, Any]:
    (found,) = cloud.ssm.get_inventory(
        Filters=[of(instance)], ResultAttributes=[{"TypeName": kind}]
    )["Entities"]
    assert found["Id"] == instance
    data: dict[str, Any] = found["Data"]
    return data


def programs(cloud: Cloud, instance: str) -> list[str]:
    item = entity(cloud, instance).get(APPLICATION, {"Content": []})
    return [one["Name"] for one in item["Content"]]


def status(cloud: Cloud, association: str) -> str:
    found = cloud.ssm.describe_association(AssociationId=association)["AssociationDescription"]
    return str(found["Overview"]["Status"])


def code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def test_programs_are_known_once_an_association_gathered_them(
    cloud: Cloud, gather: Callable[..., str]
) -> None:
    machine = cloud.machine(cloud.group("gathered"))
    assert entity(cloud, machine) == {}
    made = gather(machine)
    item = entity(cloud, machine)[APPLICATION]
    assert (item["TypeName"], item["SchemaVersion"]) == (APPLICATION, "1.1")
    assert item["Content"][0] == {
        "Name": AWS,
        "Version": "8.3.5",
        "Publisher": "Amazon Web Services",
        "Architecture": "x86_64",
    }
    assert status(cloud, made) == "Success"


def test_the_programs_are_those_of_the_guest(cloud: Cloud, gather: Callable[..., str]) -> None:
    group = cloud.group("guests")
    old = cloud.machine(group, image="windows-server-2008-r2-sp1")
    tagged = cloud.machine(group, drivers="redhat-pv")
    linux = cloud.machine(group, image="rhel-6.7", drivers="redhat-pv")
    gather(old, tagged, linux)
    assert programs(cloud, old) == [CITRIX, "Amazon SSM Agent"]
    assert programs(cloud, tagged) == [REDHAT, "Amazon SSM Agent"]
    assert programs(cloud, linux) == ["amazon-ssm-agent", "kernel"]


def test_a_target_by_tag_means_those_that_have_it(cloud: Cloud, gather: Callable[..., str]) -> None:
    group = cloud.group("tags")
    chosen, other = cloud.machine(group, Gather="yes"), cloud.machine(group, Gather="no")
    gather(Targets=[{"Key": "tag:Gather", "Values": ["yes"]}])
    assert programs(cloud, chosen)
    assert entity(cloud, other) == {}


def test_another_document_gathers_nothing(cloud: Cloud, gather: Callable[..., str]) -> None:
    content = '{"schemaVersion": "2.2", "mainSteps": []}'
    cloud.ssm.create_document(Name="other", Content=content, DocumentType="Command")
    machine = cloud.machine(cloud.group("other"))
    made = gather(machine, Name="other")
    assert entity(cloud, machine) == {}
    assert status(cloud, made) == "Pending"


def test_what_is_disabled_is_not_gathered(cloud: Cloud, gather: Callable[..., str]) -> None:
    machine = cloud.machine(cloud.group("disabled"))
    made = gather(machine, Parameters={"applications": ["Disabled"]})
    assert entity(cloud, machine) == {}
    assert status(cloud, made) == "Success"
    with pytest.raises(ClientError) as refused:
        gather(machine, Parameters={"applications": ["Yes"]})
    assert code(refused) == "InvalidParameters"


def test_a_machine_that_does_not_answer_is_gathered_when_it_does(
    cloud: Cloud, gather: Callable[..., str]
) -> None:
    machine = cloud.machine(cloud.group("later"))
    cloud.ec2.stop_instances(InstanceIds=[machine])
    made = gather(machine)
    assert entity(cloud, machine) == {}
    assert status(cloud, made) == "Pending"
    cloud.ec2.start_instances(InstanceIds=[machine])
    assert programs(cloud, machine) == [AWS, "Amazon SSM Agent"]
    assert status(cloud, made) == "Success"


def test_an_inventory_is_as_old_as_the_run_that_made_it(
    cloud: Cloud, gather: Callable[..., str]
) -> None:
    machine = cloud.machine(cloud.group("old"), drivers="citrix-pv")
    made = gather(machine)
    assert programs(cloud, machine)[0] == CITRIX
    cloud.ec2.create_tags(Resources=[machine], Tags=[{"Key": "drivers", "Value": "aws-pv"}])
    cloud.ec2.stop_instances(InstanceIds=[machine])
    cloud.ssm.start_associations_once(AssociationIds=[made])
    assert programs(cloud, machine)[0] == CITRIX
    cloud.ec2.start_instances(InstanceIds=[machine])
    assert programs(cloud, machine)[0] == AWS


def test_programs_stay_known_when_the_association_is_gone(cloud: Cloud) -> None:
    machine = cloud.machine(cloud.group("kept"))
    targets = [{"Key": "InstanceIds", "Values": [machine]}]
    made = cloud.ssm.create_association(Name=GATHER, Targets=targets)["AssociationDescription"]
    assert programs(cloud, machine)
    cloud.ssm.delete_association(AssociationId=made["AssociationId"])
    assert programs(cloud, machine)


def test_a_machine_that_is_not_managed_has_no_entity(
    cloud: Cloud, gather: Callable[..., str]
) -> None:
    machine = cloud.machine(cloud.group("unmanaged"), profile=None)
    gather(machine)
    assert cloud.ssm.get_inventory(Filters=[of(machine)])["Entities"] == []


def test_what_an_instance_is_needs_no_association(cloud: Cloud) -> None:
    machine = cloud.machines["db-01"]
    for asked in ({}, {"ResultAttributes": [{"TypeName": INFORMATION}]}):
        (found,) = cloud.ssm.get_inventory(Filters=[of(machine)], **asked)["Entities"]
        (content,) = found["Data"][INFORMATION]["Content"]
        assert content["InstanceId"] == machine
        assert (content["PlatformType"], content["PlatformVersion"]) == ("Linux", "6.7")
        assert (content["InstanceStatus"], content["IpAddress"]) == ("Active", "10.10.1.41")


def test_what_stands_still_is_told_as_such(cloud: Cloud) -> None:
    machine = cloud.machine(cloud.group("still"))
    cloud.ec2.stop_instances(InstanceIds=[machine])
    (content,) = entity(cloud, machine, INFORMATION)[INFORMATION]["Content"]
    assert content["InstanceStatus"] == "Stopped"


def test_filters_narrow_what_is_told(cloud: Cloud) -> None:
    fleet = {name: cloud.machines[name] for name in ("web-01", "legacy-01", "db-01")}

    def found(*filters: dict[str, Any]) -> set[str]:
        told = cloud.ssm.get_inventory(Filters=[of(*fleet.values()), *filters])["Entities"]
        return {name for name, instance in fleet.items() if instance in {e["Id"] for e in told}}

    def by(attribute: str, value: str, kind: str) -> dict[str, Any]:
        return {"Key": f"{INFORMATION}.{attribute}", "Values": [value], "Type": kind}

    assert found() == set(fleet)
    assert found(by("PlatformType", "Linux", "Equal")) == {"db-01"}
    assert found(by("PlatformType", "Linux", "NotEqual")) == {"web-01", "legacy-01"}
    assert found(by("PlatformVersion", "6.", "BeginWith")) == set(fleet)
    assert found(by("PlatformVersion", "6.1", "BeginWith")) == {"legacy-01"}


def test_pages_hold_every_instance_once(cloud: Cloud) -> None:
    pages = list(
        cloud.ssm.get_paginator("get_inventory").paginate(PaginationConfig={"PageSize": 4})
    )
    assert len(pages) > 2
    assert all(len(one["Entities"]) == 4 for one in pages[:-1])
    ids = [entity["Id"] for one in pages for entity in one["Entities"]]
    assert len(ids) == len(set(ids))
    assert {cloud.machines["web-01"], cloud.machines["db-02"]} < set(ids)
    assert cloud.machines["arm-01"] not in ids


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"Filters": [{"Key": f"{INFORMATION}.Colour", "Values": ["red"]}]}, "InvalidFilter"),
        ({"Filters": [of("i-1", Type="Exists")]}, "InvalidFilter"),
        ({"Filters": [of("i-1", Type="Like")]}, "ValidationException"),
        ({"Filters": [of(*(f"i-{n}" for n in range(41)))]}, "ValidationException"),
        ({"ResultAttributes": [{"TypeName": "AWS:Service"}]}, "InvalidTypeNameException"),
        ({"ResultAttributes": [{"TypeName": "Application"}]}, "ValidationException"),
        ({"Aggregators": [{"Expression": APPLICATION}]}, "InvalidAggregatorException"),
        ({"NextToken": "nonsense"}, "InvalidNextToken"),
        ({"MaxResults": 51}, "ValidationException"),
    ],
)
def test_what_is_no_such_question_is_refused(
    cloud: Cloud, asked: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(ClientError) as refused:
        cloud.ssm.get_inventory(**asked)
    assert code(refused) == refusal


def test_regions_have_inventories_of_their_own(cloud: Cloud) -> None:
    assert cloud.client("ssm", "us-west-2").get_inventory()["Entities"] == []
