"""`docs/first-migration.md` as data, and a checkout of its own in which its commands run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.docs.markdown import ROOT, parts
from toolchain import engine, packages
from toolchain.layout import Layout, checkout

GUIDE = ROOT / "docs" / "first-migration.md"
STACK = "staging"

_IN_SENTENCES = re.compile(r"`(make [^`]+)`")
_IN_BLOCKS = re.compile(r"^ {4}((?:make|pulumi|eval) .+)$", re.MULTILINE)
_PHASE = re.compile(r"`phase: ([a-z-]+)`")
_SECONDS = 600


@dataclass(frozen=True)
class Step:
    """A step of the guide.

    Attributes:
        number: its number.
        opening: the block of commands that it begins with; empty if there is none.
        config: the pieces of the stack's config that it declares.
        phase: the phase that it sets; empty if it sets none.
        commands: the commands that its sentences name, in order.
        shown: what it shows of the output of a command, line by line.
    """

    number: int
    opening: tuple[str, ...]
    config: Mapping[str, Any]
    phase: str
    commands: tuple[str, ...]
    shown: tuple[str, ...]


def steps() -> dict[int, Step]:
    """The steps of the guide by number. Those below *Migrate* all run the commands of its first
    paragraph."""
    text = GUIDE.read_text("utf-8")
    migrate = text.index("## Migrate")
    repeated = tuple(_IN_SENTENCES.findall(text[migrate : text.index("###", migrate)]))
    found = {}
    for title, body in parts(text, "###").items():
        number = int(title.partition(".")[0])
        inside = text.index(f"### {title}") > migrate
        own = tuple(_IN_SENTENCES.findall(body))
        config = _config(body)
        phase = "".join(_PHASE.findall(body)[:1])
        changes = bool(phase or (inside and config))
        found[number] = Step(
            number=number,
            opening=tuple(_IN_BLOCKS.findall(body)),
            config=config,
            phase=phase,
            commands=(*(repeated if changes else ()), *own),
            shown=_shown(body),
        )
    return found


def _config(body: str) -> dict[str, Any]:
    blocks = re.findall(r"^```yaml\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
    found: dict[str, Any] = {}
    for block in blocks:
        found |= YAML(typ="safe").load(block)
    return found


def _shown(body: str) -> tuple[str, ...]:
    blocks = re.findall(r"^```\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return tuple(line for line in lines if line != "…")


class Reader:
    """Someone who follows the guide in a fresh checkout, on local clouds.

    Args:
        root: an empty folder for the checkout.
        virtual_environment: whose Python runs the program, when Pulumi starts it.
    """

    def __init__(self, root: Path, virtual_environment: Path) -> None:
        self.layout = Layout(root)
        _copy(checkout(), self.layout)
        self._use(virtual_environment)
        hidden = {str(checkout().engine), str(checkout().virtual_environment / "bin")}
        folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
        names = ("AWS_", "AZURE_", "ARM_", "IDENTITY_", "PULUMI_", "MAKE", "VIRTUAL_ENV")
        self._environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith(names)},
            "PATH": os.pathsep.join(folder for folder in folders if folder not in hidden),
            "PYTHON": str(self.layout.python),
        }

    def _use(self, virtual_environment: Path) -> None:
        manifest = self.layout.root / "Pulumi.yaml"
        text = manifest.read_text("utf-8")
        assert "virtualenv: .local/venv" in text
        manifest.write_text(text.replace(".local/venv", str(virtual_environment)), "utf-8")

    # -- the stack's file --------------------------------------------------------------------

    @property
    def _file(self) -> Path:
        return self.layout.root / f"Pulumi.{STACK}.yaml"

    def fill_in(self, values: Mapping[str, str]) -> None:
        """Put a value in for each placeholder of the stack's file."""
        text = self._file.read_text("utf-8")
        for placeholder, value in values.items():
            assert placeholder in text, placeholder
            text = text.replace(placeholder, value)
        self._file.write_text(text, "utf-8")

    def declare(self, config: Mapping[str, Any]) -> None:
        """Write values of the config by their full keys."""
        yaml = YAML()
        content = yaml.load(self._file)
        content["config"].update(config)
        yaml.dump(content, self._file)

    def declared(self) -> dict[str, Any]:
        """The config as it stands in the file."""
        found: dict[str, Any] = YAML(typ="safe").load(self._file)["config"]
        return found

    # -- commands ----------------------------------------------------------------------------

    def open_shell(self, lines: tuple[str, ...], values: Mapping[str, str]) -> None:
        """Run lines in a new shell, and keep its environment for the commands that follow."""
        script = "\n".join(["set -e", *map(self._local, lines), "env -0 > .local/environment"])
        for placeholder, value in values.items():
            script = script.replace(placeholder, value)
        code, text = self._bash(script)
        assert code == 0, text
        pairs = (self.layout.local / "environment").read_text("utf-8").split("\0")
        self._environment = dict(pair.split("=", 1) for pair in pairs if pair)

    def run(self, command: str) -> tuple[int, str]:
        """Run a command of the guide. Returns its exit code and what it printed."""
        return self._bash(self._local(command))

    def _local(self, command: str) -> str:
        """The command on the local clouds: what the guides give for another stack file."""
        return re.sub(r"\bmake ([a-z]+)", r"make \1 CLOUDS=local", command)

    def _bash(self, script: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.layout.root,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout


def _copy(source: Layout, copy: Layout) -> None:
    """Copy a checkout that is set up. Packages and engine are links: both take minutes to make."""
    left_out = shutil.ignore_patterns(".*", "__pycache__", "tests", "benchmarks")
    shutil.copytree(source.root, copy.root, ignore=left_out, dirs_exist_ok=True)
    (copy.virtual_environment / "bin").mkdir(parents=True)
    for name in ("lib", "pyvenv.cfg"):
        (copy.virtual_environment / name).symlink_to(source.virtual_environment / name)
    for program in (source.virtual_environment / "bin").iterdir():
        (copy.virtual_environment / "bin" / program.name).symlink_to(program)
    packages.mark(copy)
    found = engine.recorded(source)
    assert found is not None, "the checkout that runs the tests is set up"
    if found.source != "installed":
        copy.engine.mkdir()
        for program in Path(found.directory).iterdir():
            # Pulumi looks for its language host beside itself, where a link leads.
            if not program.is_symlink():
                shutil.copy2(program, copy.engine)
        found = replace(found, directory=str(copy.engine))
    copy.engine_record.write_text(json.dumps(asdict(found)), "utf-8")
