from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

import settings
from settings.schema.target import PARTS
from site_recovery.declared.target import TargetSpec
from site_recovery.phases import Phase
from tests.settings import configs


def test_missing_settings_have_the_defaults_of_the_procedure() -> None:
    stack = settings.load(configs.modernized())
    appliance, convergence = stack.source.replication_appliance, stack.convergence
    assert stack.experience == "modernized"
    assert appliance is not None
    assert (appliance.name, appliance.installation) == ("asr-appliance", "unattended")
    assert appliance.installer.url == "https://aka.ms/V2ARcmApplianceCreationPowershellZip"
    assert stack.source.configuration_server is None
    assert stack.replication.recovery_point_retention_hours == 24
    assert (convergence.wait, convergence.poll) == (timedelta(hours=2), timedelta(minutes=1))
    assert (convergence.on_pending, convergence.offline_preview) == ("fail", False)


def test_a_configuration_server_has_the_volumes_and_the_installer_of_its_page() -> None:
    server = settings.load(configs.valid()).source.configuration_server
    assert server is not None
    assert (server.name, server.retention_gib) == ("asr-cs", 600)
    assert server.installer.url == "https://aka.ms/unifiedinstaller_wus"


@pytest.mark.parametrize(
    ("config", "timeout", "installation"),
    [
        (configs.valid(), timedelta(hours=1), "push"),
        (configs.modernized(), timedelta(minutes=30), "ssm"),
    ],
)
def test_the_experience_decides_how_agents_are_installed_and_how_long_a_server_may_take(
    config: dict[str, Any], timeout: timedelta, installation: str
) -> None:
    stack = settings.load(config)
    assert stack.registration_timeout == timeout
    assert stack.replication.agent.installation == installation


@pytest.mark.parametrize("config", [configs.valid(), configs.modernized()])
def test_defaults_of_the_experience_can_be_overridden(config: dict[str, Any]) -> None:
    configs.put(config, "replication", "registrationTimeout", value="2h")
    configs.put(config, "replication", "agent", "installation", value="manual")
    stack = settings.load(config)
    assert stack.registration_timeout == timedelta(hours=2)
    assert stack.replication.agent.installation == "manual"


def test_the_server_of_the_other_experience_may_stand_there() -> None:
    config = configs.valid()
    config["source"] |= configs.modernized()["source"]
    assert settings.load(config).experience == "classic"
    del config["experience"]
    assert settings.load(config).experience == "modernized"


def test_a_wave_says_what_its_machines_have_in_common() -> None:
    config = configs.valid()
    config["waves"]["data"]["target"] = {
        "vmSize": "Standard_D2s_v3",
        "diskType": "StandardSSD_LRS",
        "tags": {"team": "shop", "tier": "any"},
    }
    config["machines"]["db-01"]["target"] = {
        "vmName": "orders",
        "diskType": "Premium_LRS",
        "privateIp": "10.20.1.10",
        "tags": {"tier": "data"},
    }
    stack = settings.load(config)
    orders, web = stack.target_of("db-01"), stack.target_of("web-02")
    assert (orders.vm_name, orders.vm_size) == ("orders", "Standard_D2s_v3")
    assert (orders.disk_type, orders.private_ip) == ("Premium_LRS", "10.20.1.10")
    assert orders.tags == {"team": "shop", "tier": "data"}
    assert (web.disk_type, web.vm_name) == ("StandardSSD_LRS", None)
    assert stack.target_of("web-01") == TargetSpec()


@pytest.mark.parametrize(
    ("adopt", "adopted"),
    [
        (False, set()),
        (True, {"machinesResourceGroup", "network"}),
        (["resourceGroup", "vault"], {"resourceGroup", "vault"}),
    ],
)
def test_the_config_says_what_of_the_azure_side_exists_already(
    adopt: Any, adopted: set[str]
) -> None:
    stack = settings.load(configs.changed("target", "adopt", value=adopt))
    assert {part for part in PARTS if stack.target.adopts(part)} == adopted


def test_machines_get_a_resource_group_that_is_not_the_vaults() -> None:
    assert settings.load(configs.valid()).target.machines_resource_group == "rg-migration-machines"
    named = configs.changed("target", "machinesResourceGroup", value="rg-servers")
    assert settings.load(named).target.machines_resource_group == "rg-servers"


def test_a_test_failover_is_required_unless_the_wave_says_otherwise() -> None:
    stack = settings.load(
        configs.changed("waves", "pilot", "requireTestFailover", value=False),
    )
    assert not stack.requires_test_failover("pilot")
    assert stack.requires_test_failover("data")


def test_a_wave_may_insist_where_the_stack_does_not() -> None:
    config = configs.changed("convergence", "requireTestFailover", value=False)
    stack = settings.load(configs.put(config, "waves", "data", "requireTestFailover", value=True))
    assert not stack.requires_test_failover("pilot")
    assert stack.requires_test_failover("data")


def test_a_machine_is_found_with_its_wave_phase_and_virtual_machine() -> None:
    stack = settings.load(
        configs.changed("machines", "web-01", "target", value={"vmName": "shop-front"})
    )
    assert stack.wave_of("web-01") == "pilot"
    assert stack.phase_of("web-01") is Phase.TEST_FAILOVER
    assert stack.target_of("web-01").vm_name_of("web-01") == "shop-front"
    assert stack.target_of("db-01").vm_name_of("db-01") == "db-01"


def test_a_machine_may_be_declared_and_wait_for_its_wave() -> None:
    stack = settings.load(
        configs.changed("machines", "later", value={"instanceId": "i-00000000000000009"})
    )
    assert stack.wave_of("later") is None
    assert stack.phase_of("later") is None


def test_settings_cannot_be_changed_afterwards() -> None:
    stack = settings.load(configs.valid())
    with pytest.raises(ValidationError, match="frozen"):
        stack.target.vault = "another"  # type: ignore[misc]


def test_settings_written_out_and_read_again_are_the_same() -> None:
    config = configs.modernized()
    config["target"]["adopt"] = ["machinesResourceGroup"]
    stack = settings.load(config)
    written = stack.model_dump(by_alias=True, mode="json", exclude_unset=True)
    assert settings.load(written) == stack
