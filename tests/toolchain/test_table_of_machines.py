from __future__ import annotations

import re

from rich.console import Console

from toolchain import show

_SUBSCRIPTION = "/subscriptions/1/resourceGroups/rg/providers"
_VM = f"{_SUBSCRIPTION}/Microsoft.Compute/virtualMachines"
_ITEM = f"{_SUBSCRIPTION}/Microsoft.RecoveryServices/vaults/rsv/replicationProtectedItems"
MACHINES: dict[str, dict[str, object]] = {
    "web-02": {
        "wave": "web",
        "phase": "test-failover",
        "azureVm": None,
        "testVm": f"{_VM}/web-02-test",
        "lastTest": "2026-01-05T09:41:07+00:00",
        "health": "Normal",
        "item": f"{_ITEM}/web-02",
    },
    "legacy-01": {
        "wave": "pilot",
        "phase": "migrated",
        "azureVm": f"{_VM}/legacy-01",
        "health": "None",
    },
}


def rendered(width: int, machines: dict[str, dict[str, object]] = MACHINES) -> list[str]:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(show.table(machines, width))
    return captured.get().splitlines()


def rows(width: int, machines: dict[str, dict[str, object]] = MACHINES) -> list[list[str]]:
    lines = [re.split(r"\s*[│┃]\s*", line)[1:-1] for line in rendered(width, machines)]
    return [line for line in lines if len(line) > 1]


def test_the_table_has_a_row_a_machine_and_short_names_for_azure_ids() -> None:
    assert rows(width=80) == [
        ["machine", "wave", "phase", "Azure VM", "last test", "health"],
        ["legacy-01", "pilot", "migrated", "legacy-01", "-", "-"],
        ["web-02", "web", "test-failover", "web-02-test", "2026-01-05", "Normal"],
    ]


def test_a_wide_terminal_shows_the_replicated_item_too() -> None:
    assert [row[-1] for row in rows(width=120)] == ["item", "-", "web-02"]


def test_no_name_is_cut_however_long_it_is() -> None:
    name = "a-machine-with-a-name-as-long-as-azure-allows-one-to-be-64-less1"
    found = rows(80, {name: {**MACHINES["legacy-01"], "azureVm": f"{_VM}/{name}"}})[1:]
    assert "".join(row[0] for row in found) == name
    assert "".join(row[3] for row in found) == name
    assert max(map(len, rendered(80))) <= 80
