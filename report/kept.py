"""What stays in Azure when a stack is destroyed: `python -m report.kept --stack dev`.

Prints it, and notes the migrated machines in a file: the record of the stack goes with the stack,
and the tag of a virtual machine is all else that tells what it was.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from report import engine, stdout
from site_recovery import whole_files
from site_recovery.errors import MigrationError

_WAVE = (":Wave", ":MigrationWave")
"""The ends of its type: since the types are short, and before."""

Machines = dict[str, dict[str, str]]


def migrated(deployment: Mapping[str, Any]) -> Machines:
    """The machines that are recorded as migrated, by name: `instance`, `virtualMachine` and `wave`.

    Args:
        deployment: the recorded state of a stack.
    """
    found: Machines = {}
    for resource in deployment.get("resources") or ():
        outputs = resource.get("outputs") or {}
        if not resource["type"].endswith(_WAVE) or "migrated" not in outputs:
            continue
        for name, instance in outputs["migrated"].items():
            seen = (outputs.get("results") or {}).get(name) or {}
            if not seen and name in found:
                # It moved to another wave, which knows more.
                continue
            found[name] = {
                "instance": instance,
                "virtualMachine": seen.get("azure_vm_id") or "",
                "wave": resource["urn"].rpartition("::")[2],
            }
    return dict(sorted(found.items()))


def note(machines: Machines, file: Path) -> None:
    """Add machines to a file, which keeps those of earlier stacks of the name.

    Raises:
        MigrationError: it cannot be read, and is left as it is; or it cannot be written.
    """
    content = json.dumps(dict(sorted({**_noted(file), **machines}.items())), indent=2)
    whole_files.write(file, f"{content}\n")


def _noted(file: Path) -> Machines:
    try:
        before = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(file, f"it cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise _unreadable(file, f"it is not JSON: {error}") from error
    if not isinstance(before, dict):
        raise _unreadable(file, "it is no mapping of machines")
    return before


def _unreadable(file: Path, what: str) -> MigrationError:
    return MigrationError(
        f"{file} notes the machines that earlier stacks of this name left in Azure, and {what}. "
        "Nothing is changed or destroyed. Correct the file, or move it to another place; a new one "
        "is written then."
    )


def main(arguments: Iterable[str] | None = None) -> int:
    """Print what stays, and note it. Returns the exit code, which is 0 if nothing is migrated."""
    stdout.never_fail()
    parser = argparse.ArgumentParser(prog="python -m report.kept", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--output", type=Path, required=True, help="the file")
    options = parser.parse_args(None if arguments is None else list(arguments))
    try:
        machines = migrated(engine.exported(options.stack))
        if machines:
            note(machines, options.output)
    except MigrationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if not machines:
        return 0
    print(f"Migrated, and kept in Azure with their resource group and network ({options.output}):")
    for name, machine in machines.items():
        print(f"  {name}: {machine['virtualMachine'] or 'its virtual machine was not found'}")
    print("A later stack with the same names uses what is kept if its target.adopt is true.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
