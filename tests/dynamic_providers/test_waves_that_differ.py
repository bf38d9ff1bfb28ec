"""When a wave has something to do, judged from what is recorded and what is observed."""

from __future__ import annotations

from typing import Any

import pytest

from dynamic_providers.migration_wave import MigrationWaveProvider
from dynamic_providers.wave_vault import WaveVault
from site_recovery.observation import Snapshot

VAULT = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/rsv"
CONTAINER = f"{VAULT}/replicationFabrics/f/replicationProtectionContainers/c"
INPUTS: dict[str, Any] = {
    "vault_id": VAULT,
    "container_id": CONTAINER,
    "policy_id": f"{VAULT}/replicationPolicies/p",
    "process_server_id": "ps",
    "master_target_id": "mt",
    "run_as_accounts": {"windows": "1"},
    "target": {
        "resource_group_id": "/subscriptions/1/resourceGroups/machines",
        "network_id": "n",
        "subnet_name": "s",
        "test_network_id": "t",
        "storage_account_id": "a",
    },
    "phase": "protected",
    "machines": {
        "web-01": {
            "instance_id": "i-1",
            "private_ip": "10.0.0.1",
            "os_type": "Windows",
            "vm_name": "web-01",
        }
    },
    "convergence": {
        "wait_seconds": 60,
        "poll_seconds": 1,
        "on_pending": "fail",
        "require_test_failover": True,
        "offline_preview": False,
    },
    "urn": "urn:pulumi:dev::p::t::web",
}
PROTECTED = Snapshot(
    items=(
        {
            "id": f"{CONTAINER}/replicationProtectedItems/web-01",
            "name": "web-01",
            "properties": {
                "protectionState": "Protected",
                "allowedOperations": ["TestFailover", "UnplannedFailover", "DisableProtection"],
            },
        },
    )
)


@pytest.fixture(autouse=True)
def the_machine_is_protected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WaveVault, "observe", lambda _self: PROTECTED)


def recorded(status: str) -> dict[str, Any]:
    return {**INPUTS, "outcomes": {"web-01": {"status": status, "reason": ""}}}


def test_a_wave_whose_machines_are_where_they_should_be_does_not_differ() -> None:
    assert not MigrationWaveProvider().diff("web", recorded("satisfied"), INPUTS).changes


@pytest.mark.parametrize("status", ["pending", "failed", "blocked"])
def test_a_machine_that_got_there_after_its_run_is_still_to_be_recorded(status: str) -> None:
    assert MigrationWaveProvider().diff("web", recorded(status), INPUTS).changes
