"""The commands of Pulumi that read the records of stacks."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from site_recovery.azure import clouds
from site_recovery.errors import MigrationError


def exported(stack: str) -> Mapping[str, Any]:
    """The recorded state of a stack; secrets stay encrypted.

    Clients that are made from now on use the cloud of Azure that the stack is in.

    Raises:
        MigrationError: there is no such stack, or it cannot be read; it has Pulumi's own words.
    """
    exported = json.loads(_pulumi("stack", "export", "--stack", stack))
    deployment: Mapping[str, Any] = exported["deployment"] or {}
    clouds.use(clouds.recorded(deployment))
    return deployment


def stacks() -> list[str]:
    """The names of the project's stacks in the backend, sorted.

    Raises:
        MigrationError: they cannot be listed; it has Pulumi's own words.
    """
    return sorted(str(stack["name"]) for stack in json.loads(_pulumi("stack", "ls", "--json")))


def _pulumi(*command: str) -> str:
    done = subprocess.run(
        ["pulumi", *command, "--non-interactive"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise MigrationError(done.stderr.strip() or done.stdout.strip())
    return done.stdout
