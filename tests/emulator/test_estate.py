"""The estate as guests see it, against moto's EC2 over its wire protocol."""

from __future__ import annotations

import itertools
import json
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import processes
from emulator.aws import network
from emulator.aws.estate import IMAGES, REGION
from emulator.aws.fleet import FLEET, PROFILE
from emulator.estate import operating_systems, security_groups
from emulator.estate.machines import Change, Disk, Instance
from emulator.estate.security_groups import Endpoint, Rule, SecurityGroup
from emulator.estate.static import StaticEstate
from emulator.guests.ec2_estate import Ec2Estate
from tests.warm_python import warm_clouds

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client


class Seconds:
    """A clock that advances by `step` for each reading, so that every `look` reads EC2 again."""

    def __init__(self, step: float = 1.0) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("clouds")
    clouds = processes.up(directory, python=str(warm_clouds()), say=lambda line: None)
    yield clouds.services["aws"].endpoint
    processes.down(directory, say=lambda line: None)


@pytest.fixture(scope="module")
def ec2(endpoint: str) -> EC2Client:
    return boto3.client(
        "ec2",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


@pytest.fixture
def estate(endpoint: str) -> Ec2Estate:
    return Ec2Estate(endpoint, REGION, real=Seconds())


def machines(estate: Ec2Estate) -> dict[str, Instance]:
    estate.look()
    return {one.name: one for one in estate.instances() if one.state != "terminated"}


numbers = itertools.count(100)


def run(
    ec2: EC2Client,
    estate: Ec2Estate,
    name: str,
    groups: list[str],
    image: str = "windows-server-2012-r2",
    **tags: str,
) -> str:
    subnet = machines(estate)["web-01"].subnet_id
    reservation = ec2.run_instances(
        ImageId=IMAGES[image],
        InstanceType="c5.2xlarge",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        PrivateIpAddress=f"10.10.1.{next(numbers)}",
        SecurityGroupIds=groups,
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [
                    {"Key": key, "Value": value} for key, value in {"Name": name, **tags}.items()
                ],
            }
        ],
    )
    return reservation["Instances"][0]["InstanceId"]


def new_group(ec2: EC2Client, estate: Ec2Estate, name: str) -> str:
    vpc = machines(estate)["web-01"].vpc_id
    return ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]


def test_the_fleet_is_what_a_2017_fleet_was(estate: Ec2Estate) -> None:
    fleet = machines(estate)
    assert fleet["web-03"].disks == (Disk("/dev/sda1", 50), Disk("/dev/sdf", 20))
    facts = {
        name: (one.os, one.platform, one.drivers, one.architecture, one.virtualization)
        for name, one in fleet.items()
    }
    assert facts["web-01"] == ("windows-server-2012-r2", "windows", "aws-pv", "x86_64", "hvm")
    assert facts["app-02"] == ("windows-server-2012", "windows", "aws-pv", "x86_64", "hvm")
    assert facts["legacy-01"] == (
        *("windows-server-2008-r2-sp1", "windows", "citrix-pv", "x86_64", "hvm"),
    )
    assert facts["db-01"] == ("rhel-6.7", "linux", None, "x86_64", "hvm")
    assert facts["arm-01"] == ("amazon-linux-2", "linux", None, "arm64", "hvm")
    web = fleet["web-01"]
    assert (web.private_ip, web.vcpus, web.memory_mib, web.state) == (
        *("10.10.1.11", 2, 8192, "running"),
    )


def test_all_of_the_fleet_but_one_has_the_profile_that_lets_it_be_managed(
    ec2: EC2Client, estate: Ec2Estate
) -> None:
    fleet = machines(estate)
    held = ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
    profiles = {one["InstanceId"]: one["IamInstanceProfile"]["Arn"] for one in held}
    named = {name: profiles.get(one.id, "").rpartition("/")[2] for name, one in fleet.items()}
    declared = {machine.name: machine.profile or "" for machine in FLEET}
    assert {name: named[name] for name in declared} == declared
    assert (declared["web-01"], declared["arm-01"]) == (PROFILE, "")


