"""A wave whose source side is retired keeps its record, and asks no cloud for anything."""

from __future__ import annotations

from typing import Any

import pytest

from dynamic_providers.migration_wave import MigrationWaveProvider
from site_recovery.errors import MigrationError
from tests.dynamic_providers.test_waves_that_differ import INPUTS

SATISFIED = {"status": "satisfied", "reason": "", "message": ""}
RECORDED: dict[str, Any] = {
    **INPUTS,
    "phase": "migrated",
    "results": {"web-01": {"stage": "migrated", "azure_vm_id": "/vm"}},
    "outcomes": {"web-01": SATISFIED},
    "leaving": {},
    "migrated": {"web-01": "i-1"},
}
DECLARED: dict[str, Any] = {
    "urn": INPUTS["urn"],
    "vault_id": INPUTS["vault_id"],
    "container_id": "",
    "phase": "migrated",
    "machines": {"web-01": {"instance_id": "i-1"}},
    "convergence": {},
    "landing_zone": {},
    "retired": True,
}


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> MigrationWaveProvider:
    """A provider whose connection nobody may ask for."""

    def refuse(*_: object) -> None:
        raise AssertionError("a retired wave connects to nothing")

    monkeypatch.setattr(MigrationWaveProvider, "connect", refuse)
    return MigrationWaveProvider()


def checked(
    provider: MigrationWaveProvider, olds: dict[str, Any], **changes: Any
) -> tuple[dict[str, Any], list[str]]:
    answer = provider.check(olds, {**DECLARED, **changes})
    return dict(answer.inputs), [failure.reason for failure in answer.failures]


def test_its_inputs_are_those_that_are_recorded(provider: MigrationWaveProvider) -> None:
    olds = {**INPUTS, "phase": "migrated"}
    inputs, refusals = checked(provider, olds)
    assert refusals == []
    assert {name: inputs[name] for name in olds} == olds
    assert inputs["retired"] is True


def test_a_machine_that_no_record_has_is_refused(provider: MigrationWaveProvider) -> None:
    machines = {"web-01": {"instance_id": "i-1"}, "web-02": {"instance_id": "i-2"}}
    _, [refusal] = checked(provider, {**INPUTS, "phase": "migrated"}, machines=machines)
    assert "web-02: it is in no record of this wave" in refusal
    assert "web-01" not in refusal
    _, [refusal] = checked(provider, {}, machines=machines)
    assert "web-01" in refusal


def test_it_changes_once_and_then_not_again(provider: MigrationWaveProvider) -> None:
    news = {**INPUTS, "phase": "migrated", "retired": True}
    assert provider.diff("web", RECORDED, news).changes
    updated = provider.update("web", RECORDED, news).outs
    assert updated is not None
    for name in ("results", "outcomes", "migrated", "container_id", "phase"):
        assert updated[name] == RECORDED[name]
    assert not provider.diff("web", updated, news).changes


def test_a_machine_that_is_not_recorded_as_migrated_is_refused(
    provider: MigrationWaveProvider,
) -> None:
    results = {"web-01": {"stage": "failed over", "azure_vm_id": "/vm"}}
    recorded = {**RECORDED, "migrated": {}, "results": results}
    with pytest.raises(MigrationError, match="web-01: it is not migrated, and its source side"):
        provider.diff("web", recorded, {**INPUTS, "phase": "migrated", "retired": True})
