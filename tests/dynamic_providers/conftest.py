"""What the tests of the providers share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def outside_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show progress live, also where these tests themselves run in a CI system."""
    monkeypatch.setenv("EC2_TO_AZURE_PROGRESS", "live")
