from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

import settings
from settings import Aws, ServerPlan
from settings.preflight.preflight import FactsReader, Preflight
from site_recovery.aws.disks import Disk
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.aws.inventory import Driver
from site_recovery.aws.managed_instances import ManagedInstance
from site_recovery.aws.placement import Placement
from site_recovery.aws.server_facts import InstanceType, ServerFacts, ServerQuestion, Subnet
from site_recovery.aws.service_endpoints import ManagementEndpoints
from site_recovery.azure import connection
from site_recovery.declared.target import TargetSpec
from site_recovery.errors import MigrationError
from site_recovery.problems import Problem
from tests.settings import configs

VPC = "vpc-0123456789abcdef0"
NEWEST = "ami-00000000000002022"
DENIED = Problem("AWS", "it refused: AccessDenied", "Check what the credentials may call")


def facts(instance_id: str, **changes: Any) -> MachineFacts:
    values: dict[str, Any] = {
        "instance_id": instance_id,
        "state": "running",
        "private_ip": "10.10.1.11",
        "platform": "windows",
        "os": "windows-server-2012-r2",
        "image_name": "Windows_Server-2012-R2_RTM-English-64Bit-Base-2017.09.13",
        "architecture": "x86_64",
        "virtualization": "hvm",
        "instance_type": "t2.large",
        "vpc_id": VPC,
        "subnet_id": "subnet-0123456789abcdef0",
        "network_interface_id": "eni-0123456789abcdef0",
        "security_group_ids": ("sg-0123456789abcdef0",),
        "disks": (Disk("/dev/sda1", 50, "vol-1"),),
    }
    return MachineFacts(**{**values, **changes})


def ec2(asked: list[str] | None = None, **changed: dict[str, Any] | None) -> FactsReader:
    """A stub of EC2 in which all machines are fine, except the changed ones; None is a missing one.
    Machines are keywords with `_` in place of `-`."""

    def read(ids: Mapping[str, str], region: str) -> tuple[dict[str, MachineFacts], list[Problem]]:
        if asked is not None:
            asked.extend(ids)
        changes = {name.replace("_", "-"): change for name, change in changed.items()}
        found, problems = {}, []
        for name, instance_id in ids.items():
            change = changes.get(name, {})
            if change is None:
                what = f"there is no instance {instance_id} in {region}"
                problems.append(Problem(f"machines.{name}.instanceId", what, "Correct the id"))
            else:
                found[name] = facts(instance_id, **change)
        return found, problems

    return read


def server(
    questions: list[ServerQuestion] | None = None, **facts: Any
) -> Callable[[ServerQuestion, str], tuple[ServerFacts | None, list[Problem]]]:
    """A stub of AWS with these facts about the server."""

    def read(question: ServerQuestion, _region: str) -> tuple[ServerFacts, list[Problem]]:
        if questions is not None:
            questions.append(question)
        values = {
            "image_id": question.image_id or NEWEST,
            "subnet": Subnet(VPC, "10.10.2.0/24"),
            "declared_type": InstanceType(16, 65536, ("x86_64",))
            if question.instance_type
            else None,
        }
        return ServerFacts(**{**values, **facts}), []

    return read


def ssm(
    *unmanaged: str, asked: list[str] | None = None, **known: Any
) -> Callable[[Iterable[str], str], tuple[dict[str, ManagedInstance], list[Problem]]]:
    """A stub of Systems Manager that manages all instances except some."""

    def read(ids: Iterable[str], _region: str) -> tuple[dict[str, ManagedInstance], list[Problem]]:
        if asked is not None:
            asked.extend(ids)
        values = {"ping": "Online", "platform_name": "", "platform_version": "", **known}
        return {i: ManagedInstance(i, **values) for i in ids if i not in unmanaged}, []

    return read


def inventory(
    asked: list[str] | None = None, **drivers: tuple[Driver, ...]
) -> Callable[[Iterable[str], str], tuple[dict[str, tuple[Driver, ...]], list[Problem]]]:
    """A stub of the inventory with these drivers, by machines of `configs`. They are keywords with
    `_` in place of `-`."""
    machines = configs.valid()["machines"]
    listed = {
        machines[name.replace("_", "-")]["instanceId"]: found for name, found in drivers.items()
    }

    def read(
        ids: Iterable[str], _region: str
    ) -> tuple[dict[str, tuple[Driver, ...]], list[Problem]]:
        wanted = list(ids)
        if asked is not None:
            asked.extend(wanted)
        return {name: found for name, found in listed.items() if name in wanted}, []

    return read


def kernels(**releases: str) -> Callable[..., tuple[dict[str, tuple[str, ...]], list[Problem]]]:
    """A stub of the inventory with these kernels, by machine; blanks part several."""
    machines = configs.valid()["machines"]
    listed = {
        machines[name.replace("_", "-")]["instanceId"]: tuple(found.split())
        for name, found in releases.items()
    }
    return lambda ids, _: ({name: listed[name] for name in ids if name in listed}, [])


def endpoints(
    asked: list[str] | None = None, *problems: Problem, **addresses: tuple[str, ...]
) -> Callable[[str, str], tuple[ManagementEndpoints, list[Problem]]]:
    """A stub that has these endpoints, and notes the VPCs that it is asked for."""

    def read(vpc_id: str, _region: str) -> tuple[ManagementEndpoints, list[Problem]]:
        if asked is not None:
            asked.append(vpc_id)
        return ManagementEndpoints(addresses), list(problems)

    return read


