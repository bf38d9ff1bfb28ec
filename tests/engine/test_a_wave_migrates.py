"""One wave goes through all phases, one by one, while another stays protected."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from emulator.arm.subscriptions import SUBSCRIPTION
from tests.engine.harness import (
    ACCESS_KEY,
    MACHINES_GROUP,
    PASSPHRASE,
    SECRET_KEY,
    Result,
    Stack,
)

pytestmark = pytest.mark.engine

PROTECTED = ["DiscoverProtectableItem", "Create"]
TESTED = [*PROTECTED, "TestFailover"]
CLEANED = [*TESTED, "TestFailoverCleanup"]
FAILED_OVER = [*CLEANED, "UnplannedFailover"]
MIGRATED = [*FAILED_OVER, "Delete"]

WAVE = ["web-01", "db-01"]
OTHER = "app-01"
RULES = "nsg-vnet-prod"
"""The group of the production subnet. The first `up` makes it: a preview refuses one that is not
there."""


def go_to(stack: Stack, phase: str) -> tuple[Result, Result]:
    """Set the wave's phase, then run preview and up."""
    stack.declare(pilot=(phase, WAVE), rest=("protected", [OTHER]))
    if phase in ("failed-over", "migrated"):
        group = (
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{MACHINES_GROUP}/providers"
            f"/Microsoft.Network/networkSecurityGroups/{RULES}"
        )
        declared = stack.machines["db-01"]
        target = {**declared.get("target", {}), "networkSecurityGroup": group}
        stack.machines["db-01"] = {**declared, "target": target}
    before = stack.clouds.audit()
    preview = stack.preview()
    assert preview.code == 0, preview.text
    assert stack.clouds.audit() == before, "a preview changes nothing"
    up = stack.up()
    assert up.code == 0, up.text
    assert "Traceback" not in preview.text + up.text
    return preview, up


def assert_at_rest(stack: Stack) -> None:
    """Another up finds nothing to do, and does nothing."""
    before = stack.clouds.audit()
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text
    assert again.changes == {}
    assert stack.clouds.audit() == before


def assert_phases(stack: Stack, phase: str) -> None:
    machines = stack.outputs()["machines"]
    assert {name: row["observedPhase"] for name, row in machines.items()} == {
        **dict.fromkeys(WAVE, phase),
        OTHER: "protected",
    }


def test_from_nothing_all_machines_are_protected(stack: Stack) -> None:
    preview, up = go_to(stack, "protected")

    asked = "discover, " if stack.experience == "classic" else ""
    for name in WAVE:
        expected = f"not discovered → protected: {asked}enable protection"
        assert preview.reviewed[name] == expected
    assert "IRREVERSIBLE" not in preview.text
    _, _, told = preview.text.partition("pulumi:pulumi:Stack (ec2-to-azure-engine):\n")
    assert [line.strip() for line in told.splitlines()[:2]] == [
        "AWS account 123456789012 → Azure 11111111-1111-1111-1111-111111111111",
        "eu-west-1 → westeurope, tenant 72f988bf-0000-4000-8000-2d7cd011db47",
    ], preview.text
    assert "-> initial replication" in up.line("pilot")
    for name in (*WAVE, OTHER):
        assert stack.clouds.operations(name) == stack.first(*PROTECTED)
    assert_phases(stack, "protected")
    assert_at_rest(stack)


def test_a_test_machine_runs_in_the_isolated_network(stack: Stack) -> None:
    preview, _ = go_to(stack, "test-failover")

    assert preview.reviewed["web-01"] == "protected → test-failover: test failover"
    assert "IRREVERSIBLE" not in preview.text
    machines = stack.clouds.virtual_machines(MACHINES_GROUP)
    assert set(machines) == {"web-01-test", "db-01-test"}
    assert {stack.clouds.network_of(machine) for machine in machines.values()} == {"vnet-test"}
    rows = stack.outputs()["machines"]
    for name in WAVE:
        assert stack.clouds.operations(name) == stack.first(*TESTED)
        assert rows[name]["testVm"].endswith(f"/{name}-test")
    assert_phases(stack, "test-failover")
    assert_at_rest(stack)


def test_going_back_to_protected_cleans_the_test_up(stack: Stack) -> None:
    preview, _ = go_to(stack, "protected")

    expected = "test failover running → protected: test failover cleanup"
    assert preview.reviewed["web-01"] == expected
    assert stack.clouds.virtual_machines(MACHINES_GROUP) == {}
    rows = stack.outputs()["machines"]
    for name in WAVE:
        assert stack.clouds.operations(name) == stack.first(*CLEANED)
        assert rows[name]["lastTest"], "what was tested is remembered"
    assert_phases(stack, "protected")
    assert_at_rest(stack)


