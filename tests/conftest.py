from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

from tests.contract import contracts
from tests.failures import FailuresAtOnce
from tests.local_aws import LocalAws, local_aws

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


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
    """Tell of failures at once, in the process that writes the output."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(config))


def pytest_report_header() -> str:
    """The contract that the emulator is validated against in this run."""
    return contracts.used()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The same line at the end, where `-q` shows it too."""
    terminalreporter.write_line(contracts.used())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests on the engine first: they take long, and short ones then even out the workers."""
    items.sort(key=lambda item: item.get_closest_marker("engine") is None)