def test_drivers_and_virtualization_come_from_tag_and_image(
    ec2: EC2Client, estate: Ec2Estate
) -> None:
    group = new_group(ec2, estate, "drivers")
    run(ec2, estate, "red", [group], "windows-server-2012", drivers="redhat-pv")
    run(ec2, estate, "old", [group], "rhel-6.7-paravirtual")
    run(ec2, estate, "new", [group], "windows-server-2012", firmware="uefi")
    fleet = machines(estate)
    assert (fleet["red"].firmware, fleet["new"].firmware) == ("BIOS", "UEFI")
    assert fleet["red"].drivers == "redhat-pv"
    assert (fleet["old"].os, fleet["old"].virtualization) == ("rhel-6.7", "paravirtual")
    assert (fleet["red"].vcpus, fleet["red"].memory_mib) == (8, 16384)


def test_the_estate_lets_its_applications_through_and_nothing_else(estate: Ec2Estate) -> None:
    fleet = machines(estate)
    open_ports = [
        port
        for port in (22, 80, 135, 443, 445, 3389, 9443)
        if estate.allows(fleet["web-01"], fleet["db-01"], port)
    ]
    assert open_ports == [80, 443, 3389]
    assert estate.allows_out(fleet["web-01"], 443)


def test_a_rule_by_group_opens_a_port_between_its_members(
    ec2: EC2Client, estate: Ec2Estate
) -> None:
    source, target = new_group(ec2, estate, "agents"), new_group(ec2, estate, "server")
    run(ec2, estate, "agent", [source])
    run(ec2, estate, "server", [target])
    fleet = machines(estate)
    assert not estate.allows(fleet["agent"], fleet["server"], 9443)
    ec2.authorize_security_group_ingress(
        GroupId=target,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 9443,
                "ToPort": 9443,
                "UserIdGroupPairs": [{"GroupId": source}],
            }
        ],
    )
    fleet = machines(estate)
    assert estate.allows(fleet["agent"], fleet["server"], 9443)
    assert not estate.allows(fleet["agent"], fleet["server"], 443)
    assert not estate.allows(fleet["server"], fleet["agent"], 9443)
    assert not estate.allows(fleet["web-01"], fleet["server"], 9443)

    ec2.stop_instances(InstanceIds=[fleet["server"].id])
    fleet = machines(estate)
    assert fleet["server"].state == "stopped"
    assert not estate.allows(fleet["agent"], fleet["server"], 9443)
    assert not estate.allows_out(fleet["server"], 443)


def test_closed_egress_shuts_a_machine_in(ec2: EC2Client, estate: Ec2Estate) -> None:
    group = new_group(ec2, estate, "shut")
    run(ec2, estate, "shut-in", [group])
    assert estate.allows_out(machines(estate)["shut-in"], 443)
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)  # type: ignore[arg-type]
    ec2.authorize_security_group_egress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 0,
                "ToPort": 65535,
                "IpRanges": [{"CidrIp": "10.10.0.0/16"}],
            }
        ],
    )
    fleet = machines(estate)
    assert not estate.allows_out(fleet["shut-in"], 443)
    assert estate.allows(fleet["shut-in"], fleet["web-01"], 443)


def test_answers_between_two_looks_are_of_one_moment(ec2: EC2Client, endpoint: str) -> None:
    estate = Ec2Estate(endpoint, REGION, real=Seconds())
    group = new_group(ec2, estate, "moment")
    before = set(machines(estate))
    run(ec2, Ec2Estate(endpoint, REGION, real=Seconds()), "late", [group])
    assert {one.name for one in estate.instances() if one.state != "terminated"} == before
    assert set(machines(estate)) == before | {"late"}


