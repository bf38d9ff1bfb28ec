"""Fixtures of the engine tests: each module has its own stack and local clouds.

The tests of a module build on each other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.providers.install import install
from tests.engine.clouds import Clouds
from tests.engine.harness import Pythons, Stack
from tests.warm_python import warm_program
from toolchain.layout import checkout


@pytest.fixture(scope="session")
def warm_pythons(tmp_path_factory: pytest.TempPathFactory) -> Pythons:
    """Python processes that start with everything imported."""
    return _with_stand_ins(warm_program(), tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def real_pythons(tmp_path_factory: pytest.TempPathFactory) -> Pythons:
    """Python processes that start as a user's do."""
    return _with_stand_ins(checkout().virtual_environment, tmp_path_factory.mktemp("home"))


def _with_stand_ins(virtual_environment: Path, home: Path) -> Pythons:
    install(home, virtual_environment / "bin" / "python")
    return Pythons(virtual_environment, home)


_IN_ONE = {
    "test_a_promotion",
    "test_a_record_is_recovered",
    "test_a_stack_is_renamed",
    "test_an_existing_network",
    "test_destroy_at_any_point",
    "test_kills_of_one_seed",
    "test_least_privilege",
    "test_policies",
    "test_the_handover",
    "test_pulumi_commands",
    "test_the_vault_is_gone",
    "test_when_a_failover_begins",
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
    clouds: Clouds,
    warm_pythons: Pythons,
    real_pythons: Pythons,
    experience: str,
    request: pytest.FixtureRequest,
) -> Stack:
    """A stack without machines, before its first `up`.

    All commands of a module with REAL_PROCESSES start as a user's do.
    """
    root = tmp_path_factory.mktemp("stack")
    always_real = getattr(request.module, "REAL_PROCESSES", False)
    usual = real_pythons if always_real else warm_pythons
    return Stack(root, clouds, usual, real_pythons, experience)
