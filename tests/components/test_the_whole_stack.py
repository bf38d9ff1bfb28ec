"""`__main__.py` with Pulumi mocks, the config of stack dev and the machines of the local AWS."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import rpc
from pulumi.runtime.config import set_all_config

from tests.components.harness import Deployment, Resource, deploy
from tests.local_aws import LocalAws, local_aws

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws() as cloud:
        yield cloud


def dev_config() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text("utf-8"))["config"])


_LOCAL_AZURE = {"AZURE_RESOURCE_MANAGER_ENDPOINT": "http://127.0.0.1:9"}
"""Never called here: resources are mocks. Azure's own would refuse the classic experience."""


ACCOUNT = "123456789012"
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
OTHER_SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"


def seen_by_plugins(aws: str = ACCOUNT, subscription: str = SUBSCRIPTION) -> dict[str, Any]:
    return {
        "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": aws},
        "azure-native:authorization:getClientConfig": {
            "subscriptionId": subscription,
            "tenantId": TENANT,
        },
    }


def run(
    config: Mapping[str, Any],
    environment: Mapping[str, str],
    plugins: dict[str, Any] | None = None,
    *,
    stack: str = "dev",
    preview: bool = False,
) -> Deployment:
    def program() -> None:
        set_all_config(
            {k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in config.items()}
        )
        runpy.run_path(str(ROOT / "__main__.py"))

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for name, value in {**environment, **_LOCAL_AZURE}.items():
            patch.setenv(name, value)
        return deploy(program, stack=stack, functions=plugins or seen_by_plugins(), preview=preview)


@pytest.fixture(scope="module")
def dev(aws: LocalAws) -> Deployment:
    return run(dev_config(), aws.environment)


def in_order(deployment: Deployment, *later_first: Resource) -> bool:
    return all(deployment.waits_for(later, earlier) for later, earlier in pairwise(later_first))


def test_stack_dev_declares_its_whole_fleet(dev: Deployment) -> None:
    declared = dev_config()["ec2-to-azure:machines"]
    assert {item.name for item in dev.all("dynamic/asr:Machine")} == set(declared)
    assert {a.name for a in dev.all("NetworkInterfaceSecurityGroupAttachment")} == set(declared)


@pytest.mark.parametrize("example", ["dev", "dev-modernized"])
def test_a_renamed_stack_keeps_whatever_it_named_after_itself(aws: LocalAws, example: str) -> None:
    text = (ROOT / f"Pulumi.{example}.yaml").read_text("utf-8")
    deployment = run(yaml.safe_load(text)["config"], aws.environment)
    kept = {str(r.inputs[key]) for r in deployment for key in r.ignored if key in r.inputs}
    named = [
        (resource.urn, key, str(value))
        for resource in deployment
        for key, value in resource.inputs.items()
        if "ec2-to-azure-dev" in str(value) and key not in resource.ignored
    ]
    assert named
    # The others refer to a resource that keeps its name.
    assert [n for n in named if not {n[2], n[2].rpartition("/")[2]} & kept] == []


def test_destroy_takes_everything_apart_from_the_machines_down_to_the_group(
    dev: Deployment,
) -> None:
    for item in dev.all("dynamic/asr:Machine"):
        assert in_order(
            dev,
            item,
            dev.one("dynamic/asr:Wave", "pilot")
            if item.name.endswith("-01")
            else dev.one("dynamic/asr:Wave", "web" if "web" in item.name else "data"),
            dev.one("dynamic/asr:Mapping"),
            dev.one("ReplicationPolicy"),
            dev.one("recoveryservices:Vault"),
            dev.one("ResourceGroup", "migration"),
        )
    assert in_order(
        dev,
        dev.one("dynamic/asr:Mapping"),
        dev.one("dynamic/asr:Registration"),
        dev.one("aws:ec2/instance:Instance"),
        dev.one("recoveryservices:Vault"),
    )


