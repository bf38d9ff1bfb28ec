"""The stack's record, as the engine keeps it: read by hooks, before they let something be made."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pulumi

from site_recovery.errors import MigrationError


def resources() -> list[Mapping[str, Any]]:
    """The recorded resources of the stack, also those that are being replaced.

    Raises:
        MigrationError: the record cannot be read.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    command = ["pulumi", "stack", "export", "--stack", name, "--non-interactive"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise _unread(name, str(error)) from error
    if done.returncode != 0:
        raise _unread(name, done.stderr.strip())
    found: list[Mapping[str, Any]] = json.loads(done.stdout)["deployment"].get("resources") or []
    return found


def _unread(stack: str, why: str) -> MigrationError:
    return MigrationError(
        f"the record of stack {stack} cannot be read ({why}), and without it nothing that may be "
        "there already is made again. Let `pulumi stack export` work, then try again."
    )
