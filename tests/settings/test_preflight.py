from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import settings
from settings.preflight import FactsReader, Preflight
from site_recovery.azure import MigrationError
from site_recovery.ec2 import Disk, MachineFacts
from site_recovery.problems import Problem
from tests.settings import configs

VPC = "vpc-0123456789abcdef0"


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
    """An EC2 in which all machines are fine but those that are changed, or missing for None.
    Machines are given as keywords with underscores for hyphens."""

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


def examine(config: dict[str, Any], reader: FactsReader) -> Preflight:
    return settings.examine(settings.read(config), reader, lambda: "http://127.0.0.1:5000")


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
    assert examine(configs.changed("aws:region", value=""), ec2(asked)) == Preflight()
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


@pytest.mark.parametrize(
    "endpoint", ["https://management.azure.com", "https://westeurope.management.azure.com"]
)
def test_classic_on_azure_itself_is_refused_with_the_date_and_the_way_out(endpoint: str) -> None:
    preflight = settings.examine(settings.read(configs.valid()), ec2(), lambda: endpoint)
    [problem] = preflight.problems
    assert problem.path == "experience"
    assert "31 January 2026" in problem.what
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
    assert settings.examine(settings.read(config), ec2(), lambda: endpoint).problems == ()


def test_an_endpoint_that_would_leak_credentials_is_a_problem_like_any_other() -> None:
    def endpoint() -> str:
        raise MigrationError("plain http is for local clouds only")

    preflight = settings.examine(settings.read(configs.valid()), ec2(), endpoint)
    assert [problem.path for problem in preflight.problems] == ["AZURE_RESOURCE_MANAGER_ENDPOINT"]
