from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

import settings
from site_recovery.phases import Phase
from tests.settings import configs


def test_what_is_not_said_has_a_default_of_the_procedure() -> None:
    stack = settings.load(configs.valid())
    server, replication, convergence = (
        stack.source.configuration_server,
        stack.replication,
        stack.convergence,
    )
    assert (server.instance_type, server.cache_gib, server.retention_gib) == (
        "c5.2xlarge",
        600,
        600,
    )
    assert replication.registration_timeout == timedelta(minutes=15)
    assert replication.recovery_point_retention_hours == 24
    assert (convergence.wait, convergence.poll) == (timedelta(hours=2), timedelta(seconds=30))
    assert (convergence.on_pending, convergence.offline_preview) == ("fail", False)
    assert stack.experience == "classic"


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
    assert (stack.vm_name("web-01"), stack.vm_name("db-01")) == ("shop-front", "db-01")


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
    stack = settings.load(configs.valid())
    written = stack.model_dump(by_alias=True, mode="json", exclude_none=True)
    assert settings.load(written) == stack
