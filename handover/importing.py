"""The import file, and what the provider makes of it.

The declarations have to be exactly what the provider reads when it imports a resource, or a preview
would show a change. So the file is imported here first, into a stack of its own that is thrown away.
That makes and changes nothing in a cloud.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from handover.parts import Part
from site_recovery.errors import MigrationError

_STACK = "handover"
_PACKAGE = "pulumi-azure-native"


def import_file(parts: Iterable[Part]) -> dict[str, Any]:
    """The content of a file for `pulumi import --file`."""
    plugin = version(_PACKAGE)
    return {
        "resources": [
            {"type": part.type, "name": part.name, "id": part.id, "version": plugin}
            for part in parts
        ]
    }


def imported(parts: Sequence[Part], config: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The inputs that the provider reads of each resource, by the id of the part.

    Args:
        parts: the resources.
        config: the configuration of the provider, such as `azure-native:subscriptionId`.

    Raises:
        MigrationError: Pulumi cannot import them; it has Pulumi's own words.
    """
    with TemporaryDirectory() as folder:
        root = Path(folder)
        state = root / "state"
        state.mkdir()
        # No program runs, but Pulumi asks the language's packages for plugins.
        runtime = {"name": "python", "options": {"virtualenv": sys.prefix}}
        manifest = yaml.safe_dump({"name": _STACK, "runtime": runtime})
        (root / "Pulumi.yaml").write_text(manifest, "utf-8")
        settings = yaml.safe_dump({"config": dict(config)})
        (root / f"Pulumi.{_STACK}.yaml").write_text(settings, "utf-8")
        file = root / "import.json"
        file.write_text(json.dumps(import_file(parts)), "utf-8")
        # A backend of its own: nothing of it is in that of the user.
        variables = {
            **{k: v for k, v in os.environ.items() if k != "PULUMI_CONFIG_PASSPHRASE_FILE"},
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "",
        }

        def pulumi(*command: str) -> str:
            done = subprocess.run(
                ["pulumi", *command, "--non-interactive"],
                cwd=root,
                env=variables,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                said = f"{done.stdout}{done.stderr}".strip()
                raise MigrationError(
                    f"pulumi {command[0]} failed, and so nothing is written:\n{said}"
                )
            return done.stdout

        pulumi("stack", "init", _STACK)
        pulumi(
            *("import", "--stack", _STACK, "--file", str(file), "--yes", "--skip-preview"),
            "--generate-code=false",
        )
        exported = json.loads(pulumi("stack", "export", "--stack", _STACK))
    ids = {part.name: part.id for part in parts}
    return {
        ids[resource["urn"].rpartition("::")[2]]: resource["inputs"]
        for resource in exported["deployment"]["resources"]
        if resource.get("custom") and not resource["type"].startswith("pulumi:")
    }