def test_a_failover_is_announced_as_irreversible_and_runs_once(stack: Stack) -> None:
    preview, _ = go_to(stack, "failed-over")

    review = preview.line("pilot")
    assert preview.reviewed["web-01"] == "protected → failed-over: unplanned failover"
    assert f"db-01: attach network security group: {RULES}" in preview.text
    assert "web-01: attach" not in preview.text
    assert review.count("IRREVERSIBLE") == len(WAVE)
    [told] = [line for line in preview.lines.values() if "no failback to AWS" in "".join(line)]
    assert f"{len(WAVE)} failovers, nothing blocked" in "".join(told)
    machines = stack.clouds.virtual_machines(MACHINES_GROUP)
    assert set(machines) == set(WAVE)
    assert {stack.clouds.network_of(machine) for machine in machines.values()} == {"vnet-prod"}
    groups = {name: stack.clouds.security_group_of(machines[name]) for name in WAVE}
    assert groups == {"web-01": "", "db-01": RULES}
    for name in WAVE:
        assert stack.clouds.operations(name) == stack.first(*FAILED_OVER)
    assert_phases(stack, "failed-over")
    assert_at_rest(stack)


def test_complete_migration_keeps_the_azure_machine_and_ends_replication(stack: Stack) -> None:
    preview, _ = go_to(stack, "migrated")

    review = preview.line("pilot")
    assert preview.reviewed["web-01"] == "failed over → migrated: complete migration"
    assert review.count("IRREVERSIBLE") == len(WAVE)
    machines = stack.clouds.virtual_machines(MACHINES_GROUP)
    rows = stack.outputs()["machines"]
    for name in WAVE:
        assert stack.clouds.operations(name) == stack.first(*MIGRATED)
        assert machines[name]["tags"]["migrated-from-instance"] == stack.fleet[name]["instanceId"]
        assert rows[name]["azureVm"].endswith(f"/virtualMachines/{name}")
        assert rows[name]["azureVmName"] == name
        assert rows[name]["powerState"] == "running"
        assert rows[name]["privateIp"] == stack.clouds.address_of(machines[name])
        assert not rows[name].get("item")
    assert_phases(stack, "migrated")
    assert_at_rest(stack)


def test_the_other_wave_was_left_alone_throughout(stack: Stack) -> None:
    assert stack.clouds.operations(OTHER) == stack.first(*PROTECTED)
    assert OTHER not in stack.clouds.virtual_machines(MACHINES_GROUP)


def test_the_report_shows_what_the_vault_shows_and_changes_nothing(
    stack: Stack, tmp_path: Path
) -> None:
    before = stack.clouds.audit()

    told = json.loads(stack.report("status", "--json"))
    printed = stack.report("status", "--page", str(tmp_path / "page.html"))
    every = json.loads(stack.report("status", "--all", "--json"))

    assert told["live"] is True
    assert told["counts"] | {"migrated": 2, "protected": 1} == told["counts"]
    [pilot] = [wave for wave in told["waves"] if wave["name"] == "pilot"]
    ran = [run["operation"] for run in pilot["operations"] if run["machine"] == "web-01"]
    assert ran[-4:] == [
        "test failover",
        "test failover cleanup",
        "unplanned failover",
        "complete migration",
    ]
    assert all(machine["usage"]["vmHours"] > 0 for machine in pilot["machines"])
    assert "web-01" in printed
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.count("web-01") > 3
    [recorded] = every["stacks"]
    assert (recorded["live"], recorded["counts"]) == (False, told["counts"])
    assert every["problems"] == {}
    one_is_missing = stack.run_tool("report", "status", "--stack", "no-such-stack", "--json")
    assert one_is_missing.code == 1
    assert json.loads(one_is_missing.text)["stacks"] == [recorded]
    assert "no-such-stack" in json.loads(one_is_missing.text)["problems"]["no-such-stack"]
    assert stack.clouds.audit() == before


def test_nothing_of_the_credentials_is_in_the_state(stack: Stack) -> None:
    state = stack.exported()
    for secret in (ACCESS_KEY, SECRET_KEY, PASSPHRASE, "eyJ", "access_token"):
        assert secret not in state
    # Every JSON web token begins like this.
    assert stack.clouds.token().startswith("eyJ")


def test_the_servers_credential_is_nowhere_in_clear(stack: Stack) -> None:
    """It is not in the state, the pickled providers, logs or user data, only in its secret."""
    state, logs = stack.succeeds("stack", "export"), stack.logs()
    assert json.loads(state)["deployment"]["resources"] == stack.resources()
    assert json.loads(stack.succeeds("stack", "output", "--json")) == stack.outputs()
    ec2 = stack.clouds.ec2()
    server = stack.outputs()["server"]["instanceId"]
    found = ec2.describe_instance_attribute(InstanceId=server, Attribute="userData")
    script = base64.b64decode(found["UserData"]["Value"]).decode()
    assert "$Settings" in script
    assert "dynamic/asr:Registration" in logs
    for marker in ("RSVaultAsrCreds", "ManagementCert>MII"):
        assert marker not in state
        assert marker not in logs
        assert f"<{marker}" not in script


def test_providers_are_kept_by_reference(stack: Stack) -> None:
    """A provider pickled by value would run old code after an update of this program."""
    kept = [
        resource["inputs"]["__provider"]
        for resource in stack.resources()
        if "dynamic/asr" in resource["type"]
    ]
    assert kept
    assert all(isinstance(provider, str) and len(provider) < 200 for provider in kept)
