from __future__ import annotations

import re

from rich.console import Console

from toolchain import show


def test_the_table_has_a_row_a_machine_and_short_names_for_azure_ids() -> None:
    vault = "/Subscriptions/1/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/rsv"
    vm = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/web-01"
    machines: dict[str, dict[str, object]] = {
        "web-02": {"phase": "protected", "wave": "rest", "azureVm": None, "item": f"{vault}/i-2"},
        "web-01": {"phase": "migrated", "wave": "pilot", "azureVm": vm, "lastTest": "2026-11-23"},
    }
    console = Console(width=120)
    with console.capture() as captured:
        console.print(show.table(machines))

    lines = [re.split(r"\s*[│┃]\s*", line)[1:-1] for line in captured.get().splitlines()]
    rows = [line for line in lines if len(line) > 1]
    assert rows == [
        ["machine", "wave", "phase", "Azure VM", "test VM", "last test", "health", "item"],
        ["web-01", "pilot", "migrated", "web-01", "-", "2026-11-23", "-", "-"],
        ["web-02", "rest", "protected", "-", "-", "-", "-", "i-2"],
    ]
