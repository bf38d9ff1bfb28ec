"""A wave whose migrated machines have instances that are due to be terminated."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dynamic_providers.migration_wave import MigrationWaveProvider
from dynamic_providers.wave import review as wave_review
from dynamic_providers.wave.review import LookAhead
from dynamic_providers.wave.vault import WaveVault
from site_recovery.convergence import review_text
from site_recovery.snapshot import Snapshot, VirtualMachine
from tests.dynamic_providers.answers import answering
from tests.dynamic_providers.test_a_retired_wave import RECORDED
from tests.dynamic_providers.test_the_review_of_a_wave import MIGRATED, connect
from tests.dynamic_providers.test_waves_that_differ import INPUTS

NOW = datetime(2026, 3, 20, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)
GONE = Snapshot(virtual_machines=(VirtualMachine(id="/vm", name="other"),), at=NOW)


def declared(due: datetime | None, **changes: Any) -> dict[str, Any]:
    machine = {
        **INPUTS["machines"]["web-01"],
        "terminate_after_seconds": 1209600.0,
        "terminates_at": due.isoformat() if due is not None else None,
    }
    return {**INPUTS, "phase": "migrated", "machines": {"web-01": machine}, **changes}


@pytest.fixture(autouse=True)
def migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WaveVault, "observe", answering(replace(MIGRATED, at=NOW)))


def differs(due: datetime | None) -> bool:
    return bool(MigrationWaveProvider().diff("web", RECORDED, declared(due)).changes)


def reviewed(due: datetime | None) -> LookAhead:
    return asyncio.run(wave_review.look_ahead(connect, {}, declared(due), {}, preview=True))


def test_it_differs_once_the_time_has_come() -> None:
    assert [differs(due) for due in (None, LATER, NOW, EARLIER)] == [False, False, True, True]


def test_the_preview_names_it_as_irreversible() -> None:
    found = reviewed(EARLIER)
    assert found.wave is not None
    assert found.stack is not None
    assert found.wave.terminates == ("web-01",)
    block = " ".join(review_text.wave_block(found.wave).split())
    assert block.startswith("wave web → migrated: 1 source terminated")
    assert "source.terminateAfter has passed for web-01" in block
    line = review_text.stack_line(found.stack)
    assert line.startswith("1 source terminated")
    assert "IRREVERSIBLE: a terminated instance is lost" in line


def test_the_preview_says_nothing_before() -> None:
    found = reviewed(LATER)
    assert found.wave is not None
    assert not found.wave.has_something


def test_a_machine_that_is_not_migrated_keeps_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WaveVault, "observe", answering(GONE))
    found = reviewed(EARLIER)
    assert found.wave is not None
    assert found.wave.terminates == ()
