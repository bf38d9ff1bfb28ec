from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pulumi
import pytest

import components
import settings
from components.migration_wave import all_waves
from components.promotion import Promotion
from dynamic_providers.wave.all_waves import unpacked
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.promotion import Forerunner
from tests.components.harness import Deployment, deploy
from tests.settings import configs

WINDOWS = MachineFacts(
    instance_id="i-00000000000000001",
    state="running",
    private_ip="10.10.1.11",
    platform="windows",
    os="windows-server-2012-r2",
    image_name=None,
    architecture="x86_64",
    virtualization="hvm",
    instance_type="t2.large",
    vpc_id="vpc-0123456789abcdef0",
    subnet_id=None,
    network_interface_id="eni-1",
    security_group_ids=(),
    disks=(),
)
LINUX = MachineFacts(
    **{**WINDOWS.__dict__, "platform": "linux", "os": "rhel-6.7", "private_ip": "10.10.1.41"}
)
FACTS = {"web-01": WINDOWS, "web-02": WINDOWS, "db-01": LINUX}


def waves(
    config: dict[str, Any],
    *,
    facts: Mapping[str, MachineFacts] = FACTS,
    gone: Mapping[str, str] | None = None,
    accounts: dict[str, str] | None = None,
) -> Deployment:
    stack = settings.load(config)
    assert stack.source.configuration_server is not None
    server_settings = stack.source.configuration_server

    def program() -> None:
        landing_zone = components.LandingZone(
            "landing-zone",
            components.LandingZoneArgs(
                stack.azure_subscription_id, stack.azure_location, stack.target, {}
            ),
        )
        server = components.ConfigurationServer(
            "configuration-server",
            components.ConfigurationServerArgs(
                prefix="p",
                region="eu-west-1",
                settings=server_settings,
                ami_id="ami-0123456789abcdef0",
                instance_type="c5.2xlarge",
                cache_gib=600,
                vault_id="vault-id",
                security_group_id="sg",
                network_rules=[],
                registration_timeout=timedelta(minutes=15),
                poll=timedelta(seconds=1),
            ),
        )
        promotion = Promotion(stack)
        preflight = settings.Preflight(dict(facts), dict(gone or {}))
        every_wave = all_waves(stack, preflight, promotion)
        for wave in stack.waves:
            components.MigrationWave(
                wave,
                components.MigrationWaveArgs(
                    wave=wave,
                    all_waves=every_wave,
                    settings=stack,
                    preflight=preflight,
                    prefix="p",
                    server_group_id="sg",
                    fence_id="sg-fence",
                    machine_group_ids=["sg-windows", "sg-linux"],
                    vault_id="vault-id",
                    policy_id="policy-id",
                    server=server,
                    landing_zone=landing_zone,
                    requires=[],
                    promotion=promotion,
                ),
            )

    return deploy(program, accounts=accounts)


def reconciler(deployment: Deployment, wave: str) -> dict[str, Any]:
    return deployment.one("dynamic/asr:Wave", wave).inputs


def test_a_wave_has_one_driver_and_one_record_a_machine() -> None:
    deployment = waves(configs.valid())
    drivers = deployment.all("dynamic/asr:Wave")
    assert sorted(driver.name for driver in drivers) == ["data", "pilot"]
    records = deployment.all("dynamic/asr:Machine")
    assert sorted(record.name for record in records) == ["db-01", "web-01", "web-02"]
    by_wave = {"web-01": "pilot", "web-02": "data", "db-01": "data"}
    for record in records:
        driver = deployment.one("dynamic/asr:Wave", by_wave[record.name])
        assert deployment.waits_for(record, driver)
        # One is enough, and each further one costs time in every command.
        assert record.depending == {"outcome"}
        # So does each value: the engine handles a text as one.
        assert json.loads(record.inputs["machine"]) == driver.inputs["machines"][record.name]
        for taken in ("landing_zone", "convergence"):
            assert json.loads(record.inputs[taken]) == driver.inputs[taken]