def examine(config: dict[str, Any], reader: FactsReader, **others: Any) -> Preflight:
    answers = {
        "server_facts": server(),
        "managed_instances": ssm(),
        "installed_drivers": inventory(),
        "installed_kernels": kernels(),
        "management_endpoints": endpoints(),
    }
    aws = Aws(**{**answers, **others})
    return settings.examine(
        settings.read(config),
        "ec2-to-azure-test",
        replace(aws, machine_facts=reader),
        lambda: "http://127.0.0.1:5000",
    )


def at(endpoint: Callable[[], str], config: dict[str, Any]) -> Preflight:
    """A preflight with this endpoint of Resource Manager, and no problems in AWS."""
    aws = Aws(
        ec2(),
        server(),
        ssm(),
        installed_drivers=inventory(),
        management_endpoints=endpoints(),
    )
    return settings.examine(settings.read(config), "ec2-to-azure-test", aws, endpoint)


def places(preflight: Preflight) -> list[str]:
    return sorted(problem.path for problem in preflight.problems)


def test_machines_that_are_fine_have_facts_and_no_problem() -> None:
    preflight = examine(configs.valid(), ec2())
    assert preflight.problems == ()
    assert set(preflight.facts) == {"web-01", "web-02", "db-01"}


def test_every_machine_that_cannot_migrate_is_named_at_once() -> None:
    preflight = examine(
        configs.valid(),
        ec2(web_01=None, web_02={"architecture": "arm64"}, db_01={"state": "stopped"}),
    )
    assert places(preflight) == [
        "machines.db-01.instanceId",
        "machines.web-01.instanceId",
        "machines.web-02",
    ]


def test_machines_are_looked_up_even_when_the_config_is_wrong_elsewhere() -> None:
    config = configs.changed("target", "vault", value="?")
    assert places(examine(config, ec2(db_01=None))) == ["machines.db-01.instanceId"]


def test_a_machine_whose_own_settings_are_wrong_is_not_looked_up() -> None:
    asked: list[str] = []
    examine(configs.changed("machines", "db-01", "instanceId", value="?"), ec2(asked))
    assert asked == ["web-01", "web-02"]


def test_a_machine_of_no_wave_is_not_looked_up() -> None:
    asked: list[str] = []
    examine(
        configs.changed("machines", "later", value={"instanceId": "i-00000000000000009"}),
        ec2(asked),
    )
    assert "later" not in asked


def test_without_a_region_there_is_nothing_to_ask() -> None:
    asked: list[str] = []
    preflight = examine(configs.changed("aws:region", value=""), ec2(asked))
    assert (preflight.facts, preflight.problems, preflight.server) == ({}, (), None)
    assert asked == []


def test_a_cloud_that_does_not_answer_is_one_problem_and_no_machines() -> None:
    silence = Problem("AWS", "EC2 does not answer", "Check the network")
    preflight = examine(configs.valid(), lambda _ids, _region: ({}, [silence]))
    assert preflight.problems == (silence,)


def test_a_machine_of_another_vpc_is_refused() -> None:
    preflight = examine(configs.valid(), ec2(db_01={"vpc_id": "vpc-0000000000000000f"}))
    (problem,) = preflight.problems
    assert problem.path == "machines.db-01.instanceId"
    assert VPC in problem.what


@pytest.mark.parametrize("phase", ["failed-over", "migrated"])
@pytest.mark.parametrize(
    "source", [None, {"state": "terminated", "vpc_id": None, "os": None}, {"state": "stopped"}]
)
def test_a_machine_that_should_run_in_azure_may_have_lost_its_source(
    phase: str, source: dict[str, Any] | None
) -> None:
    preflight = examine(configs.changed("waves", "pilot", "phase", value=phase), ec2(web_01=source))
    assert preflight.problems == ()
    assert list(preflight.gone) == ["web-01"]


def test_a_lost_source_is_known_by_a_name_with_full_stops_too() -> None:
    config = configs.changed("waves", "pilot", value={"phase": "migrated", "machines": ["web.03"]})
    config["machines"]["web.03"] = {
        "instanceId": "i-00000000000000009",
        "target": {"vmName": "web-03"},
    }

    def read(ids: Mapping[str, str], region: str) -> tuple[dict[str, MachineFacts], list[Problem]]:
        found, problems = ec2()({n: i for n, i in ids.items() if n != "web.03"}, region)
        return found, [*problems, Problem('machines["web.03"].instanceId', "no instance", "-")]

    preflight = examine(config, read)
    assert preflight.problems == ()
    assert list(preflight.gone) == ["web.03"]


@pytest.mark.parametrize("phase", ["protected", "test-failover"])
def test_a_machine_that_should_replicate_needs_its_source(phase: str) -> None:
    preflight = examine(
        configs.changed("waves", "pilot", "phase", value=phase),
        ec2(web_01={"state": "terminated", "vpc_id": None}),
    )
    assert "machines.web-01.instanceId" in places(preflight)
    assert preflight.gone == {}


def test_a_running_machine_is_judged_in_every_phase() -> None:
    preflight = examine(
        configs.changed("waves", "pilot", "phase", value="migrated"),
        ec2(web_01={"architecture": "arm64"}),
    )
    assert places(preflight) == ["machines.web-01"]


