from __future__ import annotations

import re

import pytest

import components
from components import Attachment, security_groups
from settings.schema.proxy import Proxy
from site_recovery.aws.service_endpoints import SERVICES, ManagementEndpoints
from tests.components.harness import Deployment, deploy

WINDOWS = {"web-01": Attachment("eni-1", "windows"), "web-02": Attachment("eni-2", "windows")}
LINUX = {"db-01": Attachment("eni-3", "linux")}

INGRESS = "vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ATTACHMENT = "NetworkInterfaceSecurityGroupAttachment"

TO_SERVER = {("windows", "server", 443), ("windows", "server", 9443)}
PUSH = {("server", "windows", 135), ("server", "windows", 445)}


def groups(
    machines: dict[str, Attachment], *, push: bool = True, server: str | None = None
) -> Deployment:
    args = components.SecurityGroupsArgs(
        "vpc-1", "eu-west-1", "ec2-to-azure-test", push, server, machines
    )
    return deploy(lambda: components.SecurityGroups("security-groups", args))


def let_in(deployment: Deployment) -> set[tuple[str, str, int]]:
    """The ingress rules: source group, target group and port."""
    return {
        (
            rule.inputs["referencedSecurityGroupId"].removesuffix("-id"),
            rule.inputs["securityGroupId"].removesuffix("-id"),
            rule.inputs["fromPort"],
        )
        for rule in deployment.all(INGRESS)
    }


def let_out(deployment: Deployment) -> set[tuple[str, str, int]]:
    """The egress rules: source group, target group or addresses, and port."""
    return {
        (
            rule.inputs["securityGroupId"].removesuffix("-id"),
            rule.inputs.get("cidrIpv4")
            or rule.inputs["referencedSecurityGroupId"].removesuffix("-id"),
            rule.inputs["fromPort"],
        )
        for rule in deployment.all(EGRESS)
    }


def test_windows_machines_and_the_server_may_do_what_the_procedure_needs_and_no_more() -> None:
    deployment = groups(WINDOWS)
    assert let_in(deployment) == TO_SERVER | PUSH
    assert let_out(deployment) == TO_SERVER | PUSH | {("server", "0.0.0.0/0", 443)}


def test_linux_machines_take_ssh_and_not_the_ports_of_windows() -> None:
    deployment = groups(LINUX)
    assert let_in(deployment) == {
        ("linux", "server", 443),
        ("linux", "server", 9443),
        ("server", "linux", 22),
    }


def test_no_family_gets_the_ports_of_another() -> None:
    pushed = {rule for rule in let_in(groups({**WINDOWS, **LINUX})) if rule[0] == "server"}
    assert pushed == PUSH | {("server", "linux", 22)}


def test_nothing_comes_in_from_addresses_and_nothing_goes_by_another_protocol() -> None:
    deployment = groups({**WINDOWS, **LINUX})
    for rule in deployment.all(INGRESS):
        assert "cidrIpv4" not in rule.inputs
        assert "cidrIpv6" not in rule.inputs
    for rule in [*deployment.all(INGRESS), *deployment.all(EGRESS)]:
        assert rule.inputs["ipProtocol"] == "tcp"
        assert rule.inputs["fromPort"] == rule.inputs["toPort"]


def test_every_rule_says_why_in_words_that_ec2_takes() -> None:
    deployment = groups({**WINDOWS, **LINUX})
    allowed = re.compile(r"[A-Za-z0-9. _\-:/()#,@\[\]+=&;{}!$*]{10,255}")
    for rule in [*deployment.all(INGRESS), *deployment.all(EGRESS)]:
        assert allowed.fullmatch(rule.inputs["description"])


def test_groups_begin_without_rules_of_their_own_in_the_machines_vpc() -> None:
    for group in groups({**WINDOWS, **LINUX}).all("SecurityGroup"):
        assert group.inputs["vpcId"] == "vpc-1"
        assert "ingress" not in group.inputs
        assert "egress" not in group.inputs
        assert group.inputs["name"].startswith("ec2-to-azure-test-")


def fenced(**endpoints: tuple[str, ...]) -> Deployment:
    """The groups of machines that are fenced, with these endpoints of Systems Manager."""
    args = components.SecurityGroupsArgs(
        *("vpc-1", "eu-west-1", "ec2-to-azure-test", False, None, WINDOWS),
        fences=True,
        management=ManagementEndpoints(endpoints),
    )
    return deploy(lambda: components.SecurityGroups("security-groups", args))


def out_of_the_fence(deployment: Deployment) -> set[tuple[str, int]]:
    return {(to, port) for group, to, port in let_out(deployment) if group == "fence"}


REPLICATION = {("server", 443), ("server", 9443)}