def test_a_virtual_machine_gets_the_tags_of_its_instance_that_its_wave_wants() -> None:
    config = configs.changed("waves", "pilot", "target", value={"tagsFromSource": ["team"]})
    tagged = replace(WINDOWS, tags={"team": "shop", "other": "x"})
    machines = reconciler(waves(config, facts={**FACTS, "web-01": tagged}), "pilot")["machines"]
    assert machines["web-01"]["target"]["tags"]["team"] == "shop"
    assert "other" not in machines["web-01"]["target"]["tags"]
    assert "tagsFromSource" not in machines["web-01"]["target"]


@pytest.mark.parametrize(
    ("bypass", "installation", "through"),
    [
        ([], "ssm", True),
        (["packages.example.com"], "ssm", True),
        ([".example.com", ".amazonaws.com"], "ssm", False),
        (["packages.example.com", "secretsmanager.eu-west-1.amazonaws.com"], "ssm", False),
        ([], "push", False),
    ],
)
def test_a_machine_has_to_reach_the_proxy_if_its_agent_comes_through_it(
    bypass: list[str], installation: str, through: bool
) -> None:
    proxy = {"url": "http://10.10.0.10:3128", "bypass": bypass}
    config = configs.put(configs.valid(), "source", "proxy", value=proxy)
    packages = configs.modernized()["replication"]["agent"]
    agent = {**packages, "installation": installation} if installation == "ssm" else {}
    config = configs.put(config, "replication", "agent", value={"installation": "push", **agent})
    checked = waves(config).one("dynamic/asr:Connectivity", "pilot").inputs
    assert checked["proxy"] == {"host": "10.10.0.10", "port": 3128}
    assert [one["proxied"] for one in checked["machines"].values()] == [through]


def test_without_a_proxy_no_connection_to_one_is_checked() -> None:
    checked = waves(configs.valid()).one("dynamic/asr:Connectivity", "pilot").inputs
    assert checked.get("proxy") is None
    assert [one["proxied"] for one in checked["machines"].values()] == [False]


def test_a_machine_that_moves_to_another_wave_stays_the_same_resource() -> None:
    before = waves(configs.valid()).one("dynamic/asr:Machine", "web-02")
    config = configs.changed("waves", "data", "machines", value=["db-01"])
    after = waves(configs.put(config, "waves", "pilot", "machines", 1, value="web-02"))
    assert after.one("dynamic/asr:Machine", "web-02").urn == before.urn
    known = unpacked(reconciler(after, "data")["all_waves"])
    assert "web-02" in known["pilot"].machines


def test_every_wave_knows_the_machines_of_all_by_the_same_text() -> None:
    deployment = waves(configs.valid())
    pilot, data = reconciler(deployment, "pilot"), reconciler(deployment, "data")
    assert pilot["all_waves"] == data["all_waves"]
    known = unpacked(pilot["all_waves"])
    declared = {"pilot": pilot["machines"], "data": data["machines"]}
    assert {n: {m: i.wire() for m, i in w.machines.items()} for n, w in known.items()} == declared


def test_the_driver_gets_the_phase_and_the_patience_of_the_config() -> None:
    config = configs.changed("convergence", value={"wait": "1h", "poll": "500ms"})
    config = configs.put(config, "waves", "pilot", "requireTestFailover", value=False)
    deployment = waves(config)
    pilot, data = reconciler(deployment, "pilot"), reconciler(deployment, "data")
    assert (pilot["phase"], data["phase"]) == ("test-failover", "protected")
    assert pilot["convergence"] == {
        "wait_seconds": 3600,
        "poll_seconds": 0.5,
        "on_pending": "fail",
        "require_test_failover": False,
        "offline_preview": False,
    }
    assert data["convergence"]["require_test_failover"] is True


def test_the_driver_knows_the_groups_of_its_sources_that_may_be_beside_the_fence() -> None:
    source = reconciler(waves(configs.valid()), "pilot")["source"]
    assert (source["fence_id"], source["own_groups"]) == ("sg-fence", ["sg-windows", "sg-linux"])


