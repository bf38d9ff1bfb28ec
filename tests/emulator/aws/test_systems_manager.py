"""Managed instances and Run Command of the local AWS, over the real protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.aws.network import describe
from tests.emulator.aws.systems_manager_aws import EVERYTHING, Cloud
from tests.local_aws import local_aws

POWERSHELL, SHELL = "AWS-RunPowerShellScript", "AWS-RunShellScript"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with local_aws() as local:
        yield Cloud(local)


def code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


# -- managed instances ------------------------------------------------------------------------


def test_the_fleet_is_managed_but_for_the_one_that_cannot_migrate(cloud: Cloud) -> None:
    pages = cloud.ssm.get_paginator("describe_instance_information").paginate()
    found = {one["InstanceId"]: one for page in pages for one in page["InstanceInformationList"]}
    managed = {name for name, instance in cloud.machines.items() if instance in found}
    assert managed == set(cloud.machines) - {"arm-01"}
    old, rhel = found[cloud.machines["legacy-01"]], found[cloud.machines["db-01"]]
    assert (old["PlatformType"], old["PlatformVersion"]) == ("Windows", "6.1.7601")
    assert (rhel["PlatformType"], rhel["PlatformVersion"]) == ("Linux", "6.7")
    assert (rhel["PingStatus"], rhel["IPAddress"]) == ("Online", "10.10.1.41")


def test_filters_and_pages_narrow_the_list(cloud: Cloud) -> None:
    web, other = cloud.machines["web-01"], cloud.machines["arm-01"]
    assert (cloud.ping(web), cloud.ping(other)) == ("Online", None)
    linux = cloud.ssm.describe_instance_information(
        Filters=[
            {"Key": "PlatformTypes", "Values": ["Linux"]},
            {"Key": "tag:Name", "Values": ["db-01", "web-01"]},
        ]
    )
    assert [one["InstanceId"] for one in linux["InstanceInformationList"]] == [
        cloud.machines["db-01"]
    ]
    first = cloud.ssm.describe_instance_information(MaxResults=5)
    rest = cloud.ssm.describe_instance_information(MaxResults=50, NextToken=first["NextToken"])
    assert len(first["InstanceInformationList"]) == 5
    assert "NextToken" not in rest
    names = [one["InstanceId"] for one in first["InstanceInformationList"]]
    assert not set(names) & {one["InstanceId"] for one in rest["InstanceInformationList"]}
    with pytest.raises(ClientError) as refused:
        cloud.ssm.describe_instance_information(Filters=[{"Key": "Colour", "Values": ["red"]}])
    assert code(refused) == "InvalidFilterKey"


def test_an_instance_that_stops_or_is_shut_in_is_lost_and_comes_back(cloud: Cloud) -> None:
    group = cloud.group("lost")
    machine = cloud.machine(group)
    assert cloud.ping(machine) == "Online"
    cloud.shut(group)
    assert cloud.ping(machine) == "ConnectionLost"
    cloud.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=EVERYTHING)
    assert cloud.ping(machine) == "Online"
    cloud.ec2.stop_instances(InstanceIds=[machine])
    assert cloud.ping(machine) == "ConnectionLost"
    cloud.ec2.start_instances(InstanceIds=[machine])
    assert cloud.ping(machine) == "Online"
    cloud.ec2.terminate_instances(InstanceIds=[machine])
    assert cloud.ping(machine) is None


def test_an_instance_that_stopped_before_anybody_asked_is_lost(cloud: Cloud) -> None:
    machine = cloud.machine(cloud.group("unseen"))
    cloud.ec2.stop_instances(InstanceIds=[machine])
    assert cloud.ping(machine) == "ConnectionLost"


def test_an_instance_that_never_got_out_never_registered(cloud: Cloud) -> None:
    group = cloud.group("shut from the start")
    cloud.shut(group)
    machine = cloud.machine(group)
    assert cloud.ping(machine) is None
    subnet = cloud.subnet()
    cloud.table(subnet)
    assert cloud.ping(cloud.machine(cloud.group("no route"), subnet)) is None


@pytest.mark.parametrize(
    ("actions", "managed"),
    [
        ([], False),
        (["ssm:UpdateInstanceInformation"], False),
        (["ssm:UpdateInstanceInformation", "ssmmessages:*"], True),
        (["ssm:*", "ec2messages:GetMessages"], True),
    ],
)
def test_the_role_decides_whether_an_instance_is_managed(
    cloud: Cloud, actions: list[str], managed: bool
) -> None:
    name = f"role-{len(actions)}-{managed}-{'-'.join(one.partition(':')[0] for one in actions)}"
    cloud.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    cloud.iam.create_instance_profile(InstanceProfileName=name)
    cloud.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    machine = cloud.machine(cloud.group(name), profile=name)
    assert cloud.ping(machine) is None
    if actions:
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        cloud.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)
    assert cloud.ping(machine) == ("Online" if managed else None)


# -- the network ------------------------------------------------------------------------------


def connects(cloud: Cloud, source: str, host: str, port: int) -> bool:
    return describe(cloud.ec2).network.connects(source, host, port)


def test_both_security_groups_must_let_a_connection_through(cloud: Cloud) -> None:
    inner, outer = cloud.group("target"), cloud.group("source")
    target, source = cloud.machine(inner), cloud.machine(outer)
    address = cloud.address(target)
    assert not connects(cloud, source, address, 9443)
    cloud.allow(inner, 9443)
    assert connects(cloud, source, address, 9443)
    assert not connects(cloud, source, address, 443)
    name = cloud.ec2.describe_instances(InstanceIds=[target])["Reservations"][0]["Instances"][0]
    assert connects(cloud, source, name["PrivateDnsName"], 9443)
    cloud.shut(outer)
    assert not connects(cloud, source, address, 9443)
    cloud.allow(outer, 9443, egress=True)
    assert connects(cloud, source, address, 9443)
    cloud.ec2.stop_instances(InstanceIds=[target])
    assert not connects(cloud, source, address, 9443)


@pytest.mark.parametrize("egress", [False, True])
@pytest.mark.parametrize(("ports", "open_"), [((9443, 9443), False), ((443, 443), True)])
def test_an_acl_between_subnets_may_close_the_way(
    cloud: Cloud, egress: bool, ports: tuple[int, int], open_: bool
) -> None:
    group = cloud.group(f"acl-{egress}-{open_}")
    cloud.allow(group, 9443)
    subnet = cloud.subnet()
    near, far = cloud.machine(group, subnet), cloud.machine(group)
    source, target = (near, far) if egress else (far, near)
    acl = cloud.acl(subnet)
    assert connects(cloud, source, cloud.address(target), 9443)
    cloud.entry(acl, 50, egress, "deny", ports)
    assert connects(cloud, source, cloud.address(target), 9443) == open_
    beside = cloud.machine(group, subnet)
    assert connects(cloud, beside, cloud.address(near), 9443)  # no ACL inside of a subnet


def test_an_acl_that_lets_no_answers_back_closes_the_way(cloud: Cloud) -> None:
    group = cloud.group("answers")
    cloud.allow(group, 9443)
    subnet = cloud.subnet()
    source, target = cloud.machine(group), cloud.machine(group, subnet)
    acl = cloud.acl(subnet)
    cloud.entry(acl, 50, True, "deny", (60000, 65535))
    assert not connects(cloud, source, cloud.address(target), 9443)
    # A Linux asks from lower ports than a Windows does.
    linux = cloud.machine(group, image="rhel-6.7")
    cloud.entry(acl, 40, True, "allow", (60000, 60999))
    assert connects(cloud, linux, cloud.address(target), 9443)


def test_the_internet_is_behind_a_nat_gateway_or_a_public_address(cloud: Cloud) -> None:
    group = cloud.group("out")
    assert connects(cloud, cloud.machine(group), "login.microsoftonline.com", 443)
    assert connects(cloud, cloud.machine(group), "198.51.100.7", 443)
    # In the public subnet, but without an address of its own.
    public = cloud.ec2.describe_subnets(Filters=[{"Name": "tag:Name", "Values": ["public"]}])
    subnet = public["Subnets"][0]["SubnetId"]
    machine = cloud.machine(group, subnet)
    assert not connects(cloud, machine, "aka.ms", 443)
    address = cloud.ec2.allocate_address(Domain="vpc")["AllocationId"]
    cloud.ec2.associate_address(AllocationId=address, InstanceId=machine)
    assert connects(cloud, machine, "aka.ms", 443)
    lonely = cloud.subnet()
    cloud.table(lonely)
    assert not connects(cloud, cloud.machine(group, lonely), "aka.ms", 443)


def test_nobody_answers_at_an_address_without_a_machine(cloud: Cloud) -> None:
    machine = cloud.machine(cloud.group("void"))
    assert not connects(cloud, machine, "10.10.1.250", 443)
    assert not connects(cloud, "i-0123456789abcdef0", "10.10.1.11", 443)


# -- Run Command ------------------------------------------------------------------------------


def send(cloud: Cloud, document: str, instances: list[str], *lines: str, **more: Any) -> str:
    sent = cloud.ssm.send_command(
        DocumentName=document,
        InstanceIds=instances,
        Parameters={"commands": list(lines), "executionTimeout": ["60"]},
        **more,
    )["Command"]
    assert sent["Status"] == "Pending"
    return str(sent["CommandId"])


def test_machines_try_to_connect_and_tell_what_they_met(cloud: Cloud) -> None:
    web, app = cloud.machines["web-01"], cloud.machines["web-02"]
    lines = [
        f'"{port} $((Test-NetConnection -ComputerName 10.10.1.41 -Port {port}).TcpTestSucceeded)"'
        for port in (443, 9443)
    ]
    command = send(cloud, POWERSHELL, [web, app], *lines, Comment="before a migration")
    found = cloud.ssm.get_command_invocation(CommandId=command, InstanceId=web)
    assert found["StandardOutputContent"] == "443 True\n9443 False\n"
    assert (found["Status"], found["ResponseCode"]) == ("Success", 0)
    listed = cloud.ssm.list_command_invocations(CommandId=command, Details=True)
    outputs = {
        one["InstanceName"]: one["CommandPlugins"][0]["Output"]
        for one in listed["CommandInvocations"]
    }
    assert outputs == dict.fromkeys(("web-01", "web-02"), "443 True\n9443 False\n")
    (kept,) = cloud.ssm.list_commands(CommandId=command)["Commands"]
    assert (kept["Status"], kept["CompletedCount"], kept["Comment"]) == (
        *("Success", 2, "before a migration"),
    )


def test_linux_tries_with_its_shell(cloud: Cloud) -> None:
    line = "if timeout 5 bash -c '</dev/tcp/10.10.1.11/443' 2>/dev/null; then echo yes; fi"
    command = send(cloud, SHELL, [cloud.machines["db-01"]], line)
    found = cloud.ssm.get_command_invocation(
        CommandId=command, InstanceId=cloud.machines["db-01"], PluginName="aws:runShellScript"
    )
    assert found["StandardOutputContent"] == "yes\n"


def test_a_line_that_is_not_run_here_fails_and_says_so(cloud: Cloud) -> None:
    web = cloud.machines["web-01"]
    command = send(cloud, POWERSHELL, [web], "Get-Process")
    found = cloud.ssm.get_command_invocation(CommandId=command, InstanceId=web)
    assert (found["Status"], found["ResponseCode"]) == ("Failed", 1)
    assert "The emulator does not run this: Get-Process" in found["StandardErrorContent"]
    assert cloud.ssm.list_commands(CommandId=command)["Commands"][0]["ErrorCount"] == 1


def test_targets_by_tag_mean_managed_machines_only(cloud: Cloud) -> None:
    group = cloud.group("tagged")
    chosen = cloud.machine(group, Team="blue")
    cloud.machine(group, Team="blue", profile=None)
    command = cloud.ssm.send_command(
        DocumentName=POWERSHELL,
        Targets=[{"Key": "tag:Team", "Values": ["blue"]}],
        Parameters={"commands": ["'here'"]},
    )["Command"]["CommandId"]
    listed = cloud.ssm.list_command_invocations(CommandId=command)["CommandInvocations"]
    assert [one["InstanceId"] for one in listed] == [chosen]


@pytest.mark.parametrize(
    ("document", "machine", "parameters", "refusal"),
    [
        (POWERSHELL, "arm-01", {"commands": ["'x'"]}, "InvalidInstanceId"),
        (POWERSHELL, "db-01", {"commands": ["'x'"]}, "UnsupportedPlatformType"),
        (SHELL, "web-01", {"commands": ["'x'"]}, "UnsupportedPlatformType"),
        ("AWS-UpdateSSMAgent", "web-01", {}, "InvalidDocument"),
        (POWERSHELL, "web-01", {}, "InvalidParameters"),
        (POWERSHELL, "web-01", {"commands": ["'x'"], "shell": ["sh"]}, "InvalidParameters"),
    ],
)
def test_a_command_that_cannot_run_is_refused(
    cloud: Cloud, document: str, machine: str, parameters: dict[str, list[str]], refusal: str
) -> None:
    with pytest.raises(ClientError) as refused:
        cloud.ssm.send_command(
            DocumentName=document,
            InstanceIds=[cloud.machines[machine]],
            Parameters=parameters,
        )
    assert code(refused) == refusal


def test_a_command_names_instances_or_targets_and_not_too_many(cloud: Cloud) -> None:
    asked = {"DocumentName": POWERSHELL, "Parameters": {"commands": ["'x'"]}}
    targets = [{"Key": "tag:Name", "Values": ["web-01"]}]
    for wrong in (
        {},
        {"InstanceIds": [cloud.machines["web-01"]], "Targets": targets},
        {"InstanceIds": [f"i-{number:017x}" for number in range(51)]},
    ):
        with pytest.raises(ClientError) as refused:
            cloud.ssm.send_command(**asked, **wrong)
        assert code(refused) == "ValidationException"
    with pytest.raises(ClientError) as refused:
        cloud.ssm.send_command(**asked, Targets=[{"Key": "resource-groups:Name", "Values": ["x"]}])
    assert code(refused) == "InvalidTarget"


def test_an_invocation_that_is_not_there_is_named_so(cloud: Cloud) -> None:
    command = send(cloud, POWERSHELL, [cloud.machines["web-01"]], "'x'")
    for asked in (
        {"CommandId": "0" * 8 + command[8:], "InstanceId": cloud.machines["web-01"]},
        {"CommandId": command, "InstanceId": cloud.machines["web-02"]},
    ):
        with pytest.raises(ClientError) as refused:
            cloud.ssm.get_command_invocation(**asked)
        assert code(refused) == "InvocationDoesNotExist"
    with pytest.raises(ClientError) as refused:
        cloud.ssm.get_command_invocation(
            CommandId=command, InstanceId=cloud.machines["web-01"], PluginName="other"
        )
    assert code(refused) == "InvalidPluginName"


def test_regions_are_apart(cloud: Cloud) -> None:
    elsewhere = cloud.client("ssm", "us-west-2")
    assert elsewhere.describe_instance_information()["InstanceInformationList"] == []
    command = send(cloud, POWERSHELL, [cloud.machines["web-01"]], "'x'")
    assert elsewhere.list_commands(CommandId=command)["Commands"] == []
