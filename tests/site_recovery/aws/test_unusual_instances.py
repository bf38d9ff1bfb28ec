"""Instances that are not as most are: which can be migrated, and what EC2 tells of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest

from site_recovery.aws import placement
from site_recovery.aws.ec2 import MachineFacts, machine_facts
from site_recovery.aws.placement import Placement
from site_recovery.aws.support_check import Stated, problems
from tests.local_aws import LocalAws

REGION = "eu-west-1"
STATED = Stated(os="windows-server-2019")


def made(aws: LocalAws, **options: Any) -> MachineFacts:
    """An instance beside those of the estate, as the preflight reads it."""
    ec2 = boto3.client("ec2", region_name=REGION)
    known = ec2.describe_instances(InstanceIds=[aws.estate["machines"]["web-01"]])
    like = known["Reservations"][0]["Instances"][0]
    where: dict[str, Any] = {} if "NetworkInterfaces" in options else {"SubnetId": like["SubnetId"]}
    answer = ec2.run_instances(
        ImageId=like["ImageId"],
        InstanceType="m5.large",
        MinCount=1,
        MaxCount=1,
        **where,
        **options,
    )
    name = answer["Instances"][0]["InstanceId"]
    facts, unread = machine_facts({"odd-01": name}, REGION)
    assert unread == []
    return facts["odd-01"]


def subnet(aws: LocalAws) -> str:
    ec2 = boto3.client("ec2", region_name=REGION)
    known = ec2.describe_instances(InstanceIds=[aws.estate["machines"]["web-01"]])
    return str(known["Reservations"][0]["Instances"][0]["SubnetId"])


@pytest.mark.parametrize(
    "options",
    [
        {"Placement": {"Tenancy": "dedicated"}},
        {"Placement": {"Tenancy": "host"}},
        {"HibernationOptions": {"Configured": True}},
        {"InstanceMarketOptions": {"MarketType": "spot"}},
        {"EbsOptimized": True},
        {"DisableApiTermination": True},
    ],
    ids=lambda options: next(iter(options)),
)
def test_an_instance_that_replicates_as_others_do_is_accepted(
    aws: LocalAws, options: dict[str, Any]
) -> None:
    assert problems("odd-01", made(aws, **options), STATED, "modernized") == []


def test_an_instance_with_several_interfaces_is_known_by_its_first(aws: LocalAws) -> None:
    where = subnet(aws)
    interfaces = [{"DeviceIndex": index, "SubnetId": where} for index in (1, 0)]
    facts = made(aws, NetworkInterfaces=interfaces)
    assert problems("odd-01", facts, STATED, "modernized") == []
    ec2 = boto3.client("ec2", region_name=REGION)
    [first] = ec2.describe_network_interfaces(
        NetworkInterfaceIds=[facts.network_interface_id or ""]
    )["NetworkInterfaces"]
    assert first["Attachment"]["DeviceIndex"] == 0
    assert facts.private_ip == first["PrivateIpAddress"]


def test_ec2_tells_that_an_instance_is_a_spot_instance(aws: LocalAws) -> None:
    assert made(aws, InstanceMarketOptions={"MarketType": "spot"}).market == "spot"
    assert made(aws).market is None


def test_an_instance_that_hibernates_is_stopped(aws: LocalAws) -> None:
    facts = made(aws, HibernationOptions={"Configured": True})
    ec2 = boto3.client("ec2", region_name=REGION)
    ec2.stop_instances(InstanceIds=[facts.instance_id], Hibernate=True)
    found, _ = machine_facts({"odd-01": facts.instance_id}, REGION)
    [problem] = problems("odd-01", found["odd-01"], STATED, "modernized")
    assert "is stopped" in problem.what


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("Client.UserInitiatedHibernate", "stopped by hibernation, and what is in its memory"),
        ("Client.UserInitiatedShutdown", "is stopped"),
    ],
)
def test_a_hibernated_instance_loses_its_memory(aws: LocalAws, code: str, words: str) -> None:
    where = placement.of({"StateReason": {"Code": code}}, {})
    facts = replace(made(aws), state="stopped", placement=where)
    [problem] = problems("odd-01", facts, STATED, "modernized")
    assert problem.what.endswith(words) or f"{words} is not migrated" in problem.what
    assert ("memory" in problem.what) == where.hibernated


@pytest.mark.parametrize("tenancy", ["default", "dedicated", "host"])
def test_ec2_tells_on_what_hardware_an_instance_is(tenancy: str) -> None:
    where = placement.of({"Placement": {"Tenancy": tenancy}}, {})
    assert (where.tenancy, where.dedicated) == (tenancy, tenancy != "default")


def test_an_instance_of_the_estate_is_in_a_subnet_of_its_own_account(aws: LocalAws) -> None:
    assert made(aws).placement == Placement()


@pytest.mark.parametrize(
    ("owner", "shared_by"), [("111111111111", None), ("222222222222", "222222222222"), ("", None)]
)
def test_a_subnet_of_another_account_is_a_shared_one(owner: str, shared_by: str | None) -> None:
    instance = {"SubnetId": "subnet-1", "NetworkInterfaces": [{"OwnerId": "111111111111"}]}
    assert placement.of(instance, {"subnet-1": owner}).shared_by == shared_by
    assert placement.of({**instance, "SubnetId": None}, {"subnet-1": owner}).shared_by is None


def test_every_interface_is_known_with_its_index_and_its_addresses(aws: LocalAws) -> None:
    within = subnet(aws)
    interfaces = [{"DeviceIndex": index, "SubnetId": within} for index in (0, 1, 2)]
    found = made(aws, NetworkInterfaces=interfaces)
    assert [each.index for each in found.interfaces] == [0, 1, 2]
    assert found.interfaces[0].id == found.network_interface_id
    assert found.interfaces[0].address == found.private_ip
    assert len({each.mac for each in found.interfaces}) == 3
    assert all(len(each.mac.split(":")) == 6 for each in found.interfaces)