def test_machines_are_created_in_the_group_and_network_that_outlive_the_stack() -> None:
    deployment = waves(configs.valid())
    assert reconciler(deployment, "pilot")["landing_zone"] == {
        "resource_group_id": deployment.one("ResourceGroup", "machines").id,
        "network_id": deployment.one("VirtualNetwork", "production").id,
        "subnet_name": "servers",
        "test_network_id": deployment.one("VirtualNetwork", "test").id,
        "test_subnet_name": "servers",
        "storage_account_id": deployment.one("StorageAccount").id,
    }


def test_what_ec2_knows_and_what_the_config_says_make_a_machine() -> None:
    target = {
        "vmName": "database",
        "vmSize": "Standard_E4s_v3",
        "diskType": "Premium_LRS",
        "availabilityZone": "2",
        "licenseType": "NoLicenseType",
        "tags": {"tier": "data"},
    }
    deployment = waves(configs.changed("machines", "db-01", "target", value=target))
    machines = reconciler(deployment, "data")["machines"]
    assert machines["db-01"] == {
        "instance_id": "i-00000000000000003",
        "private_ip": "10.10.1.41",
        "platform": "linux",
        "target": target,
        "cutover": {},
    }
    assert machines["web-02"] == {
        "instance_id": "i-00000000000000002",
        "private_ip": "10.10.1.11",
        "platform": "windows",
        "target": {"tags": {}},
        "cutover": {},
    }


def test_a_machine_whose_source_is_gone_says_so() -> None:
    why = "there is no instance i-00000000000000001 in eu-west-1"
    config = configs.changed("waves", "pilot", "phase", value="migrated")
    machine = reconciler(
        waves(
            config, facts={k: v for k, v in FACTS.items() if k != "web-01"}, gone={"web-01": why}
        ),
        "pilot",
    )["machines"]["web-01"]
    assert machine["source_problem"] == why
    assert "private_ip" not in machine


def test_accounts_are_found_by_their_names_for_the_families_of_the_wave() -> None:
    config = configs.changed("replication", value={"runAsAccounts": {"windows": "Admin"}})
    deployment = waves(config, accounts={"Admin": "7", "LinuxAccount": "8", "Other": "9"})
    assert reconciler(deployment, "pilot")["run_as_accounts"] == {"windows": "7"}
    assert reconciler(deployment, "data")["run_as_accounts"] == {"linux": "8", "windows": "7"}


def test_an_account_that_the_server_does_not_have_is_named_with_those_it_has() -> None:
    with pytest.raises(pulumi.RunError) as caught:
        waves(configs.valid(), accounts={"guest": "1", "WindowsAccount": "2"})
    message = str(caught.value)
    assert "replication.runAsAccounts.linux" in message
    assert "guest" in message


def test_a_wave_waits_for_the_stack_that_goes_first() -> None:
    config = configs.changed("promotion", value={"after": "staging", "except": ["data"]})
    deployment = waves(config)
    (before,) = deployment.all("StackReference")
    assert before.name == f"{pulumi.get_organization()}/ec2-to-azure/staging"
    pilot = reconciler(deployment, "pilot")
    # Nothing was deployed there yet.
    assert pilot["guards"]["promoted"] == {"stack": "staging"}
    data = reconciler(deployment, "data")
    assert "promoted" not in data["guards"]
    of_all = unpacked(data["all_waves"])
    assert of_all["pilot"].guards.promoted == Forerunner("staging")
    assert of_all["data"].guards.promoted is None


def test_a_stack_of_another_project_is_named_in_full() -> None:
    config = configs.changed("promotion", value={"after": "acme/other/staging"})
    assert waves(config).one("StackReference").name == "acme/other/staging"


def test_outputs_of_another_backend_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "staging.json"
    row = {"wave": "pilot", "observedPhase": "protected", "lastTest": "2026-01-05T14:37:00Z"}
    file.write_text(json.dumps({"machines": {"web-01": row}}))
    promotion = {"after": "staging", "outputsFile": str(file)}
    deployment = waves(configs.changed("promotion", value=promotion))
    assert deployment.all("StackReference") == []
    promoted = reconciler(deployment, "pilot")["guards"]["promoted"]
    assert promoted == {"stack": "staging", "reached": "test-failover"}
