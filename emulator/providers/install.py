"""Installs the stand-in providers where the engine of a local stack looks for its plugins."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_MARK = "stand-in-provider"
_ROOT = Path(__file__).resolve().parents[2]


class InstallError(Exception):
    """A plugin folder is not ours; the text says what to do."""


@dataclass(frozen=True)
class Plugin:
    """One stand-in: the plugin's name, the package whose version it has, and its module."""

    name: str
    package: str
    module: str

    def folder(self, home: Path) -> Path:
        """The folder under a PULUMI_HOME in which the engine looks for the plugin."""
        return home / "plugins" / f"resource-{self.name}-v{version(self.package)}"


PLUGINS = (
    Plugin("aws", "pulumi-aws", "emulator.providers.aws"),
    Plugin("azure-native", "pulumi-azure-native", "emulator.providers.azure_native"),
)


def install(home: Path, python: Path) -> list[Path]:
    """Write a launcher for each stand-in; writing again changes nothing.

    Args:
        home: the PULUMI_HOME of local stacks.
        python: the interpreter that has the project's packages.

    Returns:
        The plugin folders.

    Raises:
        InstallError: a real plugin is installed there, or the interpreter does not exist.
    """
    # Not resolved: Python finds its virtual environment by the unresolved path.
    python = python.absolute()
    if not python.is_file():
        raise InstallError(
            f"there is no Python at {python}; give the interpreter of the virtual environment "
            "with --python"
        )
    for plugin in PLUGINS:
        _refuse_real(plugin.folder(home))
    return [_write(plugin, plugin.folder(home), python) for plugin in PLUGINS]


def uninstall(home: Path) -> list[Path]:
    """Remove the stand-ins' folders only. Returns what was removed."""
    folders = [plugin.folder(home) for plugin in PLUGINS]
    ours = [folder for folder in folders if (folder / _MARK).is_file()]
    for folder in ours:
        shutil.rmtree(folder)
    return ours


def _refuse_real(folder: Path) -> None:
    if folder.exists() and not (folder / _MARK).is_file():
        raise InstallError(
            f"{folder} holds a plugin that is not one of the stand-ins, and is left as it is; "
            "local stacks need a PULUMI_HOME of their own: give another one with --home"
        )


def _write(plugin: Plugin, folder: Path, python: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    launcher = folder / f"pulumi-resource-{plugin.name}"
    root = shlex.quote(str(_ROOT))
    text = (
        "#!/bin/sh\n"
        f"# The stand-in for {plugin.package} on local stacks; it talks to the local clouds only.\n"
        f"export PYTHONPATH={root}${{PYTHONPATH:+:$PYTHONPATH}}\n"
        f'exec {shlex.quote(str(python))} -m {plugin.module} "$@"\n'
    )
    (folder / _MARK).write_text(f"{plugin.module}\n")
    if not launcher.is_file() or launcher.read_text() != text:
        launcher.write_text(text)
    launcher.chmod(0o755)
    # The engine treats a folder with a sibling `.partial` as an interrupted installation.
    folder.with_name(f"{folder.name}.partial").unlink(missing_ok=True)
    return folder
