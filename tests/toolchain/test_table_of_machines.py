from __future__ import annotations

import re
from typing import Any

from rich.console import Console

from toolchain import show

_SUBSCRIPTION = "/subscriptions/1/resourceGroups/rg/providers"
_VM = f"{_SUBSCRIPTION}/Microsoft.Compute/virtualMachines"
_ITEM = f"{_SUBSCRIPTION}/Microsoft.RecoveryServices/vaults/rsv/replicationProtectedItems"
_PILOT = "urn:pulumi:dev::ec2-to-azure::ec2-to-azure:components:MigrationWave::pilot"
SATISFIED = {"status": "satisfied", "reason": "", "message": ""}
MIGRATED = {"observed_phase": "migrated", "azure_vm_id": f"{_VM}/legacy-01", "health": "None"}
TESTED = {
    "observed_phase": "test-failover",
    "test_vm_id": f"{_VM}/web-02-test",
    "last_test_failover": "2026-01-05T09:41:07+00:00",
    "health": "Normal",
    "item_id": f"{_ITEM}/web-02",
}


def item(name: str, outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "pulumi-python:dynamic/site-recovery:ProtectedItem",
        "urn": f"urn:pulumi:dev::ec2-to-azure::ProtectedItem::{name}",
        "parent": _PILOT,
        "outputs": {"name": name, **outputs},
    }


def wave(outcomes: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "pulumi-python:dynamic/site-recovery:MigrationWave",
        "urn": _PILOT,
        "outputs": {"phase": "migrated", "outcomes": outcomes, "results": results},
    }


RESOURCES = [item("web-02", TESTED), item("legacy-01", MIGRATED)]


def rendered(width: int, resources: list[dict[str, Any]]) -> list[str]:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(show.table(show.recorded(resources)[0], width))
    return captured.get().splitlines()


def rows(width: int, resources: list[dict[str, Any]]) -> list[list[str]]:
    lines = [re.split(r"\s*[│┃]\s*", line)[1:-1] for line in rendered(width, resources)]
    return [line for line in lines if len(line) > 1]


def test_the_table_has_a_row_a_machine_and_short_names_for_azure_ids() -> None:
    assert rows(80, RESOURCES) == [
        ["machine", "wave", "observed phase", "Azure VM", "last test", "health"],
        ["legacy-01", "pilot", "migrated", "legacy-01", "-", "-"],
        ["web-02", "pilot", "test-failover", "web-02-test", "2026-01-05", "Normal"],
    ]


def test_a_wide_terminal_shows_the_replicated_item_too() -> None:
    assert [row[-1] for row in rows(120, RESOURCES)] == ["item", "-", "web-02"]


def test_no_name_is_cut_however_long_it_is() -> None:
    name = "a-machine-with-a-name-as-long-as-azure-allows-one-to-be-64-less1"
    resources = [item(name, {**MIGRATED, "azure_vm_id": f"{_VM}/{name}"})]
    found = rows(80, resources)[1:]
    assert "".join(row[0] for row in found) == name
    assert "".join(row[3] for row in found) == name
    assert max(map(len, rendered(80, resources))) <= 80


def test_a_machine_that_failed_is_shown_as_the_run_left_it_and_says_why() -> None:
    failed = {
        "status": "failed",
        "reason": "job-failed",
        "message": "unplanned failover failed: no quota",
    }
    seen = {"stage": "protected", "health": "Normal", "item_id": f"{_ITEM}/web-02"}
    resources = [
        *RESOURCES,
        wave({"web-02": failed, "legacy-01": SATISFIED}, {"web-02": seen, "legacy-01": {}}),
    ]

    machines, unfinished = show.recorded(resources)

    assert unfinished == ["web-02 should be migrated (failed): unplanned failover failed: no quota"]
    assert machines["web-02"]["observed_phase"] == "protected"
    assert "test_vm_id" not in machines["web-02"], "its test was cleaned up first"
    assert machines["web-02"]["last_test_failover"] == TESTED["last_test_failover"]
    assert machines["legacy-01"]["observed_phase"] == "migrated"


def test_a_machine_that_never_got_a_record_has_a_row() -> None:
    failed = {"status": "failed", "reason": "job-failed", "message": "enable protection failed"}
    resources = [wave({"db-01": failed}, {"db-01": {"stage": "discovered", "health": "None"}})]
    assert rows(80, resources)[1:] == [["db-01", "pilot", "discovered", "-", "-", "-"]]
