"""Drivers in the preflight of stack dev, with the inventory of the local AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest

import settings
from tests.local_aws import LocalAws, local_aws
from tests.settings.test_stack_files import project, stack_file


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    with local_aws() as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        # boto3 reads the region only from this variable.
        monkeypatch.setenv("AWS_DEFAULT_REGION", cloud.estate["region"])
        yield cloud


def problems(**drivers: str | None) -> dict[str, str]:
    """Problems by path if stack dev declares these drivers. Machines have `_` in place of `-`."""
    config: dict[str, Any] = stack_file("dev")["config"]
    machines: Mapping[str, dict[str, Any]] = config["ec2-to-azure:machines"]
    for name, stated in drivers.items():
        machine = machines[name.replace("_", "-")]
        machine.pop("drivers", None)
        if stated is not None:
            machine["drivers"] = stated
    reading = settings.read(settings.stack_config(project()["name"], _as_text(config)))
    assert reading.problems == ()
    found = settings.examine(reading, "p", endpoint=lambda: "http://127.0.0.1:9").problems
    return {problem.path: f"{problem.what} {problem.way_out}" for problem in found}


def _as_text(config: Mapping[str, Any]) -> dict[str, str]:
    return {
        key: json.dumps(value) if isinstance(value, dict | list) else value
        for key, value in config.items()
    }


def test_the_inventory_tells_the_drivers_that_nobody_states(aws: LocalAws) -> None:
    place, other = "machines.legacy-01.drivers", "machines.legacy-02.drivers"
    asked = problems(legacy_01=None, legacy_02=None)
    assert set(asked) == {place, other}
    assert "AWS-GatherSoftwareInventory" in asked[place]

    machines = aws.estate["machines"]
    boto3.client("ec2").create_tags(
        Resources=[machines["legacy-02"], machines["web-01"]],
        Tags=[{"Key": "drivers", "Value": "redhat-pv"}],
    )
    boto3.client("ssm").create_association(
        Name="AWS-GatherSoftwareInventory", Targets=[{"Key": "InstanceIds", "Values": ["*"]}]
    )

    told = problems(legacy_01=None, legacy_02=None)
    assert set(told) == {other, "machines.web-01.drivers"}
    assert "redhat-pv drivers are not supported" in told[other]
    contradicted = problems(legacy_01="aws-pv")
    assert "says aws-pv" in contradicted[place]
    assert "lists citrix-pv" in contradicted[place]
    assert place not in problems()
