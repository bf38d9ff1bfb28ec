"""A wave whose failover begins at a moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dynamic_providers.migration_wave import MigrationWaveProvider
from dynamic_providers.wave import review as wave_review
from dynamic_providers.wave.vault import WaveVault
from site_recovery.convergence.review_data import MachineRow
from site_recovery.reasons import Reason
from tests.dynamic_providers.answers import answering
from tests.dynamic_providers.test_the_review_of_a_wave import connect
from tests.dynamic_providers.test_waves_that_differ import INPUTS, PROTECTED

NOW = datetime(2026, 3, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PENDING = {"status": "pending", "reason": "not-yet", "message": "its failover begins later"}


def declared(at: datetime) -> dict[str, Any]:
    machine = {
        **INPUTS["machines"]["web-01"],
        "cutover": {"mode": "latest", "at": at.isoformat()},
    }
    convergence = {**INPUTS["convergence"], "require_test_failover": False}
    return {
        **INPUTS,
        "phase": "failed-over",
        "machines": {"web-01": machine},
        "convergence": convergence,
    }


@pytest.fixture(autouse=True)
def protected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WaveVault, "observe", answering(replace(PROTECTED, at=NOW)))
    monkeypatch.setattr(WaveVault, "read_only_locks", answering(()))


def row(at: datetime) -> MachineRow:
    found = asyncio.run(wave_review.look_ahead(connect, {}, declared(at), {}, preview=True))
    assert found.wave is not None
    [only] = found.wave.machines
    return only


def test_the_preview_says_when_it_begins() -> None:
    [hold] = row(NOW + MINUTE).waits
    assert hold.reason == Reason.NOT_YET
    assert "its failover begins Fri 2026-03-20 00:01 UTC" in hold.what
    assert row(NOW).waits == ()


def test_a_run_that_waited_for_it_leaves_a_difference_for_the_next() -> None:
    news = declared(NOW)
    recorded = {**news, "outcomes": {"web-01": PENDING}}
    assert MigrationWaveProvider().diff("web", recorded, news).changes
