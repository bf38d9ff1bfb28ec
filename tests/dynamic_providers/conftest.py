"""What the tests of the providers share."""

from __future__ import annotations

import pytest

from dynamic_providers.shared import claims, departures, records, runs


@pytest.fixture(autouse=True)
def outside_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show progress live, also where these tests themselves run in a CI system."""
    monkeypatch.setenv("EC2_TO_AZURE_PROGRESS", "live")


@pytest.fixture(autouse=True)
def in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as a provider process does: no resource has told another anything."""
    monkeypatch.setattr(claims, "of_this_process", claims.Claims())
    monkeypatch.setattr(records, "of_this_process", records.Records())
    monkeypatch.setattr(departures, "of_this_process", {})
    monkeypatch.setattr(runs, "of_this_process", runs.Runs())
