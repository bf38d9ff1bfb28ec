"""An empty stack of a handed-over project, with a backend of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import yaml

from tests.engine.harness import PASSPHRASE, Stack
from toolchain.layout import checkout


class SecondStack:
    """Runs Pulumi in a project that a handover wrote.

    Args:
        first: the stack that migrated the machines.
        project: the folder of the project.
        state: an empty folder for the backend.
    """

    def __init__(self, first: Stack, project: Path, state: Path) -> None:
        manifest = yaml.safe_load((project / "Pulumi.yaml").read_text("utf-8"))
        # The packages are there already: `venv` would be made from requirements.txt.
        manifest["runtime"]["options"]["virtualenv"] = str(checkout().virtual_environment)
        (project / "Pulumi.yaml").write_text(json.dumps(manifest), "utf-8")
        self.project = project
        self._variables = {
            **first.environment,
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        }

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        return subprocess.run(
            ["pulumi", *command, "--non-interactive"],
            cwd=self.project,
            env=self._variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def succeeds(self, *command: str) -> str:
        """Run a command, which must succeed; returns what it printed."""
        done = self.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def imports(self, name: str) -> str:
        """Do what the project's README says; returns what the preview printed."""
        self.succeeds("stack", "init", name)
        self.succeeds("import", "--file", "import.json", "--generate-code=false", "--yes")
        return self.succeeds("preview", "--expect-no-changes")

    def tag(self, module: str, variable: str, **tags: str) -> None:
        """Add tags to the declaration of a resource that has some."""
        file = self.project / "machines" / f"{module}.py"
        text = file.read_text("utf-8")
        begin, declared = text.split(f"\n{variable} = ", 1)
        added = "".join(f'"{key}": "{value}", ' for key, value in tags.items())
        assert "tags={" in declared
        file.write_text(
            f"{begin}\n{variable} = {declared.replace('tags={', f'tags={{{added}', 1)}", "utf-8"
        )
