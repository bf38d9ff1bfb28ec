"""The machines of a stack as a table: what `make up` ends with.

python -m toolchain.show --stack dev     in the stack's environment
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

_COLUMNS = ("machine", "wave", "phase", "Azure VM", "last test", "health")
_WIDE = 120
"""Columns of a terminal that has room for the replicated item too."""
_DATE = len("2026-01-05")
_NOTHING = "-"
_NO_HEALTH = "None"
"""The service's word for the health of what does not replicate."""


def main(arguments: list[str]) -> int:
    """Print the table of a stack. Returns the exit code: 0 also for a stack without machines."""
    parser = argparse.ArgumentParser(prog="python -m toolchain.show")
    parser.add_argument("--stack", required=True)
    stack = parser.parse_args(arguments).stack
    done = subprocess.run(
        ["pulumi", "stack", "output", "--json", "--stack", stack],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)
        return done.returncode
    machines = json.loads(done.stdout).get("machines") or {}
    if not machines:
        print(f"Stack {stack} has recorded no machines.", file=sys.stderr)
        return 0
    console = Console()
    console.print(table(machines, console.width))
    return 0


def table(machines: Mapping[str, Mapping[str, Any]], width: int) -> Table:
    """A row a machine, by name; names that are too long for the terminal go on in a next line.

    Args:
        machines: the stack output `machines`: attributes by machine name. Azure ids are shown by
            the name that they end with.
        width: of the terminal, in columns.
    """
    more = ["item"] if width >= _WIDE else []
    made = Table(title="Machines", title_justify="left")
    for column in (*_COLUMNS, *more):
        made.add_column(column, overflow="fold")
    for name, machine in sorted(machines.items()):
        made.add_row(name, *_cells(machine), *(_last(machine, attribute) for attribute in more))
    return made


def _cells(machine: Mapping[str, Any]) -> list[str]:
    # One column for both virtual machines: a machine has either, and a test's is named so.
    vms = [_last(machine, key) for key in ("azureVm", "testVm") if machine.get(key)]
    return [
        _last(machine, "wave"),
        _last(machine, "phase"),
        " ".join(vms) or _NOTHING,
        _last(machine, "lastTest")[:_DATE],
        _NOTHING if machine.get("health") == _NO_HEALTH else _last(machine, "health"),
    ]


def _last(machine: Mapping[str, Any], attribute: str) -> str:
    """An attribute as text; of an Azure id the name that it ends with."""
    text = str(machine.get(attribute) or _NOTHING)
    return text.rsplit("/", 1)[-1] if text.lower().startswith("/subscriptions/") else text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
