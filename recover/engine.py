"""The commands of Pulumi that read and complete a stack's record."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from recover.declared import Declared
from site_recovery.errors import MigrationError


class Engine:
    """The `pulumi` on PATH, for one stack.

    Args:
        stack: its name.
        yes: whether Pulumi changes the record without asking.
    """

    def __init__(self, stack: str, *, yes: bool) -> None:
        self._stack = ["--stack", stack]
        self._yes = yes

    def exported(self) -> Mapping[str, Any]:
        """The stack's state; secrets stay encrypted.

        Raises:
            MigrationError: there is no such stack, or it cannot be read.
        """
        done = self._read("stack", "export")
        if done.returncode != 0:
            raise MigrationError(done.stderr.strip())
        deployment: Mapping[str, Any] = json.loads(done.stdout)["deployment"]
        return deployment

    def steps(self) -> tuple[list[Mapping[str, Any]], str]:
        """What a run would do, and why the preview failed, as far as it did (else empty)."""
        done = self._read("preview", "--json", "--suppress-outputs")
        try:
            told = json.loads(done.stdout)
        except ValueError:
            return [], done.stderr.strip() or done.stdout.strip()
        errors = [
            one["message"].strip()
            for one in told.get("diagnostics") or ()
            if one.get("severity") == "error"
        ]
        return told.get("steps") or [], "\n".join(errors) if done.returncode else ""

    def take(self, resources: Iterable[tuple[Declared, str]]) -> None:
        """Record resources that exist, by their ids.

        Raises:
            MigrationError: Pulumi did not; it has said why.
        """
        with TemporaryDirectory() as folder:
            file = Path(folder) / "import.json"
            file.write_text(json.dumps(import_file(resources)), "utf-8")
            self._change(
                *("import", "--file", str(file), "--generate-code=false", "--protect=false"),
                *(("--yes", "--skip-preview") if self._yes else ()),
            )

    def forget(self, root: str) -> None:
        """Drop the notes of what was begun without an end.

        Raises:
            MigrationError: Pulumi did not; it has said why.
        """
        # With the stack itself as its target a refresh reads nothing. At a terminal it would ask
        # about each note.
        self._change(
            *("refresh", "--clear-pending-creates", "--target", root),
            *("--yes", "--skip-preview", "--non-interactive"),
        )

    def _read(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", *command, *self._stack, "--non-interactive"],
            capture_output=True,
            text=True,
            check=False,
        )

    def _change(self, *command: str) -> None:
        done = subprocess.run(["pulumi", *command, *self._stack], check=False)
        if done.returncode != 0:
            raise MigrationError(
                f"`pulumi {command[0]}` failed, so nothing more is recovered. Do what it says "
                "above, then `make recover` again."
            )


def import_file(resources: Iterable[tuple[Declared, str]]) -> dict[str, Any]:
    """The content of a file for `pulumi import --file`: the resources with their ids."""
    resources = list(resources)
    others = [urn for one, _ in resources for urn in (one.parent, one.provider_urn) if urn]
    names = {urn: f"resource-{n}" for n, urn in enumerate(dict.fromkeys(others))}
    return {
        "nameTable": {key: urn for urn, key in names.items()},
        "resources": [dict(_entry(one, its, names)) for one, its in resources],
    }


def _entry(
    declared: Declared, resource_id: str, names: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    yield "type", declared.type
    yield "name", declared.name
    yield "id", resource_id
    yield "parent", names[declared.parent]
    if declared.provider_urn:
        yield "provider", names[declared.provider_urn]
        return
    # Without it, the newest plugin that is installed reads the resource.
    if version := declared.configured("version"):
        yield "version", version
