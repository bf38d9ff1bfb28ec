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

# Attributes of a machine in the stack output `machines`, and how their columns are called.
_COLUMNS = {
    "wave": "wave",
    "phase": "phase",
    "azureVm": "Azure VM",
    "testVm": "test VM",
    "lastTest": "last test",
    "health": "health",
    "item": "item",
}
_NOTHING = "-"


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
    Console().print(table(machines))
    return 0


def table(machines: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row a machine, by name.

    Args:
        machines: the stack output `machines`: attributes by machine name. Azure ids are shown by
            the name that they end with.
    """
    made = Table("machine", *_COLUMNS.values(), title="Machines", title_justify="left")
    for name in sorted(machines):
        made.add_row(name, *(_text(machines[name].get(attribute)) for attribute in _COLUMNS))
    return made


def _text(value: Any) -> str:
    if value is None or value == "":
        return _NOTHING
    text = str(value)
    return text.rsplit("/", 1)[-1] if text.lower().startswith("/subscriptions/") else text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
