"""A test failover that somebody starts in the vault: refresh shows it, the next up ends it."""

from __future__ import annotations

import pytest

from site_recovery.arm_ids import ContainerId
from tests.engine.harness import GROUP, MACHINES_GROUP, VAULT, Stack

pytestmark = pytest.mark.engine

MACHINE = "web-01"
BY_US = ["DiscoverProtectableItem", "Create"]


def test_by_hand_in_a_protected_wave(stack: Stack) -> None:
    stack.declare(pilot=("protected", [MACHINE]))
    assert stack.up().code == 0
    outputs = stack.outputs()
    container = ContainerId.parse(outputs["server"]["containerId"])
    client = stack.clouds.site_recovery()
    provider = "InMageAzureV2" if stack.experience == "classic" else "InMageRcm"
    networks = f"{outputs['vault']['id'].partition('/providers/')[0]}/providers/Microsoft.Network"

    client.replication_protected_items.begin_test_failover(
        GROUP,
        VAULT,
        container.fabric,
        container.container,
        MACHINE,
        {
            "properties": {
                "failoverDirection": "PrimaryToRecovery",
                "networkType": "VmNetworkAsInput",
                "networkId": f"{networks}/virtualNetworks/vnet-test",
                "providerSpecificDetails": {"instanceType": provider},
            }
        },
    ).result()

    assert stack.clouds.operations(MACHINE) == stack.first(*BY_US, "TestFailover")
    assert f"{MACHINE}-test" in stack.clouds.virtual_machines(MACHINES_GROUP)


def test_refresh_records_it(stack: Stack) -> None:
    refresh = stack.refresh()

    assert refresh.code == 0, refresh.text
    assert f"Machine {MACHINE}" in refresh.changes
    recorded = stack.recorded(MACHINE)
    assert recorded is not None
    assert recorded["phase"] == recorded["observed_phase"] == "test-failover"
    assert recorded["test_vm_id"].endswith(f"/{MACHINE}-test")
    assert stack.clouds.operations(MACHINE) == stack.first(*BY_US, "TestFailover"), (
        "refresh only looks"
    )


def test_preview_names_what_puts_it_right(stack: Stack) -> None:
    preview = stack.preview()

    assert preview.code == 0, preview.text
    expected = "test failover running → protected: test failover cleanup"
    assert preview.reviewed == {MACHINE: expected}


def test_up_cleans_it_up(stack: Stack) -> None:
    up = stack.up()

    assert up.code == 0, up.text
    assert stack.clouds.operations(MACHINE) == stack.first(
        *BY_US, "TestFailover", "TestFailoverCleanup"
    )
    assert stack.clouds.virtual_machines(MACHINES_GROUP) == {}
    row = stack.machine(MACHINE)
    assert row["observedPhase"] == "protected"
    assert not row.get("testVm")
    assert row["lastTest"], "it is shown, whoever started it"


def test_it_does_not_count_because_nobody_looked_at_it(stack: Stack) -> None:
    stack.declare(pilot=("failed-over", [MACHINE]))

    preview, up = stack.preview(), stack.up()

    for run in (preview, up):
        assert run.code != 0
        told = " ".join(run.error.split())
        assert f"{MACHINE}: no checks of its test failover are recorded as passed" in told
        assert "Set the wave's phase to test-failover" in told
    assert "UnplannedFailover" not in stack.clouds.operations(MACHINE)


def test_a_test_whose_checks_passed_counts(stack: Stack) -> None:
    stack.declare(pilot=("test-failover", [MACHINE]))
    assert stack.up().code == 0
    stack.declare(pilot=("failed-over", [MACHINE]))

    up = stack.up()

    assert up.code == 0, up.text
    assert stack.clouds.operations(MACHINE)[-1] == "UnplannedFailover"
