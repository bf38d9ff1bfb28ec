"""Tells of each failure when it happens. Pytest itself tells of all of them after the last test."""

from __future__ import annotations

import pytest

_LINES = 20


class FailuresAtOnce:
    """A plugin that writes where and why a test failed as soon as its report is there.

    Args:
        config: of the process that writes the output, which is not that of a worker.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the test's name and the first lines of its error; the rest follows at the end."""
        if report.failed:
            self._write(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """The same for a file that cannot be imported."""
        if report.failed:
            self._write(report)

    def _write(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is None:
            return
        terminal.ensure_newline()
        step = "" if report.when == "call" else f" ({report.when})"
        terminal.write_line(f"FAILED {report.nodeid}{step}", red=True)
        for line in _why(report).splitlines()[:_LINES]:
            terminal.write_line(f"  {line}")


def _why(report: pytest.TestReport | pytest.CollectReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return report.longreprtext
    return f"{crash.path}:{crash.lineno}: {crash.message}"
