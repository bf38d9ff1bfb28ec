"""The machines of the local AWS are those of the emulator of Azure, over HTTP: commands take service
time, and what EC2 has accepted they feel before its answer."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

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
        self._region = environment["AWS_REGION"]
        self.ec2, self.ssm = self._client("ec2"), self._client("ssm")
        self.estate = self.control("GET", "estate", at=self.aws)

    def once(self, service: str) -> Any:
        """A client that repeats nothing."""
        return self._client(service, config=Config(retries={"total_max_attempts": 1}))

    def _client(self, service: str, **more: Any) -> Any:
        connect: Any = boto3.client
        return connect(
            service,
            endpoint_url=self.aws,
            region_name=self._region,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            **more,
        )

    def control(self, method: str, path: str, body: Any = None, *, at: str | None = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        url = f"{at or self.azure}/_emulator/{path}"
        request = urllib.request.Request(url, content, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

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
    lines = clouds.run(name, "ss -t -n -p state established")["StandardOutputContent"]
    foreign = [line for line in lines.splitlines()[1:] if "ssm" not in line]
    assert foreign
    assert clouds.machine(name)["writing"]
    # The kernel of RHEL 6 ends no connection: only a stop does.
    for peer in (line.split()[3] for line in foreign):
        clouds.run(name, f"ss -K -t -n state established dst {peer}")
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


# -- what goes wrong ------------------------------------------------------------------------------


def goes_wrong(clouds: TwoClouds, name: str, **faults: Any) -> None:
    instance = clouds.estate["machines"][name]
    clouds.control("PUT", f"guests/{instance}/faults", faults)


def state(clouds: TwoClouds, name: str) -> str:
    instance = clouds.estate["machines"][name]
    (found,) = clouds.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    return str(found["Instances"][0]["State"]["Name"])


def inside(clouds: TwoClouds, name: str, after: str = "") -> Any:
    query = f"?after={after}" if after else ""
    return clouds.control("GET", f"guests/{clouds.estate['machines'][name]}{query}")


@pytest.mark.parametrize(("fails", "ends_as"), [(False, "stopped"), (True, "running")])
def test_a_stop_may_take_long_and_fail(clouds: TwoClouds, fails: bool, ends_as: str) -> None:
    name = "app-02"
    instance = clouds.estate["machines"][name]
    goes_wrong(clouds, name, stop={"seconds": 300, "fails": fails})
    clouds.ec2.stop_instances(InstanceIds=[instance])
    began = inside(clouds, name)
    clouds.wait(200)
    assert state(clouds, name) == "stopping"
    assert inside(clouds, name)["records"] == began["records"] + 200
    clouds.ec2.stop_instances(InstanceIds=[instance])  # Asked again, it takes no longer.
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        clouds.ec2.start_instances(InstanceIds=[instance])
    clouds.wait(101)
    assert state(clouds, name) == ends_as
    clouds.wait(99)
    written = inside(clouds, name)["records"] - began["records"]
    assert written == (400 if fails else 300)
    goes_wrong(clouds, name)
    clouds.ec2.start_instances(InstanceIds=[instance])
    assert state(clouds, name) == "running"


def test_a_clock_is_ahead_and_connections_are_kept(clouds: TwoClouds) -> None:
    name = "web-03"
    goes_wrong(clouds, name, clockSkewSeconds=90, keepsConnections=True)
    told = clouds.run(name, "[DateTime]::UtcNow.ToString('o')")["StandardOutputContent"].strip()
    now = datetime.fromisoformat(clouds.control("GET", "clock")["now"])
    assert 80 <= (datetime.fromisoformat(told) - now).total_seconds() <= 90
    before = inside(clouds, name)["connections"]
    one = next(each for each in before if each["process"] == "System")
    clouds.fence(name)
    clouds.run(
        name,
        "function Stop-TcpConnection { Add-Type }",
        f"Stop-TcpConnection {one['local']} {one['local_port']} {one['address']} {one['port']}",
    )
    assert one in inside(clouds, name)["connections"]
    goes_wrong(clouds, name)


def test_an_agent_that_is_offline_takes_no_command(clouds: TwoClouds) -> None:
    name = "legacy-01"
    goes_wrong(clouds, name, agent="offline")
    instance = clouds.estate["machines"][name]
    (told,) = clouds.ssm.describe_instance_information(
        Filters=[{"Key": "InstanceIds", "Values": [instance]}]
    )["InstanceInformationList"]
    assert told["PingStatus"] == "ConnectionLost"
    with pytest.raises(ClientError, match="InvalidInstanceId"):
        clouds.send(name, "Write-Output 'here'")
    clouds.control("DELETE", f"guests/{instance}/faults")
    assert clouds.run(name, "Write-Output 'here'")["Status"] == "Success"


@pytest.mark.parametrize(
    ("agent", "until", "details"),
    [("silent", "Pending", "DeliveryTimedOut"), ("hangs", "InProgress", "ExecutionTimedOut")],
)
def test_a_command_that_an_agent_does_not_end_times_out(
    clouds: TwoClouds, agent: str, until: str, details: str
) -> None:
    name = "legacy-02"
    goes_wrong(clouds, name, agent=agent)
    document = "AWS-RunPowerShellScript"
    command = clouds.ssm.send_command(
        DocumentName=document,
        InstanceIds=[clouds.estate["machines"][name]],
        Parameters={"commands": ["Write-Output 'here'"], "executionTimeout": ["120"]},
        TimeoutSeconds=60,
    )["Command"]["CommandId"]
    clouds.wait(50)
    assert clouds.result(name, command)["Status"] == until
    clouds.wait(100)
    found = clouds.result(name, command)
    assert (found["Status"], found["StatusDetails"]) == ("TimedOut", details)
    (listed,) = clouds.ssm.list_commands(CommandId=command)["Commands"]
    assert listed["DeliveryTimedOutCount"] == int(agent == "silent")
    goes_wrong(clouds, name)


def test_the_reply_of_an_accepted_command_is_lost(clouds: TwoClouds) -> None:
    name = "web-03"
    fault = {"operation": "SendCommand", "match": "lost reply", "drop": "after"}
    clouds.control("POST", "faults", fault, at=clouds.aws)
    once = clouds.once("ssm")
    with pytest.raises(ConnectionClosedError):
        once.send_command(
            DocumentName="AWS-RunPowerShellScript",
            InstanceIds=[clouds.estate["machines"][name]],
            Parameters={"commands": ["Write-Output 'here'"]},
            Comment="lost reply",
        )
    clouds.wait(10)
    commands = clouds.ssm.list_commands(InstanceId=clouds.estate["machines"][name])["Commands"]
    (found,) = [one for one in commands if one["Comment"] == "lost reply"]
    assert found["Status"] == "Success"
    (kept,) = clouds.control("GET", "faults", at=clouds.aws)["value"]
    assert (kept["met"], kept["taken"]) == (1, 1)
    clouds.control("DELETE", "faults", at=clouds.aws)


def test_calls_are_throttled_dropped_and_refused(clouds: TwoClouds) -> None:
    instance = clouds.estate["machines"]["web-03"]
    faults = [
        {"operation": "ListCommands", "error": "ThrottlingException", "message": "Rate exceeded"},
        {"operation": "StopInstances", "error": "RequestLimitExceeded", "status": 503},
        {"operation": "StopInstances", "drop": "before"},
        {"operation": "CreateTags", "error": "InternalError", "status": 500, "accepted": True},
    ]
    for fault in faults:
        clouds.control("POST", "faults", fault, at=clouds.aws)
    with pytest.raises(ClientError, match="ThrottlingException"):
        clouds.once("ssm").list_commands()
    ec2 = clouds.once("ec2")
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        ec2.stop_instances(InstanceIds=[instance])
    with pytest.raises(ConnectionClosedError):
        ec2.stop_instances(InstanceIds=[instance])
    assert state(clouds, "web-03") == "running"
    with pytest.raises(ClientError, match="InternalError"):
        ec2.create_tags(Resources=[instance], Tags=[{"Key": "kept", "Value": "yes"}])
    tags = clouds.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [instance]}])
    assert {"kept": "yes"}.items() <= {one["Key"]: one["Value"] for one in tags["Tags"]}.items()
    clouds.control("DELETE", "faults", at=clouds.aws)


@pytest.mark.parametrize(
    ("at", "path", "body"),
    [
        ("aws", "faults", {"operation": "SendCommand"}),
        ("aws", "faults", {"operation": "SendCommand", "drop": "sometime"}),
        ("aws", "faults", {"operation": "SendCommand", "error": "X", "nth": "2"}),
        ("aws", "faults", {"operation": "SendCommand", "error": "X", "often": 2}),
        ("aws", "guests", {"endpoint": 5}),
        ("aws", "instances", {"instanceId": "i-none", "state": "stopped"}),
        ("aws", "systems-manager/agents", {"offline": "i-none"}),
    ],
)
def test_what_cannot_be_set_is_refused(
    clouds: TwoClouds, at: str, path: str, body: dict[str, Any]
) -> None:
    method = "PUT" if path in ("guests", "systems-manager/agents") else "POST"
    with pytest.raises(HTTPError, match="400"):
        clouds.control(method, path, body, at=getattr(clouds, at))


def test_a_machine_tells_what_it_wrote_after_a_moment(clouds: TwoClouds) -> None:
    now = clouds.control("GET", "clock")["now"].replace("+", "%2B")
    clouds.wait(45)
    told = inside(clouds, "web-02", now)
    assert told["recordsAfter"] == 45
    assert told["records"] - told["onDisk"] == 30
    assert (told["services"], told["azure"]) == ({"W3SVC": True}, [])
    assert {one["tracked"] for one in told["connections"]} == {True}
