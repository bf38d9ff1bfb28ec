from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import settings
from settings.schema.model import Settings
from tests.local_aws import LocalAws, local_aws

ROOT = Path(__file__).parents[2]
STACKS = ("dev", "staging", "prod")


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws() as cloud:
        yield cloud


def project() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "Pulumi.yaml").read_text("utf-8")))


def stack_file(stack: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text("utf-8")))


def read(stack: str) -> settings.Reading:
    config = {
        key: json.dumps(value) if isinstance(value, dict | list) else value
        for key, value in stack_file(stack)["config"].items()
    }
    return settings.read(settings.stack_config(project()["name"], config))


def placeholders(part: Any, at: str = "") -> set[str]:
    if isinstance(part, dict):
        return {p for k, v in part.items() for p in placeholders(v, f"{at}.{k}" if at else k)}
    return {at} if isinstance(part, str) and part.startswith("<") else set()


def test_the_projects_schema_has_exactly_the_keys_that_the_settings_have() -> None:
    own = {
        field.alias: field
        for field in Settings.model_fields.values()
        if ":" not in str(field.alias)
    }
    schema = project()["config"]
    assert set(schema) == set(own)
    for key, entry in schema.items():
        assert entry["description"]
        assert ("default" in entry) == (not own[key].is_required()), key


def test_stack_dev_is_valid() -> None:
    assert read("dev").problems == ()


def test_stack_dev_names_machines_of_the_estate(aws: LocalAws) -> None:
    config = stack_file("dev")["config"]
    machines = config["ec2-to-azure:machines"]
    assert {name: machine["instanceId"] for name, machine in machines.items()} == {
        name: instance for name, instance in aws.estate["machines"].items() if name != "arm-01"
    }
    source = config["ec2-to-azure:source"]
    server = source["configurationServer"]
    assert source["vpcId"] == aws.estate["vpc"]
    assert server["subnetId"] == aws.estate["subnets"]["migration"]
    assert server["amiId"] == aws.estate["images"]["windows-server-2016"]


def test_stack_dev_shows_every_phase_that_is_not_in_between() -> None:
    waves = stack_file("dev")["config"]["ec2-to-azure:waves"]
    assert [wave["phase"] for wave in waves.values()] == ["migrated", "test-failover", "protected"]


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_a_stack_on_real_clouds_lacks_nothing_but_its_owners_values(stack: str) -> None:
    config = stack_file(stack)["config"]
    wanted = {place.removeprefix("ec2-to-azure:") for place in placeholders(config)}
    assert {problem.path for problem in read(stack).problems} == wanted


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_a_stack_on_real_clouds_is_of_the_experience_that_azure_still_takes(stack: str) -> None:
    assert read(stack).draft.experience == "modernized"


def test_stack_dev_shows_the_procedure_of_2017() -> None:
    stack = read("dev").settings
    assert stack is not None
    assert (stack.experience, stack.replication.agent.installation) == ("classic", "push")


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_a_stack_on_real_clouds_keeps_its_test_failovers(stack: str) -> None:
    assert "requireTestFailover" not in json.dumps(stack_file(stack))


@pytest.mark.parametrize("stack", STACKS)
def test_no_stack_file_holds_a_secret(stack: str) -> None:
    assert "secure" not in (ROOT / f"Pulumi.{stack}.yaml").read_text("utf-8")