def test_no_machine_is_driven_before_the_server_can_reach_it(dev: Deployment) -> None:
    network = [r for r in dev if "SecurityGroup" in r.type and r.type.startswith("aws:")]
    attached = {r.name: r for r in network if r.type.endswith("SecurityGroupAttachment")}
    for wave in dev.all("dynamic/asr:Wave"):
        own = {attached.pop(machine).urn for machine in wave.inputs["machines"]}
        for part in network:
            # A wave does not wait for the machines of another.
            wanted = part.urn in own or not part.type.endswith("SecurityGroupAttachment")
            assert dev.waits_for(wave, part) == wanted
    assert not attached


def test_the_landing_zone_exists_before_machines_are_driven(dev: Deployment) -> None:
    for wave in dev.all("dynamic/asr:Wave"):
        for kind in ("VirtualNetwork", "StorageAccount", "ResourceGroup"):
            assert all(dev.waits_for(wave, part) for part in dev.all(kind))


def test_the_server_is_next_to_the_machines_and_knows_its_vault(
    dev: Deployment, aws: LocalAws
) -> None:
    server = dev.one("aws:ec2/instance:Instance").inputs
    assert server["subnetId"] == aws.estate["subnets"]["migration"]
    assert server["ami"] == aws.estate["images"]["windows-server-2016"]
    assert server["tags"]["site-recovery:vault"] == dev.one("recoveryservices:Vault").id
    for group in dev.all("aws:ec2/securityGroup:SecurityGroup"):
        assert group.inputs["vpcId"] == aws.estate["vpc"]


def _in_clear(value: Any) -> Any:
    """A value without the parts that are sent to the engine as secrets."""
    if rpc.is_rpc_secret(value):
        return None
    if isinstance(value, dict):
        return {key: _in_clear(part) for key, part in value.items()}
    return [_in_clear(part) for part in value] if isinstance(value, list) else value


def test_no_credential_goes_in_clear(dev: Deployment) -> None:
    inputs = json.dumps([_in_clear({**r.inputs, "__provider": None}) for r in dev])
    for word in ("RSVaultAsrCreds", "private key", "accesskey", "token="):
        assert word.lower() not in inputs.lower()


def test_the_outputs_tell_where_everything_is(dev: Deployment) -> None:
    assert set(dev.outputs) == {"machines", "waves", "vault", "server", "readme"}
    assert list(dev.outputs["machines"]) == [
        machine
        for wave in dev_config()["ec2-to-azure:waves"].values()
        for machine in wave["machines"]
    ]
    assert dev.outputs["machines"]["db-02"] == {
        "wave": "data",
        "observedPhase": "protected",
        "azureVm": None,
        "azureVmName": None,
        "testVm": None,
        "privateIp": None,
        "privateIps": [],
        "powerState": None,
        "lastTest": None,
        "item": "item-id",
        "health": "Normal",
        "checks": None,
    }
    assert dev.outputs["waves"]["pilot"]["machines"]["db-01"]["status"] == "satisfied"
    assert dev.outputs["vault"]["name"] == "rsv-migration-dev"
    assert dev.outputs["server"]["privateIp"] == "10.10.2.77"


def test_the_stack_page_shows_the_values_of_the_outputs(dev: Deployment) -> None:
    page = dev.outputs["readme"]
    assert "| db-02 | data | protected | - | - | - | - | - | Normal |" in page
    assert "| pilot | migrated | db-01 | satisfied | - |" in page
    assert "| vault | rsv-migration-dev in rg-migration-dev |" in page
    assert "$" not in page


