from __future__ import annotations

import re

from rich.console import Console

from toolchain import show


def test_the_table_has_a_row_a_machine_and_short_names_for_azure_ids() -> None:
    vm = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/web-01"
    machines: dict[str, dict[str, object]] = {
        "web-02": {"phase": "protected", "wave": "rest", "azureVmId": None},
        "web-01": {"phase": "migrated", "wave": "pilot", "azureVmId": vm, "health": "Normal"},
    }
    console = Console(width=120)
    with console.capture() as captured:
        console.print(show.table(machines))

    lines = [re.split(r"\s*[│┃]\s*", line)[1:-1] for line in captured.get().splitlines()]
    rows = [line for line in lines if len(line) > 1]
    assert rows == [
        ["machine", "wave", "phase", "azure vm", "health"],
        ["web-01", "pilot", "migrated", "web-01", "Normal"],
        ["web-02", "rest", "protected", "-", "-"],
    ]