def test_what_the_config_states_counts_for_the_support_matrix() -> None:
    reader = ec2(db_01={"os": None, "image_name": None})
    assert places(examine(configs.valid(), reader)) == ["machines.db-01.os"]
    stated = configs.changed("machines", "db-01", "os", value="windows-server-2012")
    assert examine(stated, reader).problems == ()


@pytest.mark.parametrize("written", [{"name": "Ubuntu-24.04"}, {}])
def test_a_newer_system_is_taken_if_the_config_accepts_it_and_the_preview_marks_it(
    written: dict[str, str],
) -> None:
    reader = ec2(db_01={"platform": "linux", "os": "ubuntu-24.04"})
    config = configs.put(configs.modernized(), "machines", "db-01", "os", value=written or None)
    if not written:
        del config["machines"]["db-01"]["os"]
    [problem] = examine(config, reader).problems
    assert "write os: {unsupported: accepted}" in problem.way_out
    config["machines"]["db-01"]["os"] = {**written, "unsupported": "accepted"}
    preflight = examine(config, reader)
    assert preflight.problems == ()
    [remark] = preflight.remarks
    assert remark.startswith("db-01: ubuntu-24.04 is not in the support matrix")


CARRIED = {"team": "shop", "Name": "web", "app-id": "7", "aws:autoscaling:x": "y"}


@pytest.mark.parametrize(
    ("patterns", "own", "expected"),
    [
        (["*"], {}, {"team": "shop", "Name": "web", "app-id": "7"}),
        (["*", "!app-*"], {}, {"team": "shop", "Name": "web"}),
        (["!app-*", "*"], {}, {"team": "shop", "Name": "web", "app-id": "7"}),
        (["app-*", "team"], {}, {"team": "shop", "app-id": "7"}),
        (["*", "!a*", "app-*"], {}, {"team": "shop", "Name": "web", "app-id": "7"}),
        (["TEAM", "te?m", "[t]eam"], {}, {}),
        (["team"], {"Team": "ours"}, {"Team": "ours"}),
    ],
)
def test_tags_of_the_instance_are_carried_over_by_pattern(
    patterns: list[str], own: dict[str, str], expected: dict[str, str]
) -> None:
    source = {**CARRIED, "site-recovery:cutover": "x"}
    spec = TargetSpec.model_validate({"tagsFromSource": patterns, "tags": own})
    assert spec.with_tags_of(source).tags == expected
    assert TargetSpec.model_validate({"tags": own}).with_tags_of(source).tags == own


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        (CARRIED, None),
        ({"app/id": "7"}, "the tag 'app/id' of instance"),
        ({"microsoft-id": "7"}, "Azure keeps names of tags for itself"),
        ({"Owner": "a", "owner": "b"}, "are one tag for Azure, which ignores case"),
        ({f"t{n}": "x" for n in range(49)}, "there are 49 tags, and Azure takes 48"),
        ({f"t{n}": "x" for n in range(48)}, None),
    ],
)
def test_tags_of_the_instance_that_azure_does_not_take_are_refused_in_preview(
    tags: dict[str, str], words: str | None
) -> None:
    wave = next(name for name, w in configs.valid()["waves"].items() if "web-01" in w["machines"])
    config = configs.changed("waves", wave, "target", value={"tagsFromSource": ["*"]})
    found = examine(config, ec2(web_01={"tags": tags})).problems
    if words is None:
        assert found == ()
        return
    [problem] = found
    assert problem.path == "machines.web-01.target.tagsFromSource"
    assert words in problem.what
    config["waves"][wave]["target"]["tagsFromSource"] = ["*", *(f"!{tag}" for tag in tags)]
    assert examine(config, ec2(web_01={"tags": tags})).problems == ()


@pytest.mark.parametrize("patterns", [[], [""], ["!"], [" "], ["a\u202e"], [7], "team", {}])
def test_what_is_no_list_of_patterns_is_refused(patterns: Any) -> None:
    config = configs.changed("machines", "web-01", "target", value={"tagsFromSource": patterns})
    report = configs.report(config)
    assert report
    assert all(place.startswith("machines.web-01.target.tagsFromSource") for place in report)


def test_what_the_config_states_may_not_contradict_what_ec2_knows() -> None:
    config = configs.put(configs.modernized(), "machines", "db-01", "os", value="rhel-8.4")
    [problem] = examine(config, ec2()).problems
    assert problem.path == "machines.db-01.os"
    assert "windows" in problem.what
    assert examine(config, ec2(db_01={"platform": "linux", "os": None})).problems == ()


@pytest.mark.parametrize(
    "endpoint", ["https://management.azure.com", "https://westeurope.management.azure.com"]
)
def test_classic_on_azure_itself_is_refused_with_the_date_and_the_way_out(endpoint: str) -> None:
    [problem] = at(lambda: endpoint, configs.valid()).problems
    assert problem.path == "experience"
    assert "31 January 2026" in problem.what
    assert "experience: modernized" in problem.way_out
    assert "allowRetiredClassic" in problem.way_out


@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [
        ("https://management.azure.com", True),
        ("https://management.local.azurestack.external", False),
        ("http://127.0.0.1:5000", False),
    ],
)
def test_elsewhere_or_when_it_is_allowed_classic_is_taken(endpoint: str, allowed: bool) -> None:
    config = configs.changed("allowRetiredClassic", value=str(allowed).lower())
    assert at(lambda: endpoint, config).problems == ()


