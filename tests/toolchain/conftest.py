"""Small Pulumi projects for the real engine, each with its own PULUMI_HOME and backend."""

from __future__ import annotations

import os
import subprocess
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests import empty_backend
from toolchain import engine, environment
from toolchain.layout import checkout

_ENGINE_SECONDS = 60
_STACK = _PASSPHRASE = "toy"


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

    def configure(self, **values: str) -> None:
        """Set values in the file of the stack."""
        path = self.root / f"Pulumi.{_STACK}.yaml"
        settings = yaml.safe_load(path.read_text("utf-8"))
        config = settings.setdefault("config", {})
        config.update({f"{_STACK}:{key}": value for key, value in values.items()})
        path.write_text(yaml.safe_dump(settings), "utf-8")

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
        state, home = tmp_path / "state", tmp_path / "home"
        salt = empty_backend.copy(state, _STACK, _PASSPHRASE, project=_STACK)
        home.mkdir()
        # Pulumi writes no log of each command then: a fifth of the engine's time.
        (home / "logs").touch()
        variables |= {
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": environment.backend(state),
            "PULUMI_CONFIG_PASSPHRASE": _PASSPHRASE,
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
        settings = f"encryptionsalt: {salt}\n"
        made.write({"Pulumi.yaml": manifest, f"Pulumi.{_STACK}.yaml": settings} | files)
        made.succeeds("stack", "select", _STACK)
        return made

    return make
