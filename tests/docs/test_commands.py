"""The commands in the guides exist, as far as that can be checked without engine and clouds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import settings
from emulator.record import Clouds, Running
from tests.docs.markdown import GUIDES, ROOT, commands, tables
from tests.settings.configs import put
from toolchain import environment
from toolchain.layout import Layout

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"^([A-Z_]+) +\??=", MAKEFILE, re.MULTILINE)) | {
    "ACCOUNT",
    "PLAN",
    "PRICES",
}
PLACEHOLDERS = {"<wave>": "web"}
"""Placeholders for the reader's own values, each with a value of stack dev."""


def given(program: str) -> list[tuple[str, ...]]:
    """Each command of a program, once."""
    return sorted({tuple(command) for guide in GUIDES for command in commands(guide, program)})


MAKE = given("make")
MODULES = sorted(
    {
        module
        for guide in GUIDES
        for module in re.findall(r"\bpython -m ([\w.]+)", guide.read_text("utf-8"))
    }
)
CONFIG = [command for command in given("pulumi") if command[1:3] == ("config", "set")]


def test_the_guides_give_commands() -> None:
    assert len(MAKE) > 10
    assert len(CONFIG) > 3


@pytest.mark.parametrize("command", MAKE, ids=" ".join)
def test_targets_variables_and_stacks_of_make_exist(command: tuple[str, ...]) -> None:
    for word in command[1:]:
        name, equals, value = word.partition("=")
        if not equals:
            assert word in TARGETS
            continue
        assert name in VARIABLES
        if name == "STACK" and not value.startswith("<"):
            assert (ROOT / f"Pulumi.{value}.yaml").exists()


def test_every_target_of_make_is_in_the_guides() -> None:
    shown = {word for command in MAKE for word in command[1:]}
    internal = {"help", "stack", "setup"}
    assert TARGETS - internal <= shown


@pytest.mark.parametrize("module", MODULES)
def test_modules_that_are_run_tell_how(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("command", CONFIG, ids=" ".join)
def test_settings_that_are_set_are_valid(command: tuple[str, ...]) -> None:
    option, at, value = command[3:]
    assert option == "--path", "without it Pulumi sets a key that has dots in its name"
    for placeholder, real in PLACEHOLDERS.items():
        at = at.replace(placeholder, real)
    stack: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text("utf-8"))
    config = {key.removeprefix("ec2-to-azure:"): part for key, part in stack["config"].items()}
    put(config, *at.split("."), value=yaml.safe_load(value))
    assert settings.read(config).problems == ()


def test_the_environment_of_local_stacks_is_described(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.clouds.mkdir(parents=True)
    running = {name: Running(0) for name in ("aws", "azure")}
    told = {"PATH", "PULUMI_PARALLEL"}
    told |= {*environment.pulumi(layout), *Clouds(layout.clouds, running).environment()}
    [table] = [t for t in tables(ROOT / "docs" / "environments.md") if t[0][0] == "variable"]
    written = {name.strip("` ") for row in table[1:] for name in row[0].split(",")}
    own = {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AZURE_CONFIG_DIR", "NO_PROXY"}
    assert written == told | own | {"no_proxy"}
