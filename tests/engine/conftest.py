"""Fixtures of the engine tests: each module has its own stack and local clouds.

The tests of a module build on each other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from emulator.providers.install import install
from tests.engine.clouds import Clouds
from tests.engine.harness import Stack
from tests.engine.warm_python import warm_environment
from toolchain.layout import checkout


@pytest.fixture(scope="session")
def warm_python() -> Iterator[Path]:
    """A virtual environment whose Python processes start with everything imported."""
    # A socket's path may have at most about a hundred characters.
    with TemporaryDirectory() as folder, warm_environment(checkout(), Path(folder)) as python:
        yield python


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest) -> Path:
    """The virtual environment of the stack: the real one in a module with REAL_PROCESSES."""
    if getattr(request.module, "REAL_PROCESSES", False):
        return checkout().virtual_environment
    warm: Path = request.getfixturevalue("warm_python")
    return warm


@pytest.fixture(scope="module")
def pulumi_home(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Path:
    """A PULUMI_HOME whose plugins are the stand-in providers."""
    home = tmp_path_factory.mktemp("home")
    install(home, python / "bin" / "python")
    return home


_IN_ONE = {
    "test_a_stack_is_renamed",
    "test_an_existing_network",
    "test_destroy_at_any_point",
    "test_least_privilege",
    "test_policies",
    "test_the_vault_is_gone",
}
"""Modules that run only in the modernized experience unless EXPERIENCES=both. They take long, and
other modules test in both experiences what differs between them."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every module in both experiences, except those above and those with their own fixture."""
    if "experience" in metafunc.fixturenames and not _says_itself(metafunc):
        one = metafunc.module.__name__.rpartition(".")[2] in _IN_ONE
        both = not one or os.environ.get("EXPERIENCES") == "both"
        chosen = ["classic", "modernized"] if both else ["modernized"]
        metafunc.parametrize("experience", chosen, scope="module", indirect=True)


def _says_itself(metafunc: pytest.Metafunc) -> bool:
    return hasattr(metafunc.module, "experience")


@pytest.fixture(scope="module")
def experience(request: pytest.FixtureRequest) -> str:
    """The experience in which the stack replicates."""
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory, experience: str) -> Iterator[Clouds]:
    """AWS with the estate and an empty Azure, new for each experience."""
    running = Clouds(tmp_path_factory.mktemp("clouds"))
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    pulumi_home: Path,
    clouds: Clouds,
    python: Path,
    experience: str,
) -> Stack:
    """A stack without machines, before its first `up`."""
    return Stack(tmp_path_factory.mktemp("stack"), pulumi_home, clouds, python, experience)