def test_what_is_allowed_counts_in_a_config_that_is_wrong_elsewhere() -> None:
    config = configs.changed("allowRetiredClassic", value="true")
    config["target"]["vault"] = "?"
    assert at(lambda: "https://management.azure.com", config).problems == ()


def test_an_endpoint_that_would_leak_credentials_is_a_problem_like_any_other() -> None:
    def endpoint() -> str:
        raise MigrationError("plain http is for local clouds only")

    for config in (configs.valid(), configs.modernized()):
        [problem] = at(endpoint, config).problems
        assert problem.path == "AZURE_RESOURCE_MANAGER_ENDPOINT"


def test_an_unknown_cloud_of_the_environment_is_refused_by_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ARM_ENVIRONMENT", "mars")
    monkeypatch.delenv("AZURE_RESOURCE_MANAGER_ENDPOINT", raising=False)
    [problem] = at(connection.endpoint, configs.modernized()).problems
    assert problem.path == "ARM_ENVIRONMENT"
    assert "there is no such cloud of Azure" in problem.what


def test_modernized_is_taken_by_azure_itself() -> None:
    preflight = at(lambda: "https://management.azure.com", configs.modernized())
    assert preflight.problems == ()


def test_a_machine_that_systems_manager_does_not_manage_is_held_and_others_are_not() -> None:
    preflight = examine(configs.modernized(), ec2(), managed_instances=ssm("i-00000000000000002"))
    assert preflight.problems == ()
    assert list(preflight.holds) == ["web-02"]
    assert "AmazonSSMManagedInstanceCore" in preflight.holds["web-02"]
    assert "replication.agent.installation" in preflight.holds["web-02"]


ROLES = {"arn:aws:iam::1:role/web": "AROAWEB"}


def profiles(**roles: dict[str, str]) -> Any:
    """A stub of IAM with the roles of these profiles, by ARN."""
    return lambda arns, _: ({arn: roles[arn] for arn in arns}, [])


@pytest.mark.parametrize("silent", [(), ("i-00000000000000002",)])
def test_a_machine_whose_instance_profile_has_no_role_is_held_and_others_are_not(
    silent: tuple[str, ...],
) -> None:
    preflight = examine(
        configs.modernized(),
        ec2(web_01={"instance_profile_arn": "web"}, web_02={"instance_profile_arn": "gone"}),
        managed_instances=ssm(*silent),
        profile_roles=profiles(web=ROLES, gone={}),
    )
    assert preflight.problems == ()
    assert preflight.agent_roles == ROLES
    assert list(preflight.holds) == ["web-02"]
    assert "its instance profile gone was deleted or has no role" in preflight.holds["web-02"]
    assert "replace-iam-instance-profile-association" in preflight.holds["web-02"]


def test_a_machine_whose_agent_fell_silent_is_held() -> None:
    preflight = examine(configs.modernized(), ec2(), managed_instances=ssm(ping="ConnectionLost"))
    assert set(preflight.holds) == {"web-01", "web-02", "db-01"}
    assert "ConnectionLost" in preflight.holds["db-01"]


@pytest.mark.parametrize("installation", ["push", "manual"])
def test_systems_manager_is_asked_only_where_it_installs_or_proves_a_fence(
    installation: str,
) -> None:
    asked: list[str] = []
    config = configs.changed("replication", "agent", "installation", value=installation)
    for wave in config["waves"].values():
        wave["cutover"] = {"mode": "latest"}
    examine(config, ec2(), managed_instances=ssm(asked=asked))
    assert asked == []


def test_only_running_machines_are_asked_for_in_systems_manager() -> None:
    asked: list[str] = []
    examine(
        configs.modernized(),
        ec2(db_01={"state": "stopped"}),
        managed_instances=ssm(asked=asked),
    )
    assert sorted(asked) == ["i-00000000000000001", "i-00000000000000002"]


def test_the_agent_tells_the_operating_system_where_the_image_does_not() -> None:
    reader = ec2(db_01={"os": None, "platform": "linux", "image_name": "our golden image"})
    rhel = ssm(platform_name="Red Hat Enterprise Linux", platform_version="8.4")
    preflight = examine(configs.modernized(), reader, managed_instances=rhel)
    assert preflight.problems == ()
    assert preflight.facts["db-01"].os == "rhel-8.4"
    assert preflight.facts["web-01"].os == "windows-server-2012-r2"


def test_the_endpoints_of_systems_manager_are_read_where_a_machine_is_fenced() -> None:
    asked: list[str] = []
    own = {"ssm": ("10.10.1.5",), "ssmmessages": ("10.10.1.6",), "ec2messages": ("10.10.1.7",)}
    config = configs.valid()

    preflight = examine(config, ec2(), management_endpoints=endpoints(asked, **own))

    assert asked == [config["source"]["vpcId"]]
    assert preflight.management.missing == ()


def test_without_a_fence_nobody_asks_for_endpoints() -> None:
    asked: list[str] = []
    config = configs.valid()
    for wave in config["waves"].values():
        wave["cutover"] = {"mode": "latest"}

    preflight = examine(config, ec2(), management_endpoints=endpoints(asked))

    assert (asked, preflight.problems) == ([], ())