def test_a_fence_lets_replication_out_and_systems_manager_at_its_endpoints() -> None:
    deployment = fenced(
        ssm=("10.10.1.5", "10.10.2.5"), ssmmessages=("10.10.1.6",), ec2messages=("10.10.1.6",)
    )
    assert out_of_the_fence(deployment) == REPLICATION | {
        ("10.10.1.5/32", 443),
        ("10.10.2.5/32", 443),
        ("10.10.1.6/32", 443),
    }
    assert not [rule for rule in let_in(deployment) if rule[1] == "fence"]


@pytest.mark.parametrize("there", [{}, {"ssm": ("10.10.1.5",), "ssmmessages": ("10.10.1.6",)}])
def test_without_all_endpoints_a_fence_lets_443_out_to_anywhere_and_says_so(
    there: dict[str, tuple[str, ...]],
) -> None:
    """An old agent uses the one that is missing, and could not prove its fence."""
    assert out_of_the_fence(fenced(**there)) == REPLICATION | {("0.0.0.0/0", 443)}
    limit = security_groups.open_way(ManagementEndpoints(there), "vpc-1")
    assert "lets tcp 443 out to every address" in limit
    assert "ec2messages" in limit
    assert ("ssmmessages" in limit) == (not there)


def test_with_all_endpoints_there_is_no_limit_to_tell() -> None:
    all_of_them = ManagementEndpoints(dict.fromkeys(SERVICES, ("10.10.1.5",)))
    assert security_groups.open_way(all_of_them, "vpc-1") == ""


def test_a_fence_outlives_its_stack_where_machines_have_it_and_takes_no_name_of_another() -> None:
    deployment = fenced()
    group, clearance = deployment.one("SecurityGroup", "fence"), deployment.one("asr:Fence")
    assert group.retained
    assert "name" not in group.inputs
    assert group.inputs["namePrefix"] == "ec2-to-azure-test-fence-"
    assert group.inputs["tags"] == {"Name": "ec2-to-azure-test-fence"}
    assert clearance.inputs["tag"] == "ec2-to-azure-test-fence"
    assert clearance.inputs["region"] == "eu-west-1"
    rules = [
        rule
        for rule in (*deployment.all(EGRESS), *deployment.all(INGRESS))
        if rule.name.startswith("fence-")
    ]
    assert rules
    for rule in rules:
        assert deployment.waits_for(rule, clearance), "EC2 deletes no group that a rule names"
    assert not [g for g in deployment.all("SecurityGroup") if g.retained and g.name != "fence"]


def test_a_fence_that_machines_have_stays_without_rules_when_cutovers_are_switched_off() -> None:
    args = components.SecurityGroupsArgs(
        *("vpc-1", "eu-west-1", "ec2-to-azure-test", False, None, WINDOWS), fenced=True
    )
    deployment = deploy(lambda: components.SecurityGroups("security-groups", args))
    assert deployment.one("SecurityGroup", "fence").retained
    assert out_of_the_fence(deployment) == set()


def test_each_machine_is_attached_beside_the_groups_that_it_has() -> None:
    deployment = groups({**WINDOWS, **LINUX})
    assert {
        (a.name, a.inputs["networkInterfaceId"], a.inputs["securityGroupId"])
        for a in deployment.all(ATTACHMENT)
    } == {
        ("web-01", "eni-1", "windows-id"),
        ("web-02", "eni-2", "windows-id"),
        ("db-01", "eni-3", "linux-id"),
    }


def test_a_fleet_that_is_gone_leaves_only_the_servers_group() -> None:
    deployment = groups({})
    assert [group.name for group in deployment.all("SecurityGroup")] == ["server"]
    assert let_in(deployment) == set()
    assert let_out(deployment) == {("server", "0.0.0.0/0", 443)}


def test_a_server_that_installs_nothing_is_not_let_into_machines() -> None:
    deployment = groups({"web-01": Attachment("eni-1", "windows")}, push=False)
    assert let_in(deployment) == TO_SERVER


def test_a_server_that_is_there_keeps_its_group_and_gets_the_rules() -> None:
    deployment = groups({"web-01": Attachment("eni-1", "windows")}, push=False, server="sg-there")
    assert let_in(deployment) == {("windows", "sg-there", port) for _, _, port in TO_SERVER}
    assert [g.name for g in deployment.all("securityGroup:SecurityGroup")] == ["windows"]


@pytest.mark.parametrize(
    ("url", "cidr"),
    [
        ("http://10.10.0.10:3128", "10.10.0.10/32"),
        ("http://proxy.example.com:8080", "0.0.0.0/0"),
    ],
)
def test_server_and_fence_may_connect_to_the_proxy(url: str, cidr: str) -> None:
    proxy = Proxy(url=url)
    args = components.SecurityGroupsArgs(
        "vpc-1", "eu-west-1", "test", False, None, LINUX, True, proxy=proxy
    )
    deployment = deploy(lambda: components.SecurityGroups("groups", args))
    assert {("server", cidr, proxy.port), ("fence", cidr, proxy.port)} <= let_out(deployment)