def refused(config: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    with pytest.raises(pulumi.RunError) as caught:
        run(config, environment)
    return str(caught.value)


def test_config_and_machines_that_are_wrong_are_reported_together(aws: LocalAws) -> None:
    config = dev_config()
    config["ec2-to-azure:machines"] |= {
        "arm-01": {"instanceId": aws.estate["machines"]["arm-01"]},
        "lost-01": {"instanceId": "i-0123456789abcdef0"},
    }
    config["ec2-to-azure:waves"]["data"]["machines"] += ["arm-01", "lost-01", "nobody"]
    config["ec2-to-azure:waves"]["web"]["phase"] = "tested"
    config["ec2-to-azure:colour"] = "green"
    report = refused(config, aws.environment)
    for place in (
        "colour",
        "machines.arm-01",
        "machines.lost-01.instanceId",
        "waves.data.machines[5]",
        "waves.web.phase",
    ):
        assert f"- {place}: " in report
    assert "arm64" in report


def test_drivers_that_only_a_person_can_know_are_asked_for(aws: LocalAws) -> None:
    config = dev_config()
    del config["ec2-to-azure:machines"]["legacy-02"]["drivers"]
    config["ec2-to-azure:machines"]["legacy-01"]["drivers"] = "redhat-pv"
    report = refused(config, aws.environment)
    assert "- machines.legacy-01.drivers: redhat-pv" in report
    assert "- machines.legacy-02.drivers: " in report


def test_a_cloud_that_does_not_answer_registers_nothing(aws: LocalAws) -> None:
    silent = {**aws.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    report = refused(dev_config(), silent)
    assert "1 problem to solve first" in report
    assert "EC2 does not answer" in report


def test_an_instance_that_was_terminated_after_its_migration_is_no_problem(aws: LocalAws) -> None:
    config = dev_config()
    config["ec2-to-azure:machines"]["web-01"]["instanceId"] = "i-0123456789abcdef0"
    deployment = run(config, aws.environment)
    machine = deployment.one("dynamic/asr:Wave", "pilot").inputs["machines"]["web-01"]
    assert "there is no instance" in machine["source_problem"]
    attached = {a.name for a in deployment.all("NetworkInterfaceSecurityGroupAttachment")}
    assert "web-01" not in attached


def test_plugins_in_another_aws_account_are_refused_instead_of_what_follows(aws: LocalAws) -> None:
    config = dev_config()
    config["ec2-to-azure:machines"]["web-02"]["instanceId"] = "i-0123456789abcdef0"
    with pytest.raises(pulumi.RunError) as caught:
        run(config, aws.environment, seen_by_plugins(aws="999999999999"))
    report = str(caught.value)
    assert "1 problem to solve first; nothing was changed" in report
    assert f"in account {ACCOUNT} and pulumi-aws is in account 999999999999" in report


def test_a_plugin_in_another_subscription_is_refused(aws: LocalAws) -> None:
    other = "22222222-2222-2222-2222-222222222222"
    with pytest.raises(pulumi.RunError) as caught:
        run(dev_config(), aws.environment, seen_by_plugins(subscription=other))
    assert f"works in subscription {SUBSCRIPTION} and pulumi-azure-native in {other}" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("elsewhere", "machines"),
    [(None, ""), (SUBSCRIPTION, ""), (OTHER_SUBSCRIPTION, f", machines in {OTHER_SUBSCRIPTION}")],
)
def test_the_first_line_of_a_preview_names_account_and_subscriptions(
    elsewhere: str | None, machines: str, aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []

    def info(line: str, ephemeral: bool = False) -> None:
        if not ephemeral:
            lines.append(line)

    monkeypatch.setattr(pulumi.log, "info", info)
    config = dev_config()
    if elsewhere is not None:
        config["ec2-to-azure:target"]["machinesSubscriptionId"] = elsewhere
    deployment = run(config, aws.environment, preview=True)
    [wave, *_] = deployment.all("dynamic/asr:Wave")
    assert wave.inputs["region"]["subscription"] == (elsewhere or SUBSCRIPTION)
    assert lines[0].splitlines() == [
        f"AWS account {ACCOUNT} → Azure {SUBSCRIPTION}{machines}",
        f"eu-west-1 → westeurope, tenant {TENANT}",
    ]