def test_endpoints_that_aws_does_not_tell_are_a_problem() -> None:
    preflight = examine(configs.valid(), ec2(), management_endpoints=endpoints(None, DENIED))
    assert preflight.problems == (DENIED,)


@pytest.mark.parametrize("refused", ["machine_facts", "server_facts", "managed_instances"])
def test_an_aws_that_refuses_is_one_problem(refused: str) -> None:
    def refusal(*_: Any) -> tuple[Any, list[Problem]]:
        return ({} if refused != "server_facts" else None), [DENIED]

    answers = {
        "machine_facts": ec2(),
        "server_facts": server(),
        "managed_instances": ssm(),
        "management_endpoints": endpoints(),
    }
    aws = Aws(**{**answers, refused: refusal})  # type: ignore[arg-type]
    preflight = settings.examine(
        settings.read(configs.modernized()), "p", aws, lambda: "http://127.0.0.1:5000"
    )
    assert preflight.problems == (DENIED,)
    assert preflight.holds == {}
    assert preflight.server is None


@pytest.mark.parametrize(
    ("machines", "missing"),
    [
        ({}, ["windows"]),
        ({"db_01": {"platform": "linux", "os": "rhel-8.4"}}, ["linux", "windows"]),
    ],
)
def test_each_platform_of_a_wave_needs_its_package(
    machines: dict[str, Any], missing: list[str]
) -> None:
    config = configs.modernized()
    del config["replication"]
    problems = examine(config, ec2(**machines)).problems
    assert sorted(p.path for p in problems) == [f"replication.agent.{p}" for p in missing]
    assert all(r"E:\Software\Agents" in p.way_out for p in problems)


def test_a_server_can_be_made_before_there_is_a_package_or_a_wave() -> None:
    config = configs.modernized()
    del config["replication"]
    config["waves"] = {}
    preflight = examine(config, ec2())
    assert preflight.problems == ()
    assert preflight.server == ServerPlan(NEWEST, "c5.2xlarge", 620)


def test_no_package_is_needed_where_a_person_or_the_server_installs() -> None:
    assert examine(configs.valid(), ec2()).problems == ()
    config = configs.put(configs.modernized(), "replication", "agent", value={})
    config["replication"]["agent"]["installation"] = "manual"
    assert examine(config, ec2()).problems == ()


@pytest.mark.parametrize(
    ("groups", "quota", "refused"),
    [
        ("a b c d", 5, False),
        ("a b c d e", 5, True),
        ("a b c d e", 6, False),
        ("a b c d e f", 6, True),
        ("a b c d e f", 16, False),
        ("a b c d ec2-to-azure-test-windows", 5, False),
        ("a b c d ec2-to-azure-other-windows", 5, True),
    ],
)
def test_a_machine_needs_room_for_one_more_security_group(
    groups: str, quota: int, refused: bool
) -> None:
    preflight = examine(
        configs.valid(),
        ec2(db_01=in_groups(groups)),
        groups_of_an_interface=lambda region: (quota, []),
    )
    assert places(preflight) == (["machines.db-01"] if refused else [])


def test_a_quota_is_asked_for_only_where_it_matters_and_said_to_be_unknown_once() -> None:
    asked: list[str] = []

    def denied(region: str) -> tuple[int, list[Problem]]:
        asked.append(region)
        return 5, [Problem("AWS", "Service Quotas refused", "Allow servicequotas:GetServiceQuota")]

    few, many = in_groups("a b c d"), in_groups("a b c d e")
    assert places(examine(configs.valid(), ec2(db_01=few), groups_of_an_interface=denied)) == []
    assert asked == []
    facts = ec2(db_01=many, web_01=many)
    assert places(examine(configs.valid(), facts, groups_of_an_interface=denied)) == ["AWS"]
    assert asked == ["eu-west-1"]


def in_groups(names: str) -> dict[str, Any]:
    """The facts of a machine whose interface has security groups of these names."""
    groups = tuple(names.split())
    return {
        "security_group_ids": tuple(f"sg-{group}" for group in groups),
        "security_group_names": groups,
    }


UBUNTU = {"os": "ubuntu-22.04", "platform": "linux"}


