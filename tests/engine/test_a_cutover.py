"""A machine is cut over, its failover is taken back, and it is cut over again and migrated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.harness import MACHINES_GROUP, Result, Stack

pytestmark = pytest.mark.engine

MACHINE = "web-01"
FENCE = "-fence-"
"""In the name of the fence, which AWS ends."""
CUTOVER = {
    "quiesce": {
        "ssm": {"windows": ["Stop-Service W3SVC"]},
        "resume": {"windows": ["Start-Service W3SVC"]},
    }
}
SERVES = "if ((Get-Service W3SVC).Status -ne 'Running') { throw 'W3SVC is down' }"
CHECKS = [{"azureRunCommand": {"windows": [SERVES]}, "timeout": "5m"}]
WALK = (
    "its cutover begins",
    "its application is stopped",
    "its source is fenced",
    "no connection is left, and its disks are flushed",
    "fails over to the recovery point of",
    "its source is being stopped",
    "unplanned failover started",
    "protected -> failed over",
    "check passed: running within 15m",
    "check passed: run command",
)
"""What a run says of a machine that it cuts over, in this order."""
STEPS = (
    "stop its application (at most 5 min)",
    "fence it (5 s)",
    "prove that no connection is left and flush its disks (30 s)",
    "wait for a later recovery point (",
    "stop it (1 min)",
    "fail over (",
    "then checks running within 15m, run command (at most 5 min)",
)
"""What its preview says, in this order."""


def go_to(stack: Stack, phase: str, **wave: Any) -> tuple[Result, Result]:
    stack.declare(pilot=(phase, [MACHINE]))
    stack.waves["pilot"] |= {"cutover": CUTOVER, "checks": CHECKS, **wave}
    preview = stack.preview()
    assert preview.code == 0, preview.text
    up = stack.up()
    assert up.code == 0, up.text
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text
    return preview, up


def source(stack: Stack) -> Any:
    """The machine's instance: its state, the names of its groups, and its tags."""
    instance = stack.fleet[MACHINE]["instanceId"]
    [reservation] = stack.clouds.ec2().describe_instances(InstanceIds=[instance])["Reservations"]
    [found] = reservation["Instances"]
    groups = [g["GroupName"] for each in found["NetworkInterfaces"] for g in each["Groups"]]
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}
    return {"state": found["State"]["Name"], "groups": sorted(groups), "tags": tags}


def endpoints(stack: Stack) -> set[str]:
    """Give the machines' VPC endpoints of Systems Manager; their addresses."""
    ec2 = stack.clouds.ec2()
    [reservation] = ec2.describe_instances(InstanceIds=[stack.fleet[MACHINE]["instanceId"]])[
        "Reservations"
    ]
    [found] = reservation["Instances"]
    vpc, subnet = found["VpcId"], found["SubnetId"]
    made = ec2.create_security_group(GroupName="endpoints", Description="endpoints", VpcId=vpc)
    ec2.authorize_security_group_ingress(
        GroupId=made["GroupId"],
        IpProtocol="tcp",
        FromPort=443,
        ToPort=443,
        CidrIp="10.0.0.0/8",
    )
    interfaces = [
        name
        for service in ("ssm", "ssmmessages", "ec2messages")
        for name in ec2.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.{ec2.meta.region_name}.{service}",
            VpcEndpointType="Interface",
            SubnetIds=[subnet],
            SecurityGroupIds=[made["GroupId"]],
            PrivateDnsEnabled=True,
        )["VpcEndpoint"]["NetworkInterfaceIds"]
    ]
    described = ec2.describe_network_interfaces(NetworkInterfaceIds=interfaces)
    return {one["PrivateIpAddress"] for one in described["NetworkInterfaces"]}


def ways_out_of_the_fence(stack: Stack) -> set[str]:
    """The addresses that the fence lets a machine out to."""
    groups = stack.clouds.ec2().describe_security_groups()["SecurityGroups"]
    [fence] = [one for one in groups if FENCE in one["GroupName"]]
    return {
        one["CidrIp"] for rule in fence["IpPermissionsEgress"] for one in rule.get("IpRanges", [])
    }


def assert_in_order(said: tuple[str, ...], text: str) -> None:
    found = [text.find(each) for each in said]
    assert -1 not in found, f"{said[found.index(-1)]} is not in: {text}"
    assert found == sorted(found), text


def commands(stack: Stack) -> list[str]:
    """The last words of the comments of what a cutover ran on the source, the newest first."""
    listed = stack.clouds.client("ssm").list_commands(InstanceId=stack.fleet[MACHINE]["instanceId"])
    comments = [command.get("Comment", "") for command in listed["Commands"]]
    ours = [text for text in comments if text.startswith("site-recovery ")]
    return [text.rstrip(" 0123456789").rpartition(" ")[2] for text in ours]


def cutover_tags(stack: Stack) -> list[str]:
    return [name for name in source(stack)["tags"] if name.startswith("site-recovery:cutover")]


