"""The whole check against the local AWS, with its EC2, Systems Manager and guests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest

from site_recovery.aws.ec2 import machine_facts
from site_recovery.reachability import check as reachability
from site_recovery.reachability import ec2_network
from site_recovery.reachability.connections import Check, Machine, Server
from site_recovery.reachability.rows import Row, blocked
from site_recovery.reachability.run_command import RunCommand
from tests.local_aws import LocalAws, local_aws

MACHINES = ("web-01", "legacy-01", "db-01", "arm-01")


@dataclass
class Estate:
    """The machines of the local AWS, with a server. Both may connect to each other."""

    check: Check
    region: str
    ec2: Any

    def rows(self) -> dict[tuple[str, str, int], Row]:
        found = ec2_network.read(self.check, self.region)
        judged = reachability.judge(self.check, found)
        rows = reachability.attempt(self.check, judged, RunCommand(self.region))
        return {(row.machine, row.direction, row.port): row for row in rows}


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws() as started:
        yield started


@pytest.fixture(scope="module")
def estate(aws: LocalAws) -> Iterator[Estate]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in aws.environment.items():
            environment.setenv(name, value)
        yield _estate(aws)


def _estate(aws: LocalAws) -> Estate:
    region, subnet = aws.estate["region"], aws.estate["subnets"]["migration"]
    ec2 = boto3.client("ec2", region_name=region)
    group = ec2.create_security_group(
        GroupName="server", Description="server", VpcId=aws.estate["vpc"]
    )["GroupId"]
    machines_group = aws.estate["security_group"]
    _allow(ec2, group, machines_group, 443, 9443)
    _allow(ec2, machines_group, group, 135, 445, 22)
    server = ec2.run_instances(
        ImageId=aws.estate["images"]["windows-server-2016"],
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        PrivateIpAddress="10.10.2.10",
        SecurityGroupIds=[group],
        IamInstanceProfile={"Name": "estate-machine"},
    )["Instances"][0]["InstanceId"]
    facts, problems = machine_facts(
        {name: aws.estate["machines"][name] for name in MACHINES}, region
    )
    assert not problems
    machines = {
        name: Machine(one.instance_id, one.private_ip or "", one.platform)
        for name, one in facts.items()
    }
    known = Server("configuration server", subnet, "10.10.2.10", frozenset({group}), server)
    return Estate(Check(aws.estate["vpc"], known, machines, push=True), region, ec2)


def _allow(ec2: Any, group: str, source: str, *ports: int) -> None:
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": port,
                "ToPort": port,
                "UserIdGroupPairs": [{"GroupId": source}],
            }
            for port in ports
        ],
    )


def test_machines_and_server_connect_from_both_sides(estate: Estate) -> None:
    rows = estate.rows()
    assert all(row.open for row in rows.values())
    attempts = {key: row.attempt for key, row in rows.items()}
    assert attempts["web-01", "to server", 9443] == "connected"
    assert attempts["legacy-01", "to server", 443] == "connected"
    assert attempts["db-01", "to server", 443] == "connected"
    assert attempts["legacy-01", "from server", 445] == "connected"
    assert attempts["db-01", "from server", 22] == "connected"


def test_a_machine_that_is_not_managed_is_judged_by_the_evidence(estate: Estate) -> None:
    row = estate.rows()["arm-01", "to server", 443]
    assert row.open
    assert row.attempt == "not tried: Systems Manager does not manage the machine"


def test_a_port_where_nothing_answers_blocks_although_the_rules_permit_it(
    estate: Estate,
) -> None:
    # No server has this address, so nothing answers, but the rules in EC2 permit the connection.
    nobody = replace(estate.check.server, private_ip="10.10.2.77", instance_id="")
    gone = replace(estate, check=replace(estate.check, server=nobody))
    rows = gone.rows()
    assert rows["web-01", "to server", 443].attempt == "failed"
    reasons = blocked(rows.values(), gone.check.machines, nobody.role)
    assert "a connect attempt from the machine failed" in reasons["web-01"]
    assert "arm-01" not in reasons


def test_an_acl_that_closes_a_port_is_named(estate: Estate) -> None:
    subnet = estate.check.server.subnet_id
    acl = next(
        one["NetworkAclId"]
        for one in estate.ec2.describe_network_acls()["NetworkAcls"]
        if any(each["SubnetId"] == subnet for each in one["Associations"])
    )
    deny = {"NetworkAclId": acl, "RuleNumber": 90, "Egress": False}
    estate.ec2.create_network_acl_entry(
        **deny,
        Protocol="6",
        RuleAction="deny",
        CidrBlock="10.10.1.11/32",
        PortRange={"From": 9443, "To": 9443},
    )
    rows = estate.rows()
    estate.ec2.delete_network_acl_entry(**deny)
    assert rows["web-01", "to server", 9443].reason == (
        f"{acl} ingress rule 90 denies tcp 9443 from 10.10.1.11"
    )
    assert rows["db-01", "to server", 9443].open
