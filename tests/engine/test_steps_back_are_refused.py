"""Preview refuses every step back in one report, and nothing is changed."""

from __future__ import annotations

import pytest

from tests.engine.harness import GROUP, MACHINES_GROUP, VAULT, Result, Stack

pytestmark = pytest.mark.engine


def refused(stack: Stack, command: str) -> Result:
    """Run a command that has to fail without a change in Azure."""
    before = stack.clouds.audit()
    result = stack.run(*command.split())
    assert result.code != 0, result.text
    assert "Traceback" not in result.text
    assert stack.clouds.audit() == before
    return result


def test_a_fleet_in_different_phases(stack: Stack) -> None:
    stack.declare(
        first=("failed-over", ["web-01", "web-03"]),
        second=("failed-over", ["app-01"]),
        third=("protected", ["web-02"]),
    )
    for wave in ("first", "second"):
        stack.waves[wave]["requireTestFailover"] = False
    up = stack.up()
    assert up.code == 0, up.text


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("resourceGroup", "rg-renamed", "app-01, web-01, web-02, web-03 replicate in vault"),
        ("vault", "rsv-renamed", "app-01, web-01, web-02, web-03 replicate in vault"),
        ("network", "10.20.7.0/24", "target.network.subnet: servers (10.20.1.0/24) of vnet-prod"),
    ],
)
def test_what_holds_machines_stays_and_the_config_can_be_put_back(
    stack: Stack, key: str, value: str, said: str
) -> None:
    target = stack.config["ec2-to-azure:target"]
    network = target["network"]
    readdressed = {**network, "subnet": {**network["subnet"], "addressPrefix": value}}
    change = {key: readdressed if key == "network" else value}
    stack.config["ec2-to-azure:target"] = {
        "machinesResourceGroup": MACHINES_GROUP,
        **target,
        **change,
    }

    for command in ("preview", "up --yes --skip-preview"):
        assert said in refused(stack, command).error

    stack.config["ec2-to-azure:target"] = target
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text


def test_preview_refuses_every_step_back_from_a_failover_and_an_untested_machine(
    stack: Stack,
) -> None:
    stack.waves["first"]["phase"] = "protected"
    stack.waves["second"]["phase"] = "test-failover"
    stack.waves["third"]["phase"] = "failed-over"

    preview = refused(stack, "preview")

    assert "web-01: it is failed over and cannot go back to protected" in preview.text
    assert "web-03: it is failed over and cannot go back to protected" in preview.text
    assert "app-01: it is failed over and cannot go back to test-failover" in preview.text
    assert "there is no failback to AWS" in preview.text
    assert "Set its wave's phase to failed-over or migrated" in preview.text
    assert "web-02: no test failover of it ever succeeded, and its wave requires one" in (
        preview.text
    )
    assert "Set the wave's phase to test-failover" in preview.text


def test_up_refuses_it_too(stack: Stack) -> None:
    up = refused(stack, "up --yes --skip-preview")

    assert "web-02: no test failover of it ever succeeded" in up.text


def test_a_machine_between_failover_and_migration_may_not_leave_its_wave(stack: Stack) -> None:
    stack.waves["first"].update(phase="failed-over", machines=["web-03"])
    stack.waves["second"]["phase"] = "failed-over"
    stack.waves["third"]["phase"] = "protected"
    del stack.machines["web-01"]

    preview = refused(stack, "preview")

    assert "web-01: it is failed over but its migration is not complete" in preview.text
    assert "Set its wave's phase to migrated and run pulumi up, then remove it" in preview.text


def test_nor_may_its_whole_wave(stack: Stack) -> None:
    stack.waves["first"]["machines"].append("web-01")
    stack.machines["web-01"] = stack.fleet["web-01"]
    del stack.waves["second"]
    del stack.machines["app-01"]

    up = refused(stack, "up --yes --skip-preview")

    assert "app-01: it is failed over but its migration is not complete" in up.error


def test_nor_may_it_be_destroyed(stack: Stack) -> None:
    machines = ("web-01", "web-03", "app-01")
    before = [stack.clouds.operations(machine) for machine in machines]

    destroy = stack.destroy()

    assert destroy.code != 0, destroy.text
    assert "Traceback" not in destroy.text
    for machine in machines:
        assert f"{machine}: it is failed over but its migration is not complete" in destroy.error
    assert [stack.clouds.operations(machine) for machine in machines] == before
    assert set(machines) <= set(stack.clouds.virtual_machines(MACHINES_GROUP))
    assert stack.clouds.vaults(GROUP) == {VAULT}


def test_what_is_migrated_goes_nowhere_else(stack: Stack) -> None:
    stack.declare(
        first=("migrated", ["web-01"]),
        second=("migrated", ["app-01"]),
        third=("protected", ["web-02"]),
        fourth=("migrated", ["web-03"]),
    )
    up = stack.up()
    assert up.code == 0, up.text
    stack.waves["first"]["phase"] = "protected"
    stack.waves["second"]["phase"] = "test-failover"
    stack.waves["fourth"]["phase"] = "failed-over"

    preview = refused(stack, "preview")

    assert "web-01: it is migrated and cannot go back to protected" in preview.text
    assert "app-01: it is migrated and cannot go back to test-failover" in preview.text
    assert "web-03: it is migrated and cannot go back to failed-over" in preview.text
    assert "Set its wave's phase to migrated, or take the machine out of the wave" in preview.text
