"""The record of a whole stack, as the engine keeps it. A resource is told its own part of it only."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from site_recovery.errors import MigrationError


def resources(stack: str) -> list[Mapping[str, Any]]:
    """The recorded resources of a stack, also those that are being replaced.

    While a run goes on, those are there too that it has not come to.

    Args:
        stack: its full name: organization, project and stack.

    Raises:
        MigrationError: the record cannot be read.
    """
    command = ["pulumi", "stack", "export", "--stack", stack, "--non-interactive"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise _unread(stack, str(error)) from error
    if done.returncode != 0:
        raise _unread(stack, done.stderr.strip())
    found: list[Mapping[str, Any]] = json.loads(done.stdout)["deployment"].get("resources") or []
    return found


def _unread(stack: str, why: str) -> MigrationError:
    return MigrationError(
        f"the record of stack {stack} cannot be read ({why}), and without it nothing that may be "
        "there already is made again. Let `pulumi stack export` work, then try again."
    )
