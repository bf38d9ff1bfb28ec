from __future__ import annotations

import pytest

from tests.contract import contracts


def pytest_report_header() -> str:
    """Which contract the emulator is validated against in this run."""
    return contracts.used()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The same at the end, where a quiet run tells it too."""
    terminalreporter.write_line(contracts.used())