def test_a_tested_machine_is_not_touched(stack: Stack) -> None:
    go_to(stack, "test-failover")

    assert source(stack)["state"] == "running"
    assert cutover_tags(stack) == []


def test_its_source_is_fenced_and_stopped_before_it_fails_over(stack: Stack) -> None:
    preview, up = go_to(stack, "failed-over")

    told = " ".join(preview.text.split())
    assert_in_order(STEPS, told)
    assert "expected downtime" in told
    assert "the fence of a cutover lets tcp 443 out to every address" in told
    assert_in_order(tuple(f"{MACHINE}: {step}" for step in WALK), up.line("pilot"))
    assert commands(stack).count("quiesce") == 1
    assert commands(stack).count("resume") == 0
    after = source(stack)
    assert after["state"] == "stopped"
    [group] = after["groups"]
    assert FENCE in group
    assert after["tags"]["site-recovery:migrated-to"].endswith(f"virtualMachines/{MACHINE}")
    assert set(stack.clouds.virtual_machines(MACHINES_GROUP)) == {MACHINE}


def test_its_failover_is_taken_back(stack: Stack) -> None:
    preview, up = go_to(stack, "protected", rollback={"reason": "a test"})

    told = " ".join(preview.text.split())
    assert "WHAT WAS WRITTEN IN AZURE SINCE THE FAILOVER IS LOST" in told
    after = source(stack)
    assert after["state"] == "running"
    assert not [group for group in after["groups"] if FENCE in group]
    assert cutover_tags(stack) == []
    # The check looks whether the application, which the cutover stopped, runs again.
    assert f"{MACHINE}: check of its source passed: run command" in up.line("pilot")
    assert commands(stack).count("resume") == 1
    machines = stack.clouds.virtual_machines(MACHINES_GROUP)
    assert machines[MACHINE]["tags"]["rolled-back-from-instance"]
    assert stack.machine(MACHINE)["observedPhase"] == "protected"


def test_it_is_cut_over_again_behind_a_fence_to_endpoints_and_migrated(stack: Stack) -> None:
    """Its commands still run: they go through the endpoints."""
    addresses = endpoints(stack)
    go_to(stack, "test-failover")
    preview, _ = go_to(stack, "failed-over", requireTestFailover=True)
    assert "lets tcp 443 out to every address" not in " ".join(preview.text.split())
    assert ways_out_of_the_fence(stack) == {f"{address}/32" for address in addresses}
    go_to(stack, "migrated")

    assert source(stack)["state"] == "stopped"
    assert stack.clouds.operations(MACHINE).count("UnplannedFailover") == 2
    assert commands(stack).count("quiesce") == 2
    assert stack.machine(MACHINE)["observedPhase"] == "migrated"


def test_cutovers_that_are_switched_off_leave_the_source_its_fence(stack: Stack) -> None:
    stack.waves["pilot"]["cutover"] = {"mode": "latest"}
    up = stack.up()

    assert up.code == 0, up.text
    after = source(stack)
    assert [FENCE in group for group in after["groups"]] == [True]
    assert ways_out_of_the_fence(stack) == set()


def test_destroy_leaves_the_source_as_it_is_and_says_that_its_fence_stays(stack: Stack) -> None:
    before = source(stack)
    destroy = stack.destroy()

    assert destroy.code == 0, destroy.text
    assert stack.resources() == []
    after = source(stack)
    assert (after["state"], after["groups"]) == ("stopped", before["groups"])
    instance = stack.fleet[MACHINE]["instanceId"]
    assert f"it fences {instance}, and no connection gets through it" in destroy.text
    groups = stack.clouds.ec2().describe_security_groups()["SecurityGroups"]
    [kept] = [one for one in groups if FENCE in one["GroupName"]]
    assert "IpPermissions" not in kept or kept["IpPermissions"] == []
    assert kept["IpPermissionsEgress"] == []
    [name] = [tag["Value"] for tag in kept["Tags"] if tag["Key"] == "Name"]
    assert name.endswith("-fence-kept")


def test_a_new_stack_of_the_name_has_a_fence_of_its_own(stack: Stack, tmp_path: Path) -> None:
    stack.start_over(tmp_path / "state")
    stack.config["ec2-to-azure:target"]["adopt"] = True
    stack.waves["pilot"]["cutover"] = CUTOVER
    up = stack.up()
    assert up.code == 0, up.text
    groups = stack.clouds.ec2().describe_security_groups()["SecurityGroups"]
    fences = [one["GroupName"] for one in groups if FENCE in one["GroupName"]]
    assert len(fences) == 2
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text

    destroy = stack.destroy()

    assert destroy.code == 0, destroy.text
    assert "it fences" not in destroy.text, "its own fence is nobody's"
    groups = stack.clouds.ec2().describe_security_groups()["SecurityGroups"]
    [left] = [one["GroupName"] for one in groups if FENCE in one["GroupName"]]
    assert source(stack)["groups"] == [left]
