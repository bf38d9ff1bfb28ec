"""Small Pulumi projects for the real engine, each with its own PULUMI_HOME and backend."""

from __future__ import annotations

import os
import subprocess
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolchain import engine, environment
from toolchain.layout import checkout

_ENGINE_SECONDS = 60


@dataclass(frozen=True)
class Project:
    """A Pulumi project in a temporary folder, with a stack `toy` on a file backend."""

    root: Path
    environment: dict[str, str]

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), "utf-8")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pulumi(self, *arguments: str) -> tuple[int, str]:
        """Run `pulumi`. Returns its exit code, and the output of both streams."""
        with self.start(*arguments) as process:
            output, _ = process.communicate(timeout=_ENGINE_SECONDS)
        return process.returncode, output

    def succeeds(self, *arguments: str) -> str:
        code, output = self.pulumi(*arguments)
        assert code == 0, output
        return output

    def fails(self, *arguments: str) -> str:
        code, output = self.pulumi(*arguments)
        assert code != 0, output
        return output


@pytest.fixture
def project(tmp_path: Path) -> Callable[[dict[str, str]], Project]:
    """Makes a project from its files."""

    def make(files: dict[str, str]) -> Project:
        layout = checkout()
        variables = dict(os.environ) | environment.tools(layout, os.environ)
        found = engine.recorded(layout)
        if found is None or found.source != "built":
            # Test our language host, even if an official Pulumi with its own host is installed.
            host = layout.root / "toolchain" / "language_host"
            variables["PATH"] = f"{host}{os.pathsep}{variables['PATH']}"
        state = tmp_path / "state"
        state.mkdir()
        variables |= {
            "PULUMI_HOME": str(tmp_path / "home"),
            "PULUMI_BACKEND_URL": environment.backend(state),
            "PULUMI_CONFIG_PASSPHRASE": "toy",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        made = Project(tmp_path / "project", variables)
        manifest = f"""\
            name: toy
            runtime:
              name: python
              options:
                virtualenv: {layout.virtual_environment}
            """
        made.write({"Pulumi.yaml": manifest} | files)
        made.succeeds("stack", "init", "toy")
        return made

    return make
