"""A record of a machine that left is deleted only when its replication is gone."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from dynamic_providers import engine
from dynamic_providers.migration_wave import MigrationWaveProvider
from dynamic_providers.protected_item import ProtectedItemProvider
from dynamic_providers.wave.vault import WaveVault
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage
from site_recovery.snapshot import Snapshot
from tests.dynamic_providers.answers import answering
from tests.dynamic_providers.test_waves_that_differ import CONTAINER, INPUTS

PROTECTED = Observed(Stage.PROTECTED, frozenset({"DisableProtection"}), item_id="/item")


def record(on_pending: str = "fail") -> dict[str, Any]:
    return {
        "name": "web-01",
        "phase": "protected",
        "container_id": CONTAINER,
        "landing_zone": INPUTS["landing_zone"],
        "machine": INPUTS["machines"]["web-01"],
        "convergence": {**INPUTS["convergence"], "on_pending": on_pending},
        "outcome": {"status": "satisfied"},
        "urn": "urn",
    }


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    seen = SimpleNamespace(log=lambda _urn, text, **_: lines.append(text))
    monkeypatch.setattr(engine, "current", lambda: seen)
    return lines


def leave(monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> None:
    """Let the wave's update remove the machine, with this outcome."""

    async def converge(
        _self: WaveVault, machines: Sequence[Assignment], *_: Any
    ) -> dict[str, Outcome]:
        return {each.machine.name: outcome for each in machines}

    monkeypatch.setattr(ProtectedItemProvider, "_look", answering(Snapshot()))
    monkeypatch.setattr(WaveVault, "converge", converge)
    MigrationWaveProvider().update("web", INPUTS, {**INPUTS, "machines": {}})
    monkeypatch.setattr(ProtectedItemProvider, "_of", lambda *_: outcome.observed)


@pytest.mark.usefixtures("told")
def test_a_machine_between_two_phases_is_refreshed_again_and_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replicating = Observed(Stage.REPLICATING, item_id="/item")
    monkeypatch.setattr(ProtectedItemProvider, "_look", answering(Snapshot()))
    monkeypatch.setattr(ProtectedItemProvider, "_of", lambda *_: replicating)
    first = ProtectedItemProvider().read("web-01", record()).outs
    assert first is not None
    again = ProtectedItemProvider().read("web-01", first)
    assert again.outs == first
    assert first["phase"] == "initial replication"
    ProtectedItemProvider().delete("web-01", first)


def test_a_refresh_keeps_the_record_of_a_machine_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    odd = Observed(Stage.UNREADABLE, unreadable="its item cannot be read: properties is null")
    monkeypatch.setattr(ProtectedItemProvider, "_look", answering(Snapshot()))
    monkeypatch.setattr(ProtectedItemProvider, "_of", lambda *_: odd)
    with pytest.raises(MigrationError, match="web-01: its item cannot be read: properties is null"):
        ProtectedItemProvider().read("web-01", record())


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("status", [Status.FAILED, Status.PENDING, Status.BLOCKED])
def test_a_removal_that_did_not_end_fails_the_record(
    monkeypatch: pytest.MonkeyPatch, status: Status
) -> None:
    leave(monkeypatch, Outcome(status, PROTECTED, "the disk is busy"))
    with pytest.raises(MigrationError, match=r"web-01: .*the disk is busy.*pulumi up again"):
        ProtectedItemProvider().delete("web-01", record())


def test_a_removal_on_its_way_is_tolerated_where_the_config_says_so(
    monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    leave(monkeypatch, Outcome(Status.PENDING, PROTECTED, "DisableDr is running"))
    ProtectedItemProvider().delete("web-01", record(on_pending="warn"))
    assert "DisableDr is running" in told[-1]


@pytest.mark.usefixtures("told")
def test_a_removal_that_ended_since_needs_no_other_run(monkeypatch: pytest.MonkeyPatch) -> None:
    leave(monkeypatch, Outcome(Status.PENDING, PROTECTED, "DisableDr is running"))
    gone = Observed(Stage.DISCOVERED)
    monkeypatch.setattr(ProtectedItemProvider, "_of", lambda *_: gone)
    ProtectedItemProvider().delete("web-01", record())
