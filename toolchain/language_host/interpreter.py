"""The Python that a program asked for in Pulumi.yaml, and what is installed for it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any


class InterpreterError(Exception):
    """There is no Python where the project says; the text names the way out."""


@dataclass(frozen=True)
class Package:
    """A Pulumi package that an installed Python package needs a plugin for."""

    name: str
    version: str
    server: str


@dataclass(frozen=True)
class Interpreter:
    """A Python interpreter, and the virtual environment that it belongs to, if any."""

    executable: Path
    virtual_environment: Path | None

    def environment(self) -> dict[str, str]:
        """The environment to run it in: that of this process, with the virtual environment on."""
        environment = dict(os.environ)
        if self.virtual_environment is not None:
            binaries = self.virtual_environment / "bin"
            environment["PATH"] = f"{binaries}{os.pathsep}{environment.get('PATH', os.defpath)}"
            environment["VIRTUAL_ENV"] = str(self.virtual_environment)
            environment.pop("PYTHONHOME", None)
        return environment

    def packages(self) -> list[Package]:
        """The Pulumi packages that the installed SDKs stand for, by name.

        Every SDK says so in a `pulumi-plugin.json` beside its code. Reading those takes
        milliseconds, where asking pip takes seconds.
        """
        found = {}
        for folder in self._site_packages():
            for path in folder.glob("*/pulumi-plugin.json"):
                about = json.loads(path.read_text(encoding="utf-8"))
                if about.get("resource"):
                    name = about.get("name") or path.parent.name.removeprefix("pulumi_")
                    found[name] = Package(
                        name, about.get("version") or "", about.get("server") or ""
                    )
        return [found[name] for name in sorted(found)]

    def dependencies(self, *, transitive: bool) -> list[tuple[str, str]]:
        """Installed distributions as (name, version), by name.

        Args:
            transitive: also those that another installed distribution requires.
        """
        folders = [str(folder) for folder in self._site_packages()]
        installed = {_normalized(item.name): item for item in distributions(path=folders)}
        required: set[str] = set()
        if not transitive:
            for item in installed.values():
                required.update(_requirements(item))
        return sorted(
            (item.name, item.version) for name, item in installed.items() if name not in required
        )

    def version(self) -> str:
        """Its version, such as `3.11.9`."""
        return self._ask("import platform; print(platform.python_version())")

    def _site_packages(self) -> list[Path]:
        if self.virtual_environment is not None:
            return sorted(self.virtual_environment.glob("lib/python*/site-packages"))
        return [Path(self._ask("import sysconfig; print(sysconfig.get_path('purelib'))"))]

    def _ask(self, code: str) -> str:
        answer = subprocess.run(
            [self.executable, "-c", code], check=True, capture_output=True, text=True
        )
        return answer.stdout.strip()


def find(root: Path, options: Mapping[str, Any]) -> Interpreter:
    """The interpreter for a project.

    Args:
        root: the folder of Pulumi.yaml.
        options: its `runtime.options`; `virtualenv` names a folder, relative to `root`.

    Raises:
        InterpreterError: no virtual environment is there, or no Python at all.
    """
    named = options.get("virtualenv")
    if not named:
        command = os.environ.get("PULUMI_PYTHON_CMD", "python3")
        on_path = shutil.which(command)
        if on_path is None:
            raise InterpreterError(
                f"There is no {command} on PATH. Install Python, or name a virtual environment "
                "in runtime.options.virtualenv of Pulumi.yaml."
            )
        return Interpreter(Path(on_path), None)
    folder = (root / str(named)).absolute()
    executable = folder / "bin" / "python"
    if not executable.exists():
        raise InterpreterError(
            f"There is no virtual environment at {folder} (runtime.options.virtualenv in "
            "Pulumi.yaml). Run `pulumi install` in the project to make it."
        )
    return Interpreter(executable, folder)


def install_commands(root: Path, options: Mapping[str, Any]) -> Iterator[list[str]]:
    """The commands that bring a project's virtual environment and requirements in, in order."""
    named = options.get("virtualenv")
    if not named:
        return
    folder = (root / str(named)).absolute()
    if not (folder / "bin" / "python").exists():
        yield [sys.executable, "-m", "venv", str(folder)]
    requirements = root / "requirements.txt"
    if requirements.exists():
        yield [str(folder / "bin" / "python"), "-m", "pip", "install", "-r", str(requirements)]


def _requirements(distribution: Distribution) -> Iterator[str]:
    for requirement in distribution.requires or []:
        if "extra ==" not in requirement:
            yield _normalized(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
