"""The machines of a stack as a table: what `make up` ends with.

python -m toolchain.show --stack dev     in the stack's environment
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

_FIRST = ("wave", "phase")
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
    """A row a machine, a column an attribute that any of them has.

    Args:
        machines: the stack output `machines`: attributes by machine name. Azure ids are shown by
            the name that they end with.
    """
    attributes = sorted(
        {attribute for machine in machines.values() for attribute in machine},
        key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name),
    )
    made = Table("machine", *map(_words, attributes), title="Machines", title_justify="left")
    for name in sorted(machines):
        made.add_row(name, *(_text(machines[name].get(attribute)) for attribute in attributes))
    return made


def _words(name: str) -> str:
    """`azureVmId` and `azure_vm_id` as `azure vm`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name).lower()
    return spaced.removesuffix(" id")


def _text(value: Any) -> str:
    if value is None or value == "":
        return _NOTHING
    text = str(value)
    return text.rsplit("/", 1)[-1] if text.lower().startswith("/subscriptions/") else text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