def test_a_fresh_look_is_not_repeated_at_once(ec2: EC2Client, endpoint: str) -> None:
    estate = Ec2Estate(endpoint, REGION, real=Seconds(step=0.01))
    group = new_group(ec2, estate, "hasty")
    before = set(machines(estate))
    run(ec2, Ec2Estate(endpoint, REGION, real=Seconds()), "hasty", [group])
    assert set(machines(estate)) == before
    estate.expire()
    assert set(machines(estate)) == before | {"hasty"}


def test_the_estate_stays_as_it_was_while_ec2_is_away(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = Ec2Estate(endpoint, REGION, real=Seconds())
    before = set(machines(estate))
    away = Ec2Estate("http://127.0.0.1:9", REGION, real=Seconds())
    assert machines(away) == {}
    monkeypatch.setattr(estate, "_ec2", away._ec2)
    assert set(machines(estate)) == before


PORTS = st.sampled_from([22, 80, 443, 445, 9443])
ADDRESSES = st.sampled_from(["10.10.1.11", "10.10.1.12", "10.10.2.10", "10.11.0.5"])
GROUP_IDS = st.sampled_from(["sg-a", "sg-b", "sg-c"])
RULES = st.builds(
    Rule,
    protocol=st.sampled_from(["tcp", "6", "udp", "-1"]),
    from_port=st.sampled_from([None, 0, 80, 443]),
    to_port=st.sampled_from([None, 80, 443, 65535]),
    cidrs=st.lists(st.sampled_from(["10.10.0.0/16", "10.10.1.0/24", "0.0.0.0/0"]), max_size=2).map(
        tuple
    ),
    groups=st.lists(GROUP_IDS, max_size=2).map(tuple),
)
GROUPS = st.fixed_dictionaries(
    {
        name: st.builds(
            SecurityGroup,
            group_id=st.just(name),
            ingress=st.lists(RULES, max_size=2).map(tuple),
            egress=st.lists(RULES, max_size=2).map(tuple),
        )
        for name in ("sg-a", "sg-b", "sg-c")
    }
)
SIDES = st.builds(Endpoint, ADDRESSES, st.lists(GROUP_IDS, max_size=2).map(tuple))


@given(GROUPS, SIDES, SIDES, PORTS)
def test_what_is_let_through_is_let_out_and_in_by_a_rule_that_names_both(
    groups: dict[str, SecurityGroup], source: Endpoint, target: Endpoint, port: int
) -> None:
    if not security_groups.allows(groups, source, target, port):
        return
    for side, other, of in ((source, target, "egress"), (target, source, "ingress")):
        rules = [rule for name in side.groups for rule in getattr(groups[name], of)]
        assert any(
            (rule.protocol in ("tcp", "6", "-1"))
            and (rule.cidrs or set(rule.groups) & set(other.groups))
            for rule in rules
        )


@given(GROUPS, SIDES, SIDES, PORTS, RULES)
def test_another_rule_never_closes_anything(
    groups: dict[str, SecurityGroup], source: Endpoint, target: Endpoint, port: int, rule: Rule
) -> None:
    before = security_groups.allows(groups, source, target, port)
    more = {
        name: SecurityGroup(name, (*group.ingress, rule), (*group.egress, rule))
        for name, group in groups.items()
    }
    assert security_groups.allows(more, source, target, port) >= before


@given(GROUPS, SIDES, SIDES, PORTS)
def test_a_machine_without_groups_reaches_nothing_and_is_not_reached(
    groups: dict[str, SecurityGroup], source: Endpoint, target: Endpoint, port: int
) -> None:
    alone = Endpoint(source.address, ())
    assert not security_groups.allows(groups, alone, target, port)
    assert not security_groups.allows(groups, target, alone, port)
    assert not security_groups.allows_out(groups, alone, port)


@pytest.mark.parametrize(
    ("cidr", "out"), [("0.0.0.0/0", True), ("10.0.0.0/8", False), ("203.0.113.0/24", True)]
)
def test_the_way_out_is_a_rule_for_the_internet(cidr: str, out: bool) -> None:
    group = SecurityGroup("sg-a", egress=(Rule("tcp", 443, 443, (cidr,)),))
    source = Endpoint("10.10.1.11", ("sg-a",))
    assert security_groups.allows_out({"sg-a": group}, source, 443) == out
    assert not security_groups.allows_out({"sg-a": group}, source, 80)


def test_a_written_estate_without_groups_lets_running_machines_through() -> None:
    web, stopped = (
        Instance("i-1", "web", "10.0.0.4"),
        Instance("i-2", "off", "10.0.0.5", state="stopped"),
    )
    estate = StaticEstate([web, stopped])
    assert estate.allows(web, web, 9443)
    assert estate.allows_out(web, 443)
    assert not estate.allows(web, stopped, 443)
    assert not estate.allows_out(stopped, 443)


def test_a_written_estate_with_groups_keeps_to_them() -> None:
    group = SecurityGroup("sg-a", ingress=(Rule("tcp", 443, 443, groups=("sg-a",)),))
    one = Instance("i-1", "one", "10.0.0.4", security_groups=("sg-a",))
    two = Instance("i-2", "two", "10.0.0.5")
    estate = StaticEstate([one, two], [group])
    assert estate.allows(one, one, 443)
    assert not estate.allows(one, one, 9443)
    assert not estate.allows(two, one, 443)


@pytest.mark.parametrize(
    ("image", "system"),
    [
        ("Windows_Server-2016-English-Full-Base-2019.01.10", "windows-server-2016"),
        ("RHEL-6.7_HVM_GA-20160412-x86_64-1-Hourly2-GP2", "rhel-6.7"),
        ("RHEL-6.70_HVM", "rhel-6.70"),
        ("Windows_Server-2022-English-Full-Base-2024.01.10", "windows-server-2022"),
        ("ubuntu/images/hvm-ssd/ubuntu-xenial-16.04-amd64-server-20190212", "ubuntu-16.04"),
        ("suse-sles-12-sp5-v20220719-hvm-ssd-x86_64", "sles-12-sp5"),
        ("CentOS Linux 7.9.2009 x86_64", "centos-7.9"),
        ("OL7.9-x86_64-HVM-2020-12-07", "oracle-7.9"),
        ("al2023-ami-2023.3.20240108.0-kernel-6.1-x86_64", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_name_of_an_image_tells_its_system(image: str, system: str) -> None:
    assert operating_systems.of_image(image) == system


def test_ec2_is_described_again_only_after_something_changed_in_it(
    ec2: EC2Client, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = []

    def counted(client: EC2Client) -> network.Region:
        described.append(client)
        return network.describe(client)

    monkeypatch.setattr("emulator.guests.ec2_estate.describe", counted)
    estate = Ec2Estate(endpoint, REGION, real=Seconds())
    before = machines(estate)
    for _ in range(3):
        assert machines(estate) == before
    assert len(described) == 1
    ec2.create_tags(Resources=[before["web-01"].id], Tags=[{"Key": "a", "Value": "b"}])
    assert machines(estate)["web-01"].tags["a"] == "b"
    assert len(described) == 2


def test_of_a_change_of_a_security_group_only_the_groups_are_read(
    ec2: EC2Client, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = Ec2Estate(endpoint, REGION, real=Seconds())
    group = new_group(ec2, estate, "read alone")
    run(ec2, estate, "its member", [group])
    fleet = machines(estate)
    assert not estate.allows(fleet["web-01"], fleet["its member"], 8443)
    with urllib.request.urlopen(f"{endpoint}/_emulator/health") as answer:
        facts = json.load(answer)
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 8443,
                "ToPort": 8443,
                "IpRanges": [{"CidrIp": "10.10.0.0/16"}],
            }
        ],
    )
    for name in ("describe", "describe_instances", "describe_network"):
        monkeypatch.setattr(f"emulator.guests.ec2_estate.{name}", None)
    estate.changed(Change(number=facts["changes"] + 1, run=facts["run"], groups=True))
    assert estate.allows(fleet["web-01"], fleet["its member"], 8443)
