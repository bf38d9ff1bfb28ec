"""The drivers in the inventory of Systems Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from site_recovery.aws.inventory import (
    driver_of,
    installed_drivers,
    installed_kernels,
    is_of_a_cloud,
    kernel_of,
)
from tests.local_aws import LocalAws

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

REGION = "eu-west-1"


@pytest.mark.parametrize(
    ("program", "driver"),
    [
        ("AWS PV Drivers", "aws-pv"),
        ("AWS PV Driver", "aws-pv"),
        ("Citrix Tools for Virtual Machines", "citrix-pv"),
        ("Citrix Xen Windows x64 PV Drivers", "citrix-pv"),
        ("Citrix Xen Windows x86 PV Drivers", "citrix-pv"),
        ("Red Hat Paravirtualized Xen Drivers for Windows(R)", "redhat-pv"),
        ("RedHat Paravirtualized Xen Drivers for Windows(R)", "redhat-pv"),
        (" aws pv drivers", "aws-pv"),
        ("AWS NVMe Drivers", None),
        ("AWS Tools for Windows", None),
        ("Citrix Workspace 2203", None),
        ("Citrix XenServer Windows Guest Agent", None),
        ("Citrix XenServer VSS Provider", None),
        ("Red Hat JBoss Enterprise", None),
        ("How to remove AWS PV Drivers", None),
        ("", None),
    ],
)
def test_a_program_is_known_as_drivers_by_its_name(program: str, driver: str | None) -> None:
    assert driver_of(program) == driver


def client() -> SSMClient:
    return boto3.client(
        "ssm", region_name=REGION, aws_access_key_id="local", aws_secret_access_key="local"
    )


def question(*ids: str) -> dict[str, Any]:
    key = "AWS:InstanceInformation.InstanceId"
    return {
        "Filters": [{"Key": key, "Values": list(ids), "Type": "Equal"}],
        "ResultAttributes": [{"TypeName": "AWS:Application"}],
    }


def entity(instance: str, *programs: str | None) -> dict[str, Any]:
    content = [{"Name": name, "Version": "1"} if name else {"Version": "1"} for name in programs]
    item = {"TypeName": "AWS:Application", "SchemaVersion": "1.1", "Content": content}
    return {"Id": instance, "Data": {"AWS:Application": item}}


def asked(*exchanges: tuple[dict[str, Any], dict[str, Any]], ids: list[str]) -> Any:
    ssm = client()
    with Stubber(ssm) as stub:
        for request, answer in exchanges:
            stub.add_response("get_inventory", answer, request)
        found, problems = installed_drivers(ids, REGION, ssm)
        stub.assert_no_pending_responses()
    assert problems == []
    return found


@pytest.mark.parametrize(
    ("programs", "drivers"),
    [
        (["Amazon SSM Agent", "AWS PV Drivers"], ("aws-pv",)),
        (["Citrix Tools for Virtual Machines", None], ("citrix-pv",)),
        (["Citrix Tools for Virtual Machines", "AWS PV Drivers"], ("aws-pv", "citrix-pv")),
        (["AWS PV Drivers", "AWS PV Drivers"], ("aws-pv",)),
        (["Amazon SSM Agent"], None),
        ([], None),
    ],
)
def test_all_drivers_that_are_listed_are_told(
    programs: list[str | None], drivers: tuple[str, ...] | None
) -> None:
    found = asked((question("i-1"), {"Entities": [entity("i-1", *programs)]}), ids=["i-1"])
    assert found.get("i-1") == drivers


@pytest.mark.parametrize(
    ("package", "release", "of_a_cloud"),
    [
        ("linux-image-5.15.0-1051-aws", "5.15.0-1051-aws", True),
        ("linux-image-unsigned-6.8.0-1018-aws", "6.8.0-1018-aws", True),
        ("linux-image-5.15.0-1051-aws-fips", "5.15.0-1051-aws-fips", True),
        ("linux-image-6.5.0-1018-aws-64k", "6.5.0-1018-aws-64k", True),
        ("linux-image-5.15.0-91-generic-64k", "5.15.0-91-generic-64k", False),
        ("linux-image-5.4.0-1106-gcp", "5.4.0-1106-gcp", True),
        ("linux-image-5.15.0-91-generic", "5.15.0-91-generic", False),
        ("linux-image-6.2.0-1018-azure", "6.2.0-1018-azure", False),
        ("linux-image-aws", None, False),
        ("linux-headers-5.15.0-1051-aws", None, False),
        ("linux-modules-5.15.0-1051-aws", None, False),
        ("amazon-ssm-agent", None, False),
    ],
)
def test_a_package_is_known_as_a_kernel_by_its_name(
    package: str, release: str | None, of_a_cloud: bool
) -> None:
    assert kernel_of(package) == release
    assert is_of_a_cloud(release or "") == of_a_cloud


def test_the_kernels_that_are_listed_are_told() -> None:
    ssm = client()
    listed = entity("i-1", "linux-image-5.15.0-1051-aws", "linux-image-5.15.0-91-generic", "bash")
    with Stubber(ssm) as stub:
        stub.add_response("get_inventory", {"Entities": [listed]}, question("i-1"))
        found, problems = installed_kernels(["i-1"], REGION, ssm)
    assert (found, problems) == ({"i-1": ("5.15.0-1051-aws", "5.15.0-91-generic")}, [])


def test_an_instance_of_which_no_inventory_was_gathered_is_left_out() -> None:
    answer = {"Entities": [{"Id": "i-1", "Data": {}}, entity("i-2", "AWS PV Drivers")]}
    found = asked((question("i-1", "i-2", "i-3"), answer), ids=["i-3", "i-2", "i-1", "i-1"])
    assert found == {"i-2": ("aws-pv",)}


def test_twenty_instances_are_asked_for_at_once_and_every_page_is_read() -> None:
    ids = [f"i-{number:02}" for number in range(21)]
    first, rest = question(*ids[:20]), question(ids[20])
    found = asked(
        (first, {"Entities": [entity("i-00", "AWS PV Drivers")], "NextToken": "more"}),
        (
            {**first, "NextToken": "more"},
            {"Entities": [entity("i-00", "Citrix Tools for Virtual Machines")], "NextToken": ""},
        ),
        (rest, {"Entities": [entity("i-20", "AWS PV Drivers")]}),
        ids=ids,
    )
    assert found == {"i-00": ("aws-pv", "citrix-pv"), "i-20": ("aws-pv",)}


def test_a_refusal_is_one_problem_that_names_the_permission() -> None:
    ssm = client()
    with Stubber(ssm) as stub:
        stub.add_client_error("get_inventory", "AccessDeniedException", "You may not.")
        found, [problem] = installed_drivers(["i-1"], REGION, ssm)
    assert found == {}
    assert problem.path == "AWS"
    assert "ssm:GetInventory" in problem.way_out


# -- on the local AWS -------------------------------------------------------------------------


def test_the_fleets_drivers_are_known_once_its_inventory_was_gathered(aws: LocalAws) -> None:
    machines = aws.estate["machines"]
    assert installed_drivers(machines.values(), REGION) == ({}, [])
    ssm = boto3.client("ssm", region_name=REGION)
    ssm.create_association(
        Name="AWS-GatherSoftwareInventory", Targets=[{"Key": "InstanceIds", "Values": ["*"]}]
    )
    found, problems = installed_drivers(machines.values(), REGION)
    assert problems == []
    windows = {name for name in machines if name.startswith(("web-", "app-", "legacy-"))}
    assert found == {
        machines[name]: ("citrix-pv" if name.startswith("legacy-") else "aws-pv",)
        for name in windows
    }


def test_an_aws_that_does_not_answer_is_one_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    found, [problem] = installed_drivers(["i-00000000000000000"], REGION)
    assert found == {}
    assert "AWS_ENDPOINT_URL" in problem.way_out
