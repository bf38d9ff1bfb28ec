from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pulumi_aws import ec2

from components.mobility_agent import MobilityAgent, MobilityAgentArgs
from settings.schema.proxy import Proxy
from tests.components.harness import Deployment, Resource, deploy

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:asr-agent-AbCdEf"
MACHINES = {
    "web-01": ("i-0aa", "windows"),
    "db-01": ("i-0cc", "linux"),
    "web-02": ("i-0bb", "windows"),
}
ARGS = MobilityAgentArgs(
    prefix="ec2-to-azure-test",
    wave="pilot",
    experience="classic",
    machines=MACHINES,
    server_address="10.10.2.10",
    secret_arn=SECRET,
    packages={
        "windows": ("https://packages.example.com/windows.exe", "ab" * 32),
        "linux": ("https://packages.example.com/rhel6.tar.gz", None),
    },
    region="eu-west-1",
    timeout=timedelta(minutes=30),
    poll=timedelta(seconds=10),
)


def agents(**changes: Any) -> Deployment:
    def program() -> None:
        rule = ec2.SecurityGroup("rule")
        args = replace(ARGS, requires=[rule], **changes)
        MobilityAgent("pilot-agents", args)

    return deploy(program)


def association(deployment: Deployment, platform: str) -> Resource:
    return deployment.one("ssm/association:Association", f"pilot-agents-{platform}")


def content(deployment: Deployment, platform: str) -> dict[str, Any]:
    document = deployment.one("ssm/document:Document", f"pilot-agents-{platform}")
    loaded: dict[str, Any] = json.loads(document.inputs["content"])
    return loaded


def test_each_platform_has_a_document_and_an_association_of_its_machines() -> None:
    deployment = agents()
    assert {d.inputs["name"] for d in deployment.all("ssm/document:Document")} == {
        "ec2-to-azure-test-agent-windows.pilot",
        "ec2-to-azure-test-agent-linux.pilot",
    }
    targets = {a.name: a.inputs["targets"] for a in deployment.all("ssm/association:Association")}
    assert targets == {
        "pilot-agents-windows": [{"key": "InstanceIds", "values": ["i-0aa", "i-0bb"]}],
        "pilot-agents-linux": [{"key": "InstanceIds", "values": ["i-0cc"]}],
    }


def test_a_platform_that_the_wave_does_not_have_needs_no_package() -> None:
    deployment = agents(
        machines={"db-01": ("i-0cc", "linux")},
        packages={"linux": ("https://packages.example.com/rhel6.tar.gz", None)},
    )
    assert deployment.one("ssm/document:Document").name == "pilot-agents-linux"


@pytest.mark.parametrize("experience", ["classic", "modernized"])
def test_a_document_gets_all_its_parameters_from_its_association(experience: str) -> None:
    deployment = agents(experience=experience)
    assert association(deployment, "windows").inputs["parameters"] == {
        "PackageUrl": "https://packages.example.com/windows.exe",
        "PackageSha256": "ab" * 32,
        "ServerAddress": "10.10.2.10",
        "SecretId": SECRET,
        "Region": "eu-west-1",
        "Experience": experience,
        "Proxy": "",
        "ProxyBypass": "",
    }
    given = association(deployment, "linux").inputs["parameters"]
    assert set(given) == set(content(deployment, "linux")["parameters"])
    assert given["PackageSha256"] == ""


def test_a_machine_that_fails_keeps_no_other_from_being_served() -> None:
    inputs = association(agents(), "windows").inputs
    assert inputs["maxErrors"] == "100%"
    assert inputs["maxConcurrency"] == "20"


def test_a_machine_that_was_down_is_served_within_half_an_hour() -> None:
    inputs = association(agents(), "windows").inputs
    assert inputs["scheduleExpression"] == "rate(30 minutes)"
    assert "applyOnlyAtCronInterval" not in inputs


def test_a_wave_of_many_machines_has_an_association_for_every_fifty() -> None:
    machines = {f"m-{n}": (f"i-{n:03}", "linux") for n in range(120)}
    deployment = agents(machines=machines)
    values = {
        a.name: a.inputs["targets"][0]["values"]
        for a in deployment.all("ssm/association:Association")
    }
    assert {name: len(ids) for name, ids in values.items()} == {
        "pilot-agents-linux": 50,
        "pilot-agents-linux-2": 50,
        "pilot-agents-linux-3": 20,
    }
    assert sorted(i for ids in values.values() for i in ids) == [i for i, _ in machines.values()]
    deployment.one("ssm/document:Document")
    rollout = deployment.one("dynamic/asr:Agents").inputs
    assert rollout["associations"] == {
        key: f"pilot-agents-{key}-id" for key in ("linux", "linux-2", "linux-3")
    }


def test_agents_are_installed_once_what_they_need_is_there() -> None:
    deployment = agents()
    rule = deployment.one("SecurityGroup", "rule")
    for platform in ("windows", "linux"):
        its = association(deployment, platform)
        assert deployment.waits_for(its, rule)
        assert deployment.waits_for(its, deployment.one("ssm/document:Document", its.name))


def test_the_rollout_waits_for_every_machine() -> None:
    deployment = agents()
    rollout = deployment.one("dynamic/asr:Agents")
    assert rollout.inputs["machines"] == {
        name: {"instance_id": instance, "platform": platform}
        for name, (instance, platform) in MACHINES.items()
    }
    assert rollout.inputs["timeout_seconds"] == 1800
    assert rollout.inputs["poll_seconds"] == 10
    assert rollout.inputs["region"] == "eu-west-1"
    for platform in ("windows", "linux"):
        assert deployment.waits_for(rollout, association(deployment, platform))
        assert rollout.inputs["associations"][platform] == association(deployment, platform).id


def test_what_holds_machines_back_is_what_the_rollout_found() -> None:
    made: list[MobilityAgent] = []
    deploy(lambda: made.append(MobilityAgent("pilot-agents", ARGS)))
    assert made[0].failed is made[0].rollout.failed


def test_a_proxy_goes_to_the_document_as_parameters_that_it_allows() -> None:
    proxy = Proxy(url="http://proxy.example.com:3128", bypass=("s3.example.com", ".corp.example"))
    deployment = agents(proxy=proxy)
    for platform in ("windows", "linux"):
        given = association(deployment, platform).inputs["parameters"]
        assert given["Proxy"] == "http://proxy.example.com:3128"
        assert given["ProxyBypass"] == "s3.example.com,.corp.example"
        allowed = content(deployment, platform)["parameters"]
        for name in ("Proxy", "ProxyBypass"):
            assert re.fullmatch(allowed[name]["allowedPattern"], given[name])
