"""The machines of the local AWS are those of the emulator of Azure, over HTTP: commands take service
time, and what EC2 has accepted they feel before its answer."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import boto3
import pytest

from emulator import processes
from emulator.record import Clouds
from tests.warm_python import warm_clouds

SHELL = "AWS-RunShellScript"


class TwoClouds:
    """Both clouds with a clock that stands still, and clients of AWS."""

    def __init__(self, clouds: Clouds) -> None:
        environment = clouds.environment()
        self.azure = clouds.services["azure"].endpoint
        self.aws = environment["AWS_ENDPOINT_URL"]
        connect: Any = boto3.client
        self.ec2, self.ssm = (
            connect(
                service,
                endpoint_url=self.aws,
                region_name=environment["AWS_REGION"],
                aws_access_key_id="local",
                aws_secret_access_key="local",
            )
            for service in ("ec2", "ssm")
        )
        self.estate = self.control("GET", "estate", at=self.aws)

    def control(self, method: str, path: str, body: Any = None, *, at: str | None = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        url = f"{at or self.azure}/_emulator/{path}"
        request = urllib.request.Request(url, content, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def wait(self, seconds: float) -> None:
        self.control("POST", "clock/advance", {"seconds": seconds})

    def machine(self, name: str) -> Any:
        wanted = self.estate["machines"][name]
        found = self.control("GET", "guests")["machines"]
        return next(one for one in found if one["instance"] == wanted)

    def send(self, name: str, *lines: str, **more: Any) -> str:
        document = SHELL if name.startswith("db") else "AWS-RunPowerShellScript"
        sent = self.ssm.send_command(
            DocumentName=document,
            InstanceIds=[self.estate["machines"][name]],
            Parameters={"commands": list(lines)},
            **more,
        )
        return str(sent["Command"]["CommandId"])

    def result(self, name: str, command: str) -> Any:
        instance = self.estate["machines"][name]
        return self.ssm.get_command_invocation(CommandId=command, InstanceId=instance)

    def run(self, name: str, *lines: str) -> Any:
        command = self.send(name, *lines)
        self.wait(10)
        return self.result(name, command)

    def fence(self, name: str) -> str:
        """A group that lets nothing in and only https out, in place of the machine's own."""
        instance = self.estate["machines"][name]
        group = self.ec2.create_security_group(
            GroupName=f"fence {name}", Description="fence", VpcId=self.estate["vpc"]
        )["GroupId"]
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        self.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
        https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
        self.ec2.authorize_security_group_egress(
            GroupId=group, IpPermissions=[{**https, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        )
        interfaces = self.ec2.describe_network_interfaces(
            Filters=[{"Name": "attachment.instance-id", "Values": [instance]}]
        )["NetworkInterfaces"]
        for interface in interfaces:
            self.ec2.modify_network_interface_attribute(
                NetworkInterfaceId=interface["NetworkInterfaceId"], Groups=[group]
            )
        return str(group)


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoClouds]:
    directory = tmp_path_factory.mktemp("guests") / "clouds"
    quiet: Any = lambda line: None  # noqa: E731
    started = processes.up(directory, scale=0, python=str(warm_clouds()), say=quiet)
    try:
        two = TwoClouds(started)
        two.control("GET", "guests")
        yield two
    finally:
        processes.down(directory, remove=True, say=quiet)


def test_a_command_takes_service_time(clouds: TwoClouds) -> None:
    command = clouds.send("db-01", "date -u +%s.%N", Comment="ask the time")
    assert clouds.result("db-01", command)["Status"] == "Pending"
    before = datetime.fromisoformat(clouds.control("GET", "clock")["now"]).timestamp()
    statuses = []
    for _ in range(40):
        clouds.wait(0.1)
        statuses.append(clouds.result("db-01", command)["Status"])
    assert list(dict.fromkeys(statuses)) == ["Pending", "InProgress", "Success"]
    found = clouds.result("db-01", command)
    assert before < float(found["StandardOutputContent"]) < before + 2
    assert found["ResponseCode"] == 0


def test_a_command_is_found_by_its_comment(clouds: TwoClouds) -> None:
    instance = clouds.estate["machines"]["db-02"]
    first = clouds.send("db-02", "sync", Comment="stack/db-02/flush/1")
    clouds.wait(10)
    second = clouds.send("db-02", "sync", Comment="stack/db-02/flush/2")
    listed = clouds.ssm.list_commands(InstanceId=instance)["Commands"]
    assert [(one["CommandId"], one["Comment"], one["Status"]) for one in listed] == [
        (second, "stack/db-02/flush/2", "Pending"),
        (first, "stack/db-02/flush/1", "Success"),
    ]
    invocations = clouds.ssm.list_command_invocations(InstanceId=instance)["CommandInvocations"]
    assert [one["Comment"] for one in invocations] == [one["Comment"] for one in listed]
    clouds.wait(10)


def test_a_fence_is_felt_before_its_answer(clouds: TwoClouds) -> None:
    name = "db-02"
    clouds.fence(name)
    lines = clouds.run(name, "ss -H -t -n -p state established")["StandardOutputContent"]
    foreign = [line for line in lines.splitlines() if "ssm" not in line]
    assert foreign
    assert clouds.machine(name)["writing"]
    # The kernel of RHEL 6 ends no connection: only a stop does.
    for peer in (line.split()[3] for line in foreign):
        clouds.run(name, f"ss -H -K -t -n state established dst {peer}")
    assert clouds.machine(name)["writing"]
    clouds.run(name, "service nginx stop")
    stopped = clouds.machine(name)
    assert not stopped["writing"]
    clouds.run(name, "service nginx start")
    clouds.wait(60)
    assert clouds.machine(name)["records"] == stopped["records"]


def test_a_stop_is_felt_before_its_answer(clouds: TwoClouds) -> None:
    name = "web-01"
    instance = clouds.estate["machines"][name]
    before = clouds.machine(name)["records"]
    clouds.wait(60)
    clouds.ec2.stop_instances(InstanceIds=[instance])
    clouds.wait(600)
    stopped = clouds.machine(name)
    assert (stopped["writing"], stopped["records"]) == (False, before + 60)
    clouds.ec2.start_instances(InstanceIds=[instance])
    clouds.wait(60)
    started = clouds.machine(name)
    assert (started["writing"], started["records"]) == (True, before + 120)


def test_a_machine_that_is_stopped_takes_no_command_until_it_starts(clouds: TwoClouds) -> None:
    name = "web-02"
    instance = clouds.estate["machines"][name]
    command = clouds.send(name, "Write-Output 'here'", TimeoutSeconds=120)
    late = clouds.send(name, "Write-Output 'late'", TimeoutSeconds=30)
    clouds.ec2.stop_instances(InstanceIds=[instance])
    clouds.wait(60)
    assert clouds.result(name, command)["Status"] == "Pending"
    missed = clouds.result(name, late)
    assert (missed["Status"], missed["StatusDetails"]) == ("TimedOut", "DeliveryTimedOut")
    clouds.ec2.start_instances(InstanceIds=[instance])
    clouds.wait(60)
    assert clouds.result(name, command)["StandardOutputContent"] == "here\n"


def test_groups_of_an_interface_are_replaced(clouds: TwoClouds) -> None:
    instance = clouds.estate["machines"]["app-01"]
    group = clouds.fence("app-01")
    (described,) = clouds.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    (machine,) = described["Instances"]
    assert [one["GroupId"] for one in machine["SecurityGroups"]] == [group]
    assert [one["GroupId"] for one in machine["NetworkInterfaces"][0]["Groups"]] == [group]
    clouds.ec2.modify_instance_attribute(
        InstanceId=instance, Groups=[clouds.estate["security_group"]]
    )
    (interface,) = clouds.ec2.describe_network_interfaces(
        Filters=[{"Name": "attachment.instance-id", "Values": [instance]}]
    )["NetworkInterfaces"]
    assert [one["GroupId"] for one in interface["Groups"]] == [clouds.estate["security_group"]]


def test_the_emulator_of_azure_has_joined(clouds: TwoClouds) -> None:
    assert clouds.control("GET", "health", at=clouds.aws)["guests"] == clouds.azure
