from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator, Iterator

import hypothesis
import pytest

from emulator.overriding import overriding
from tests.contract import contracts
from tests.failures import FailuresAtOnce
from tests.local_aws import LocalAws, local_aws
from toolchain import environment

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

LONGEST = (
    "engine/test_the_first_migration.py",
    "engine/test_pulumi_commands.py",
    "engine/test_a_wave_migrates.py",
    "engine/test_least_privilege.py",
    "engine/test_a_record_is_recovered.py",
    "engine/test_the_handover.py",
    "engine/test_a_cutover.py",
    "engine/test_a_cutover_that_is_refreshed.py",
    "engine/test_machines_leave_and_move.py",
    "toolchain/test_language_host_runs_programs.py",
    "engine/test_destroy_at_any_point.py",
    "engine/test_a_server_that_cannot_register.py",
    "engine/test_destroy.py",
    "engine/test_steps_back_are_refused.py",
    "engine/test_two_stacks.py",
    "engine/test_kills_of_one_seed.py",
    "engine/test_machines_are_checked.py",
    "engine/test_machines_that_are_held.py",
    "convergence/test_waves_share_one_driver.py",
    "faults/test_what_once_broke_it.py",
    "convergence/test_every_cut_of_a_cutover.py",
    "faults/test_a_short_campaign.py",
    "dynamic_providers/test_many_waves.py",
    "convergence/test_nothing_runs_twice.py",
    "convergence/test_a_preview_is_what_up_does.py",
    "toolchain/test_workflows.py",
    "components/test_sdk.py",
    "toolchain/test_packages_are_installed.py",
)
"""The modules that take more than twenty seconds, the longest first."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalAws]:
    """A local AWS with the estate, for the tests of a module."""
    with local_aws() as started:
        yield started


@pytest.fixture
def aws(cloud: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    """The local AWS, in the environment of the test."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    return cloud


def pytest_configure(config: pytest.Config) -> None:
    """Forget the variables of a developer that would lead local clouds elsewhere.

    Also tell of failures at once, in the process that writes the output. And let Ctrl-C reach the
    commands of tests, which inherit that it is ignored where a shell started this in the background.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in (*overriding(os.environ), *environment.OVERRIDING):
        os.environ.pop(name, None)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(config))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage until all tests are collected: nearly all that is made until then stays.

    Neither later: each look would read the modules and tests again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_report_header() -> str:
    """The contract that the emulator is validated against in this run."""
    return contracts.used()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The same line at the end, where `-q` shows it too."""
    terminalreporter.write_line(contracts.used())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests on the engine first, then the modules that take longest.

    Each module is for one worker, and short ones at the end even out the workers.
    """

    def place(item: pytest.Item) -> tuple[bool, int]:
        module = item.nodeid.partition("::")[0].removeprefix("tests/")
        rank = LONGEST.index(module) if module in LONGEST else len(LONGEST)
        return item.get_closest_marker("engine") is None, rank

    items.sort(key=place)
