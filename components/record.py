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
    done = subprocess.run(
        ["pulumi", "stack", "export", "--stack", name, "--non-interactive"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise MigrationError(
            f"the record of stack {name} cannot be read ({done.stderr.strip()}), and without it "
            "nothing that may be there already is made again. Let `pulumi stack export` work, then "
            "try again."
        )
    found: list[Mapping[str, Any]] = json.loads(done.stdout)["deployment"].get("resources") or []
    return found
