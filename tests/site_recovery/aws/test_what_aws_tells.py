"""Facts about machines, their agents and their server, read from the local AWS."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from site_recovery.aws.ec2 import machine_facts, tagged_instances
from site_recovery.aws.instance_roles import profile_roles, roleless_reason
from site_recovery.aws.managed_instances import managed_instances, unmanaged_reason
from site_recovery.aws.quotas import USUAL_GROUPS, groups_of_an_interface
from site_recovery.aws.server_facts import ROLE_TAG, VAULT_TAG, ServerQuestion, Subnet, server_facts
from site_recovery.problems import Problem
from tests.local_aws import LocalAws

REGION = "eu-west-1"
VAULT = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/v"


def question(aws: LocalAws, **changes: Any) -> ServerQuestion:
    values: dict[str, Any] = {
        "experience": "modernized",
        "vpc_id": aws.estate["vpc"],
        "name": "asr-appliance",
        "vault_id": VAULT,
        "image_id": None,
        "subnet_id": aws.estate["subnets"]["migration"],
    }
    return ServerQuestion(**{**values, **changes})


def launch(aws: LocalAws, **tags: str) -> str:
    """Start an instance of Windows Server 2016 with tags; `role` and `vault` are the server's."""
    keys = {"role": ROLE_TAG, "vault": VAULT_TAG}
    ec2 = boto3.client("ec2", region_name=REGION)
    answer = ec2.run_instances(
        ImageId=aws.estate["images"]["windows-server-2016"],
        InstanceType="m5.2xlarge",
        SubnetId=aws.estate["subnets"]["migration"],
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [{"Key": keys.get(k, k), "Value": v} for k, v in tags.items()],
            }
        ],
    )
    return answer["Instances"][0]["InstanceId"]


def test_the_facts_of_a_machine_are_what_its_instance_type_image_and_volumes_tell(
    aws: LocalAws,
) -> None:
    facts, problems = machine_facts({"db": aws.estate["machines"]["db-01"]}, REGION)
    db = facts["db"]
    assert problems == []
    assert (db.os, db.platform, db.architecture) == ("rhel-6.7", "linux", "x86_64")
    assert (db.instance_type, db.vcpus, db.memory_mib) == ("m4.xlarge", 4, 16384)
    assert db.firmware == "BIOS"
    assert [(disk.size_gib, disk.encrypted) for disk in db.disks] == [(30, False), (100, False)]
    assert db.security_group_ids == (aws.estate["security_group"],)
    assert db.security_group_names == ("estate",)


def test_an_encrypted_volume_is_known_as_one(aws: LocalAws) -> None:
    instance_id = launch(aws, Name="vaulted")
    ec2 = boto3.client("ec2", region_name=REGION)
    zone = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
    volume = ec2.create_volume(
        AvailabilityZone=zone["Placement"]["AvailabilityZone"], Size=5, Encrypted=True
    )["VolumeId"]
    ec2.attach_volume(VolumeId=volume, InstanceId=instance_id, Device="/dev/sdf")
    facts, _ = machine_facts({"vaulted": instance_id}, REGION)
    assert [disk.encrypted for disk in facts["vaulted"].disks] == [False, True]


def test_an_instance_profile_that_was_deleted_stays_attached_and_has_no_role(
    aws: LocalAws,
) -> None:
    ec2: Any = boto3.client("ec2", region_name=REGION)
    iam: Any = boto3.client("iam", region_name=REGION)
    instance_id = launch(aws, Name="web")
    role = iam.create_role(RoleName="web", AssumeRolePolicyDocument="{}")["Role"]
    iam.create_instance_profile(InstanceProfileName="web")
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    ec2.associate_iam_instance_profile(InstanceId=instance_id, IamInstanceProfile={"Name": "web"})
    facts, _ = machine_facts({"web": instance_id}, REGION)
    profile = facts["web"].instance_profile_arn
    assert profile is not None
    assert profile_roles([profile], REGION) == ({profile: {role["Arn"]: role["RoleId"]}}, [])
    assert roleless_reason(profile, {role["Arn"]: role["RoleId"]}) is None

    iam.remove_role_from_instance_profile(InstanceProfileName="web", RoleName="web")
    assert profile_roles([profile], REGION) == ({profile: {}}, [])
    iam.delete_instance_profile(InstanceProfileName="web")
    facts, _ = machine_facts({"web": instance_id}, REGION)
    assert facts["web"].instance_profile_arn == profile
    assert profile_roles([profile], REGION) == ({profile: {}}, [])
    why = roleless_reason(profile, {})
    assert why is not None
    assert profile in why


def test_an_instance_that_is_not_there_is_a_problem_of_its_machine(aws: LocalAws) -> None:
    ids = {"db": aws.estate["machines"]["db-01"], "gho.st": "i-00000000000000000"}
    facts, [problem] = machine_facts(ids, REGION)
    assert set(facts) == {"db"}
    assert problem.path == 'machines["gho.st"].instanceId'


