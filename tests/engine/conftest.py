"""Fixtures of the engine tests: each module has its own stack and local clouds.

The tests of a module build on each other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.providers.install import install
from tests.engine.clouds import Clouds
from tests.engine.harness import Pythons, Stack
from tests.warm_python import HOSTS, warm_program
from toolchain.engine import recorded
from toolchain.layout import checkout


@pytest.fixture(scope="session")
def warm_pythons(tmp_path_factory: pytest.TempPathFactory) -> Pythons:
    """Python processes that start with everything imported."""
    warm, engine = warm_program(), recorded(checkout())
    # An engine that was not built here has a language host of its own, which is no Python.
    ours = engine is not None and engine.source == "built"
    home = tmp_path_factory.mktemp("home")
    # Pulumi writes a log of each command into this folder, if it can: a fifth of the engine's time.
    (home / "logs").touch()
    return replace(_with_stand_ins(warm, home), language_host=warm / HOSTS if ours else None)


@pytest.fixture(scope="session")
def real_pythons(tmp_path_factory: pytest.TempPathFactory) -> Pythons:
    """Python processes that start as a user's do."""
    return _with_stand_ins(checkout().virtual_environment, tmp_path_factory.mktemp("home"))


def _with_stand_ins(virtual_environment: Path, home: Path) -> Pythons:
    install(home, virtual_environment / "bin" / "python")
    return Pythons(virtual_environment, home)


_IN_ONE = {
    "test_a_cutover": "classic",
    "test_a_cutover_that_is_refreshed": "modernized",
    "test_a_job_that_fails": "classic",
    "test_a_killed_engine": "classic",
    "test_a_landing_zone_with_a_policy": "classic",
    "test_a_national_cloud": "modernized",
    "test_a_promotion": "modernized",
    "test_a_record_is_recovered": "modernized",
    "test_a_recovery_plan": "classic",
    "test_a_role_of_another_account": "classic",
    "test_a_server_that_is_too_small": "modernized",
    "test_a_stack_behind_a_proxy": "modernized",
    "test_a_stack_is_renamed": "modernized",
    "test_a_test_failover_by_hand": "modernized",
    "test_an_existing_network": "modernized",
    "test_bad_input": "classic",
    "test_destroy": "classic",
    "test_destroy_at_any_point": "modernized",
    "test_former_types": "classic",
    "test_kills_of_one_seed": "modernized",
    "test_least_privilege": "modernized",
    "test_machines_are_checked": "modernized",
    "test_machines_leave_and_move": "classic",
    "test_machines_that_are_held": "modernized",
    "test_policies": "modernized",
    "test_pulumi_commands": "modernized",
    "test_steps_back_are_refused": "classic",
    "test_the_handover": "modernized",
    "test_the_vault_is_gone": "modernized",
    "test_the_wait_ends": "classic",
    "test_two_stacks": "modernized",
    "test_when_a_failover_begins": "modernized",
}
"""The one experience of the modules that do not run in both unless EXPERIENCES=both.

What they test does not depend on the experience in the program. The inner rings test in both what
does, and `test_a_wave_migrates`, a migration from nothing to its end, runs in both here. What two of
these modules do, one does in each: cutovers, removals, and kills of the engine."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the experiences of every module, except of those with their own fixture."""
    if "experience" in metafunc.fixturenames and not _says_itself(metafunc):
        only = _IN_ONE.get(metafunc.module.__name__.rpartition(".")[2])
        if only is None or os.environ.get("EXPERIENCES") == "both":
            chosen = ["classic", "modernized"]
        else:
            chosen = [only]
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