@pytest.mark.parametrize(
    ("releases", "held"),
    [
        ("5.15.0-1051-aws", True),
        ("5.15.0-1051-aws 6.8.0-1018-aws", True),
        ("5.15.0-1051-aws 5.15.0-91-generic", False),
        ("6.2.0-1018-azure", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("installation", ["ssm", "manual"])
def test_a_machine_that_has_kernels_of_ec2_alone_is_held(
    releases: str, held: bool, installation: str
) -> None:
    config = configs.put(
        configs.modernized(), "replication", "agent", "installation", value=installation
    )
    found = kernels(web_01=releases)
    preflight = examine(config, ec2(web_01=UBUNTU), installed_kernels=found)
    assert ("web-01" in preflight.holds) == held
    if held:
        assert f"no other kernel than {releases.replace(' ', ', ')}" in preflight.holds["web-01"]


def test_the_inventory_is_not_asked_for_kernels_of_others() -> None:
    found = kernels(web_01="5.15.0-1051-aws")
    assert examine(configs.valid(), ec2(), installed_kernels=found).holds == {}


OLD = {"os": "windows-server-2008-r2-sp1"}


def test_drivers_that_the_inventory_lists_need_not_be_stated() -> None:
    reader = ec2(web_01=OLD, web_02=OLD)
    known = inventory(web_01=("citrix-pv",))
    preflight = examine(configs.valid(), reader, installed_drivers=known)
    assert places(preflight) == ["machines.web-02.drivers"]
    assert preflight.facts["web-01"].drivers == ("citrix-pv",)
    assert preflight.facts["web-02"].drivers == ()


def test_drivers_that_are_refused_are_refused_by_the_inventory_too() -> None:
    known = inventory(web_01=("redhat-pv",), web_02=("aws-pv",))
    [problem] = examine(configs.valid(), ec2(), installed_drivers=known).problems
    assert problem.path == "machines.web-01.drivers"
    assert "redhat-pv" in problem.what


def test_what_is_stated_may_not_contradict_the_inventory() -> None:
    config = configs.changed("machines", "web-01", "drivers", value="citrix-pv")
    known = inventory(web_01=("aws-pv",))
    [problem] = examine(config, ec2(web_01=OLD), installed_drivers=known).problems
    assert problem.path == "machines.web-01.drivers"
    assert "says citrix-pv" in problem.what
    assert "lists aws-pv" in problem.what
    agreed = inventory(web_01=("citrix-pv",))
    assert examine(config, ec2(web_01=OLD), installed_drivers=agreed).problems == ()


def test_the_inventory_is_asked_only_for_running_windows_that_drivers_matter_on() -> None:
    asked: list[str] = []
    reader = ec2(
        web_02={"state": "stopped"},
        db_01={"platform": "linux", "os": "rhel-6.7", "state": "running"},
    )
    examine(configs.valid(), reader, installed_drivers=inventory(asked))
    assert asked == ["i-00000000000000001"]


def test_the_inventory_is_not_asked_where_no_driver_is_refused() -> None:
    def never(_ids: Iterable[str], _region: str) -> tuple[dict[str, Any], list[Problem]]:
        raise AssertionError("asked")

    examine(configs.modernized(), ec2(web_01=OLD), installed_drivers=never)
    linux = {"platform": "linux", "os": "rhel-6.7"}
    examine(
        configs.valid(),
        ec2(web_01=linux, web_02=linux, db_01=linux),
        installed_drivers=never,
    )


def test_an_inventory_that_refuses_is_one_problem() -> None:
    def denied(_ids: Iterable[str], _region: str) -> tuple[dict[str, Any], list[Problem]]:
        return {}, [DENIED]

    preflight = examine(configs.valid(), ec2(web_01=OLD), installed_drivers=denied)
    assert preflight.problems == (DENIED,)
    assert preflight.server is None


def test_an_encrypted_volume_is_no_problem() -> None:
    encrypted = {"disks": (Disk("/dev/sda1", 50, "vol-1", encrypted=True),)}
    assert examine(configs.modernized(), ec2(db_01=encrypted)).problems == ()


@pytest.mark.parametrize(
    ("config", "kind", "cache"),
    [(configs.modernized(), "c5.2xlarge", 620), (configs.valid(), "c5.2xlarge", 600)],
)
def test_a_server_without_settings_is_sized_for_the_fleet(
    config: dict[str, Any], kind: str, cache: int
) -> None:
    for declared in ("configurationServer", "replicationAppliance"):
        for key in ("amiId", "instanceType", "cacheGiB"):
            config["source"].get(declared, {}).pop(key, None)
    assert examine(config, ec2()).server == ServerPlan(NEWEST, kind, cache)


def test_a_fleet_that_grew_gets_a_larger_plan() -> None:
    config = configs.modernized()
    fleet = configs.fleet(160)
    config |= {"machines": fleet["machines"], "waves": fleet["waves"]}
    assert examine(config, ec2()).server == ServerPlan(NEWEST, "c5.4xlarge", 1024)


def test_declared_server_settings_are_used() -> None:
    config = configs.valid()
    config["source"]["configurationServer"] |= {"instanceType": "m5.4xlarge", "cacheGiB": 900}
    assert examine(config, ec2()).server == ServerPlan("ami-0123456789abcdef0", "m5.4xlarge", 900)


@pytest.mark.parametrize(
    ("config", "image", "refused"),
    [
        (configs.valid(), "Windows_Server-2016-English-Full-Base-2019.01.10", False),
        (configs.valid(), "Windows_Server-2012-R2_RTM-English-64Bit-Base-2017.09.13", False),
        (configs.valid(), "Windows_Server-2022-English-Full-Base-2024.01.10", True),
        (configs.valid(), "RHEL-8.4_HVM-2021", True),
        (configs.valid(), "our golden image", False),
        (configs.modernized(), "Windows_Server-2022-English-Full-Base-2024.01.10", False),
        (configs.modernized(), "Windows_Server-2019-English-Full-Base-2024.01.10", False),
        (configs.modernized(), "Windows_Server-2016-English-Full-Base-2019.01.10", True),
    ],
)
def test_the_servers_image_holds_a_system_that_it_runs_on(
    config: dict[str, Any], image: str, refused: bool
) -> None:
    preflight = examine(config, ec2(), server_facts=server(image_name=image))
    key = "replicationAppliance" if "experience" not in config else "configurationServer"
    assert places(preflight) == ([f"source.{key}.amiId"] if refused else [])


def test_an_image_that_cannot_be_seen_is_refused() -> None:
    preflight = examine(configs.valid(), ec2(), server_facts=server(image_seen=False))
    assert places(preflight) == ["source.configurationServer.amiId"]


@pytest.mark.parametrize(
    ("subnet", "address", "wrong"),
    [
        (None, None, "subnetId"),
        (Subnet("vpc-0000000000000000f", "10.10.2.0/24"), None, "subnetId"),
        (Subnet(VPC, "10.10.2.0/24"), "10.10.2.10", None),
        (Subnet(VPC, "10.10.2.0/24"), "10.10.3.10", "privateIp"),
        (Subnet(VPC, "10.10.2.0/24"), "10.10.2.3", "privateIp"),
    ],
)
def test_the_server_is_in_a_subnet_of_the_machines_vpc(
    subnet: Subnet | None, address: str | None, wrong: str | None
) -> None:
    config = configs.modernized()
    if address:
        config["source"]["replicationAppliance"]["privateIp"] = address
    preflight = examine(config, ec2(), server_facts=server(subnet=subnet))
    assert places(preflight) == ([f"source.replicationAppliance.{wrong}"] if wrong else [])


def test_a_server_that_is_there_keeps_its_size() -> None:
    there = server(image_id="ami-00000000000000009", instance_type="m5.4xlarge")
    preflight = examine(configs.modernized(), ec2(), server_facts=there)
    assert preflight.problems == ()
    assert preflight.server == ServerPlan("ami-00000000000000009", "m5.4xlarge", 620)


def test_a_server_that_is_there_and_too_small_is_named() -> None:
    there = server(instance_type="c5.xlarge")
    [problem] = examine(configs.modernized(), ec2(), server_facts=there).problems
    assert problem.path == "source.replicationAppliance.instanceType"
    assert "stopped and started" in problem.way_out


def test_a_server_is_looked_for_by_its_name_and_its_vault() -> None:
    questions: list[ServerQuestion] = []
    examine(configs.modernized(), ec2(), server_facts=server(questions))
    [question] = questions
    assert (question.experience, question.vpc_id) == ("modernized", VPC)
    assert question.name == "asr-appliance"
    assert question.vault_id == (
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-migration"
        "/providers/Microsoft.RecoveryServices/vaults/rsv-migration"
    )


def test_an_appliance_that_is_registered_already_needs_no_plan() -> None:
    questions: list[ServerQuestion] = []
    config = configs.modernized()
    config["source"]["replicationAppliance"] = {
        "registered": {
            "name": "asr-appliance",
            "securityGroupId": "sg-0123456789abcdef0",
            "privateIp": "10.10.2.9",
        }
    }
    config["target"]["adopt"] = ["resourceGroup", "vault"]
    preflight = examine(config, ec2(), server_facts=server(questions))
    assert (preflight.server, preflight.problems, questions) == (None, (), [])


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (None, "EC2 offers no instance type 'm9.huge' in eu-west-1"),
        (InstanceType(4, 16384, ("x86_64",)), "has 4 vCPUs and 16 GiB"),
        (InstanceType(16, 15360, ("x86_64",)), "has 16 vCPUs and 15 GiB"),
        (InstanceType(8, 16384, ("x86_64",)), None),
    ],
)
def test_a_type_that_the_table_does_not_list_is_judged_by_what_ec2_says(
    described: InstanceType | None, words: str | None
) -> None:
    config = configs.modernized()
    config["source"]["replicationAppliance"]["instanceType"] = "m9.huge"
    problems = examine(config, ec2(), server_facts=server(declared_type=described)).problems
    assert [words in problem.what for problem in problems if words] == ([True] if words else [])
    assert len(problems) == (1 if words else 0)


def test_a_wrong_region_is_one_problem_at_its_key() -> None:
    questions: list[ServerQuestion] = []
    nothing = ec2(web_01=None, web_02=None, db_01=None)
    preflight = examine(configs.modernized(), nothing, server_facts=server(questions, subnet=None))
    assert places(preflight) == ["aws:region"]
    assert questions == []


def test_one_machine_that_is_missing_is_named_itself() -> None:
    assert places(examine(configs.modernized(), ec2(web_01=None))) == ["machines.web-01.instanceId"]


def test_a_wrong_vpc_is_one_problem_at_its_key() -> None:
    other = {"vpc_id": "vpc-0000000000000000f"}
    preflight = examine(
        configs.modernized(),
        ec2(web_01=other, web_02=other, db_01=other),
        server_facts=server(subnet=Subnet("vpc-0000000000000000f", "10.10.2.0/24")),
    )
    assert places(preflight) == ["source.vpcId"]
    assert "Write vpc-0000000000000000f" in preflight.problems[0].way_out


def test_machines_of_several_vpcs_are_named_each() -> None:
    preflight = examine(
        configs.modernized(),
        ec2(web_01={"vpc_id": "vpc-0000000000000000f"}, web_02={"vpc_id": "vpc-0000000000000000e"}),
    )
    assert places(preflight) == ["machines.web-01.instanceId", "machines.web-02.instanceId"]


def test_the_servers_address_is_not_that_of_a_machine() -> None:
    config = configs.modernized()
    config["source"]["replicationAppliance"]["privateIp"] = "10.10.2.77"
    preflight = examine(config, ec2(web_01={"private_ip": "10.10.2.77"}))
    assert places(preflight) == ["source.replicationAppliance.privateIp"]
    assert "machines.web-01" in preflight.problems[0].what


def test_the_server_is_not_a_machine() -> None:
    preflight = examine(configs.modernized(), ec2(web_01={"server_role": "replication-appliance"}))
    assert places(preflight) == ["machines.web-01.instanceId"]


def test_a_registered_appliance_is_not_a_machine() -> None:
    config = configs.modernized()
    registered = {
        "name": "asr-appliance",
        "securityGroupId": "sg-0123456789abcdef0",
        "privateIp": "10.10.1.99",
    }
    config["source"]["replicationAppliance"] = {"registered": registered}
    config["target"]["adopt"] = ["resourceGroup", "vault"]
    preflight = examine(config, ec2(web_01={"private_ip": "10.10.1.99"}))
    assert places(preflight) == ["machines.web-01.instanceId"]


RUNS_8_10 = ssm(platform_name="Red Hat Enterprise Linux", platform_version="8.10")
RHEL_8_4 = {"os": "rhel-8.4", "platform": "linux", "image_name": "RHEL-8.4.0_HVM-20210504-x86_64"}


def test_what_runs_counts_more_than_the_image_it_was_launched_from() -> None:
    reader = ec2(web_01=RHEL_8_4, web_02=RHEL_8_4, db_01=RHEL_8_4)
    preflight = examine(configs.modernized(), reader, managed_instances=RUNS_8_10)
    assert places(preflight) == ["machines.db-01", "machines.web-01", "machines.web-02"]
    assert "rhel-8.10" in preflight.problems[0].what


def test_a_machine_that_was_upgraded_since_can_be_migrated() -> None:
    old = {"os": "windows-server-2008-r2", "image_name": "Windows_Server-2008-R2_RTM-English"}
    upgraded = ssm(
        platform_name="Microsoft Windows Server 2012 R2 Standard", platform_version="6.3.9600"
    )
    preflight = examine(configs.modernized(), ec2(web_01=old), managed_instances=upgraded)
    assert preflight.problems == ()


@pytest.mark.parametrize(
    ("stated", "refused"),
    [
        ("rhel-8.4", True),
        ("rhel-8.1", True),
        ("rhel-8", False),
        ("rhel-8.10", False),
        ("centos-8.10", True),
        ("ubuntu-20.04", True),
    ],
)
def test_what_is_stated_may_not_contradict_what_runs(stated: str, refused: bool) -> None:
    config = configs.modernized()
    config["machines"]["web-01"]["os"] = stated
    reader = ec2(web_01=RHEL_8_4, web_02=None, db_01=None)
    problems = examine(config, reader, managed_instances=RUNS_8_10).problems
    told = [p for p in problems if p.path == "machines.web-01.os" and "SSM agent" in p.what]
    assert len(told) == refused


def test_disks_of_an_instance_store_count() -> None:
    volumes = tuple(Disk(f"/dev/sd{number}", 10, f"vol-{number}") for number in range(64))
    stored = (Disk("ephemeral0", 75, "instance store", instance_store=True),)
    assert examine(configs.modernized(), ec2(web_01={"disks": volumes})).problems == ()
    [problem] = examine(
        configs.modernized(), ec2(web_01={"disks": (*volumes, *stored, *stored)})
    ).problems
    assert "65 data disks" in problem.what
    assert "2 of them instance store" in problem.what


@pytest.mark.parametrize("mode", ["latest", "stop-first", "lossless"])
def test_a_spot_instance_is_refused_if_its_cutover_stops_it(mode: str) -> None:
    config = configs.put(configs.modernized(), "waves", "pilot", "cutover", value={"mode": mode})
    reader = ec2(web_01={"market": "spot"})
    found = [p for p in examine(config, reader).problems if "of the kind spot" in p.what]
    assert [p.path for p in found] == ([] if mode == "latest" else ["machines.web-01.instanceId"])
    going = ec2(web_01={"market": "spot", "cut_over": True})
    assert not any("of the kind spot" in p.what for p in examine(config, going).problems)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"private_ip": None}, "no private IPv4 address"),
        ({"scaling_group": "web"}, "Auto Scaling group web"),
    ],
)
def test_a_machine_without_what_a_migration_assumes_is_refused(
    change: dict[str, Any], words: str
) -> None:
    [problem] = examine(configs.modernized(), ec2(web_01=change)).problems
    assert problem.path == "machines.web-01.instanceId"
    assert words in problem.what
    config = configs.modernized()
    config["waves"]["pilot"]["phase"] = "migrated"
    assert examine(config, ec2(web_01={**change, "state": "terminated"})).problems == ()


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (Placement(tenancy="host"), "runs on a dedicated host"),
        (Placement(tenancy="dedicated"), "runs on dedicated hardware"),
        (Placement(shared_by="222222222222"), "belongs to account 222222222222, which shares it"),
    ],
)
def test_what_is_unusual_about_machines_is_told_once(where: Placement, words: str) -> None:
    change = {"placement": where}
    found = examine(configs.modernized(), ec2(web_01=change, web_02=change, db_01=change))
    assert found.problems == ()
    [remark] = found.remarks
    assert remark.startswith("db-01, web-01, web-02: ")
    assert words in remark
    assert examine(configs.modernized(), ec2()).remarks == ()