def test_machines_are_found_by_all_of_their_tags_until_they_are_terminated(aws: LocalAws) -> None:
    shop = [launch(aws, Name=name, move="yes", team="shop") for name in ("b", "a")]
    nameless = launch(aws, move="yes", team="shop")
    launch(aws, Name="c", move="yes", team="other")
    launch(aws, Name="asr", move="yes", team="shop", role="replication-appliance")
    gone = launch(aws, Name="d", move="yes", team="shop")
    boto3.client("ec2", region_name=REGION).terminate_instances(InstanceIds=[gone])
    found, problems = tagged_instances(aws.estate["vpc"], {"move": "yes", "team": "shop"}, REGION)
    assert problems == []
    assert {each.instance_id: each.tags.get("Name") for each in found} == {
        shop[0]: "b",
        shop[1]: "a",
        nameless: None,
    }
    assert tagged_instances("vpc-00000000000000000", {"move": "yes"}, REGION) == ([], [])


def test_systems_manager_knows_the_machines_that_it_manages(aws: LocalAws) -> None:
    db = aws.estate["machines"]["db-01"]
    unmanaged = launch(aws, Name="no-profile")
    known, problems = managed_instances([db, unmanaged], REGION)
    assert problems == []
    assert (known[db].ping, known[db].platform_version) == ("Online", "6.7")
    assert unmanaged_reason(db, known.get(db)) is None
    assert unmanaged in str(unmanaged_reason(unmanaged, known.get(unmanaged)))


@pytest.mark.parametrize(
    ("experience", "image"),
    [("classic", "windows-server-2016"), ("modernized", "windows-server-2022")],
)
def test_without_a_server_and_an_image_the_newest_public_one_is_taken(
    aws: LocalAws, experience: str, image: str
) -> None:
    facts, problems = server_facts(question(aws, experience=experience), REGION)
    assert problems == []
    assert facts is not None
    assert (facts.image_id, facts.instance_type) == (aws.estate["images"][image], None)


def test_an_image_that_is_asked_for_is_looked_at(aws: LocalAws) -> None:
    image_id = aws.estate["images"]["windows-server-2012-r2"]
    facts, _ = server_facts(question(aws, image_id=image_id), REGION)
    assert facts is not None
    assert str(facts.image_name).startswith("Windows_Server-2012-R2")
    missing, problems = server_facts(question(aws, image_id="ami-00000000000000000"), REGION)
    assert problems == []
    assert missing is not None
    assert not missing.image_seen


def test_the_server_of_the_vault_is_found_and_that_of_another_is_not(aws: LocalAws) -> None:
    ours = {"Name": "asr-there", "role": "replication-appliance", "vault": VAULT.upper()}
    launch(aws, **{**ours, "vault": f"{VAULT}-2"})
    other, _ = server_facts(question(aws, name="asr-there"), REGION)
    assert other is not None
    assert other.instance_type is None
    launch(aws, **ours)
    facts, _ = server_facts(question(aws, name="asr-there"), REGION)
    assert facts is not None
    assert facts.instance_type == "m5.2xlarge"
    assert facts.image_id == aws.estate["images"]["windows-server-2016"]


def test_the_servers_subnet_is_known_with_its_vpc_and_its_addresses(aws: LocalAws) -> None:
    facts, _ = server_facts(question(aws), REGION)
    assert facts is not None
    assert facts.subnet == Subnet(aws.estate["vpc"], "10.10.2.0/24")
    missing, problems = server_facts(question(aws, subnet_id="subnet-00000000000000000"), REGION)
    assert problems == []
    assert missing is not None
    assert missing.subnet is None


def test_an_existing_server_does_not_need_its_image(aws: LocalAws) -> None:
    tags = {"Name": "asr-old", "role": "replication-appliance", "vault": VAULT}
    launch(aws, **tags)
    gone = "ami-00000000000000000"
    facts, _ = server_facts(question(aws, name="asr-old", image_id=gone), REGION)
    assert facts is not None
    assert (facts.image_id, facts.image_seen) == (gone, True)


ASK: dict[str, Callable[[], tuple[Any, list[Problem]]]] = {
    "machines": lambda: machine_facts({"db": "i-00000000000000000"}, REGION),
    "tags": lambda: tagged_instances("vpc-1", {"a": "b"}, REGION),
    "agents": lambda: managed_instances(["i-00000000000000000"], REGION),
    "server": lambda: server_facts(
        ServerQuestion("classic", "vpc-1", "asr-cs", None, None, "subnet-1"), REGION
    ),
}


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK.keys())
def test_an_aws_that_does_not_answer_is_one_problem(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[], tuple[Any, list[Problem]]]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    found, [problem] = ask()
    assert not found
    assert problem.path == "AWS"
    assert "AWS_ENDPOINT_URL" in problem.way_out


@pytest.mark.parametrize(
    ("error", "refused"),
    [("", False), ("NoSuchResourceException", False), ("AccessDeniedException", True)],
    ids=["told", "never raised", "denied"],
)
def test_the_groups_of_an_interface_are_counted_by_the_accounts_quota(
    aws: LocalAws, error: str, refused: bool
) -> None:
    if error:
        fault = json.dumps({"operation": "GetServiceQuota", "error": error}).encode()
        request = urllib.request.Request(f"{aws.endpoint}/_emulator/faults", fault)
        urllib.request.urlopen(request, timeout=10).close()
    most, problems = groups_of_an_interface(REGION)
    assert most == USUAL_GROUPS
    assert [problem.path for problem in problems] == ["AWS"] * refused
    assert all("servicequotas:GetServiceQuota" in problem.way_out for problem in problems)
