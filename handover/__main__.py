"""`python -m handover --stack dev --output DIR`: migrated machines as code.

Writes a Pulumi project with an import file and the declarations that go with it. Run in the stack's
environment. It changes nothing in a cloud.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handover import importing, names, parts, project
from handover.parts import MACHINE, Found
from handover.terraform import declared
from handover.terraform import files as terraform
from report import engine, record
from site_recovery import arm_ids, whole_files
from site_recovery.azure import clouds
from site_recovery.azure.connection import KeptOpen, connector
from site_recovery.errors import MigrationError

_MARK = "import.json"
"""The file by which a folder is known as one that was written here."""


def main(arguments: list[str] | None = None) -> int:
    """Write a handover.

    Returns:
        The exit code: 1 if a machine is left out, or nothing could be written.
    """
    options = _options(arguments)
    output: Path = options.output
    try:
        _require_own(output)
        kept = project.kept(output / f"Pulumi.{options.stack}.yaml")
        stack = record.read(options.stack, engine.exported(options.stack))
        machines = parts.migrated(stack)
        if not machines:
            print(f"Stack {options.stack} has migrated no machine yet: nothing to hand over.")
            return 0
        found = asyncio.run(_find(machines, networks=options.networks))
        told = found.problems
        if found.parts:
            told += _write(options.stack, found, output, kept, with_terraform=options.terraform)
    except MigrationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for problem in told:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if told else 0


async def _find(machines: dict[str, str], *, networks: bool) -> Found:
    connect = KeptOpen(connector(may_change=lambda: False))
    try:
        return await parts.find(machines, connect, networks=networks)
    finally:
        await connect.close()


def _write(
    stack: str, found: Found, output: Path, kept: Mapping[str, Any], *, with_terraform: bool
) -> tuple[str, ...]:
    """Write the project; returns what cannot be written for Terraform, in words."""
    # A machine, its disks and its interfaces are always in one subscription.
    subscription = arm_ids.segment(found.parts[0].id, "subscriptions")
    cloud = clouds.of_environment().name
    values = (subscription, None if cloud == "public" else cloud)
    config = {key: its for key, its in zip(project.OWN_KEYS, values, strict=True) if its}
    inputs = importing.imported(found.parts, config)
    modules = names.modules(part.machine for part in found.parts)
    written = project.files(stack, found.parts, inputs, config, modules, kept)
    problems: tuple[str, ...] = ()
    if with_terraform:
        made = declared.of(found.parts, inputs)
        written |= terraform.files(made, modules, subscription, cloud)
        problems = made.problems
    shutil.rmtree(output / "machines", ignore_errors=True)
    # What Terraform itself keeps in its folder stays.
    for stale in (output / terraform.FOLDER).glob("*.tf"):
        stale.unlink()
    for path, content in written.items():
        whole_files.write(output / path, content)
    count = sum(part.type == MACHINE for part in found.parts)
    print(f"{output}: {count} machines, {len(found.parts)} resources. README.md says how to go on.")
    return problems


def _require_own(output: Path) -> None:
    """Refuse to write into a folder that has something else in it.

    Raises:
        MigrationError: it has.
    """
    if output.exists() and any(output.iterdir()) and not (output / _MARK).exists():
        raise MigrationError(
            f"{output}: it has files that no handover wrote. Name another folder: --output."
        )


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m handover", description="Write migrated machines as code."
    )
    parser.add_argument("--stack", required=True)
    parser.add_argument("--output", type=Path, required=True, help="the folder to write")
    parser.add_argument(
        "--networks",
        action="store_true",
        help="include the security groups and public addresses of the interfaces",
    )
    parser.add_argument(
        "--terraform", action="store_true", help="write a configuration of Terraform too"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
