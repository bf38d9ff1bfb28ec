"""A machine is cut over, its failover is taken back, and it is cut over again and migrated."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.harness import MACHINES_GROUP, Result, Stack

pytestmark = pytest.mark.engine

MACHINE = "web-01"
FENCE = "-fence"


def go_to(stack: Stack, phase: str, **wave: Any) -> tuple[Result, Result]:
    stack.declare(pilot=(phase, [MACHINE]))
    stack.waves["pilot"] |= {"cutover": {}, **wave}
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
    [fence] = [one for one in groups if one["GroupName"].endswith(FENCE)]
    return {
        one["CidrIp"] for rule in fence["IpPermissionsEgress"] for one in rule.get("IpRanges", [])
    }


def cutover_tags(stack: Stack) -> list[str]:
    return [name for name in source(stack)["tags"] if name.startswith("site-recovery:cutover")]


def test_a_tested_machine_is_not_touched(stack: Stack) -> None:
    go_to(stack, "test-failover")

    assert source(stack)["state"] == "running"
    assert cutover_tags(stack) == []


def test_its_source_is_fenced_and_stopped_before_it_fails_over(stack: Stack) -> None:
    preview, up = go_to(stack, "failed-over")

    told = " ".join(preview.text.split())
    assert "prove that no connection is left" in told
    assert "the fence of a cutover lets tcp 443 out to every address" in told
    for step in ("its source is fenced", "no connection is left", "its source is being stopped"):
        assert f"{MACHINE}: {step}" in up.line("pilot"), up.text
    after = source(stack)
    assert after["state"] == "stopped"
    [group] = after["groups"]
    assert group.endswith(FENCE)
    assert after["tags"]["site-recovery:migrated-to"].endswith(f"virtualMachines/{MACHINE}")
    assert set(stack.clouds.virtual_machines(MACHINES_GROUP)) == {MACHINE}


def test_its_failover_is_taken_back(stack: Stack) -> None:
    preview, _ = go_to(stack, "protected", rollback={"reason": "a test"})

    told = " ".join(preview.text.split())
    assert "WHAT WAS WRITTEN IN AZURE SINCE THE FAILOVER IS LOST" in told
    after = source(stack)
    assert after["state"] == "running"
    assert not [group for group in after["groups"] if group.endswith(FENCE)]
    assert cutover_tags(stack) == []
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
    assert stack.machine(MACHINE)["observedPhase"] == "migrated"


def test_destroy_leaves_the_source_as_it_is(stack: Stack) -> None:
    destroy = stack.destroy()

    assert destroy.code == 0, destroy.text
    assert source(stack)["state"] == "stopped"
