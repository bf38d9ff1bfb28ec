"""The machines of a stack as a table, which `make up` prints at the end.

python -m toolchain.show --stack dev     in the stack's environment
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

_COLUMNS = {
    "wave": "wave",
    "observed_phase": "observed phase",
    "vm": "Azure VM",
    "last_test_failover": "last test",
    "health": "health",
}
_WIDE_COLUMNS = {**_COLUMNS, "item_id": "item"}
_WIDE = 120
"""The width of the terminal, in columns, from which the replicated item is shown too."""
_DATE = len("2026-01-05")
_NOTHING = "-"
_NO_HEALTH = "None"
"""The service's word for the health of a machine that does not replicate."""

_WAVE = "dynamic/site-recovery:MigrationWave"
_ITEM = "dynamic/site-recovery:ProtectedItem"
_SATISFIED = "satisfied"

Row = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Print the table of a stack. Returns the exit code, which is 0 for a stack without machines."""
    parser = argparse.ArgumentParser(prog="python -m toolchain.show")
    parser.add_argument("--stack", required=True)
    stack = parser.parse_args(arguments).stack
    done = subprocess.run(
        ["pulumi", "stack", "export", "--stack", stack],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)
        return done.returncode
    resources = json.loads(done.stdout)["deployment"].get("resources") or []
    machines, unfinished = recorded(resources)
    if not machines:
        print(f"Stack {stack} has recorded no machines.", file=sys.stderr)
        return 0
    console = Console()
    console.print(table(machines, console.width))
    for line in unfinished:
        console.print(line, markup=False, highlight=False)
    return 0


def recorded(resources: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Row], list[str]]:
    """Read the machines from a stack's state.

    They are read from the resources and not from the stack's outputs, because a run that fails
    does not update the outputs, not even for the machines that succeeded.

    Args:
        resources: the resources of an exported stack.

    Returns:
        The attributes of each machine by its name, and one line with the reason for each machine
        that did not reach its wave's phase in the last run.
    """
    machines: dict[str, Row] = {}
    unfinished: list[str] = []
    resources = list(resources)
    for resource in resources:
        outputs = resource.get("outputs") or {}
        if resource["type"].endswith(_ITEM):
            wave = _last(resource["parent"], "::")
            machines[outputs["name"]] = {**outputs, "wave": wave}
    for resource in resources:
        outputs = resource.get("outputs") or {}
        if not resource["type"].endswith(_WAVE):
            continue
        wave = _last(resource["urn"], "::")
        for name, outcome in sorted((outputs.get("outcomes") or {}).items()):
            if outcome["status"] == _SATISFIED:
                continue
            seen = outputs["results"][name]
            # If the machine has a record of its own, the wave's last observation is newer.
            kept = {"last_test_failover": machines.get(name, {}).get("last_test_failover")}
            machines[name] = {**kept, **seen, "wave": wave, "observed_phase": seen["stage"]}
            unfinished.append(
                f"{name} should be {outputs['phase']} ({outcome['status']}): {outcome['message']}"
            )
    return machines, unfinished


def table(machines: Mapping[str, Row], width: int) -> Table:
    """Make the table: one row for each machine, sorted by name; long names wrap.

    Args:
        machines: the attributes of each machine by its name. Of an Azure id, only the last
            segment is shown.
        width: the width of the terminal in columns.
    """
    columns = _WIDE_COLUMNS if width >= _WIDE else _COLUMNS
    made = Table(title="Machines", title_justify="left")
    for title in ("machine", *columns.values()):
        made.add_column(title, overflow="fold")
    for name, machine in sorted(machines.items()):
        made.add_row(name, *(_cell(machine, attribute) for attribute in columns))
    return made


def _cell(machine: Row, attribute: str) -> str:
    if attribute == "vm":
        # A machine has at most one of the two, and the name of a test machine ends in -test.
        ids = [machine[key] for key in ("azure_vm_id", "test_vm_id") if machine.get(key)]
        return " ".join(_last(text, "/") for text in ids) or _NOTHING
    text = str(machine.get(attribute) or _NOTHING)
    if attribute == "last_test_failover":
        return text[:_DATE]
    if attribute == "health" and text == _NO_HEALTH:
        return _NOTHING
    return _last(text, "/")


def _last(text: str, separator: str) -> str:
    return text.rsplit(separator, 1)[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
