"""A migrated machine is not migrated again by another wave once its virtual machine is not found."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from dynamic_providers import adapter, engine, stack_record
from dynamic_providers.migration_wave import MigrationWaveProvider
from dynamic_providers.protected_item import ProtectedItemProvider
from dynamic_providers.shared import claims, records
from dynamic_providers.wave import takeovers
from emulator.arm.compute.kinds import MACHINES
from site_recovery.checks import Record
from site_recovery.declared.tags import TAG_INSTANCE
from site_recovery.errors import MigrationError
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from tests.convergence.fleet import Fleet
from tests.copies import copied
from tests.dynamic_providers.waves import inputs
from tests.emulator.recovery_services.site_recovery_support import BOTH, Classic, windows

NOT_TWICE = "web-01: it was migrated, and no virtual machine"
MACHINE = "web-01"


@copied
def _migrated(experience: Classic) -> Fleet:
    fleet = Fleet([windows(1)], experience=experience)
    fleet.drive(Phase.MIGRATED)
    made = fleet.site.virtual_machines()[MACHINE]["id"]
    store = fleet.site.world.store
    with store.transaction():
        # Its owner gave it other tags and another name.
        untagged = {**(store.peek(MACHINES, made) or {}), "tags": {}, "name": "shop"}
        store.put(MACHINES, made, untagged)
    return fleet


@pytest.fixture(params=BOTH, ids=lambda experience: experience.name)
def fleet(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    fleet = _migrated(request.param)
    seen = SimpleNamespace(log=lambda *_, **__: None, alive=lambda: True)
    monkeypatch.setattr(adapter.MigrationProvider, "connect", lambda _self: fleet.connector())
    monkeypatch.setattr(engine, "current", lambda: seen)
    before = fleet.accepted()
    yield fleet
    assert fleet.accepted() == before


def wave(fleet: Fleet, name: str, *machines: str, phase: str = "migrated") -> dict[str, Any]:
    values = inputs(fleet, phase, *machines, urn=f"urn:pulumi:dev::p::t::{name}")
    return values if machines else {**values, "machines": {}}


def recorded(fleet: Fleet, name: str = "a") -> dict[str, Any]:
    """The record of a wave that has migrated the machine."""
    outcomes = {MACHINE: {"status": "satisfied", "reason": "", "message": ""}}
    migrated = {MACHINE: fleet.machines[MACHINE].id}
    return {**wave(fleet, name, MACHINE), "outcomes": outcomes, "migrated": migrated}


def declare(fleet: Fleet, **waves: str) -> None:
    """Let this run have these waves, each with a machine by this name or with none."""
    for name, machine in waves.items():
        instances = {machine: fleet.machines[MACHINE].id} if machine else {}
        claims.of_this_process.add_wave(name, instances)
        records.of_this_process.planned.add(name)


def updated(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    outs = MigrationWaveProvider().update("wave", before, now).outs
    assert outs is not None
    return outs


def refused(outputs: dict[str, Any], machine: str = MACHINE) -> bool:
    outcome = outputs["outcomes"][machine]
    return bool(outcome["reason"] == Reason.MIGRATED_VM_NOT_FOUND)


@pytest.mark.parametrize("phase", ["protected", "migrated"])
def test_the_wave_that_it_moved_to_refuses_it_and_records_that(fleet: Fleet, phase: str) -> None:
    declare(fleet, a="", b=MACHINE)
    with pytest.raises(MigrationError, match=NOT_TWICE):
        MigrationWaveProvider().diff("a", recorded(fleet), wave(fleet, "a"))

    now = wave(fleet, "b", MACHINE, phase=phase)
    outs = updated(wave(fleet, "b"), now)

    assert refused(outs)
    assert outs["migrated"] == {MACHINE: fleet.machines[MACHINE].id}


def test_a_new_wave_refuses_it(fleet: Fleet) -> None:
    declare(fleet, a="", b=MACHINE)
    updated(recorded(fleet), wave(fleet, "a"))
    created = MigrationWaveProvider().create(wave(fleet, "b", MACHINE)).outs
    assert created is not None
    assert refused(created)


@pytest.mark.parametrize("kind", ["asr:Wave", "site-recovery:MigrationWave"])
def test_a_new_wave_refuses_it_that_takes_it_over_from_one_that_goes(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Nothing but the record of the stack tells: the wave that goes is deleted at the end."""
    asked: list[str] = []

    def resources(stack: str) -> list[dict[str, Any]]:
        asked.append(stack)
        other = {"type": "pulumi:pulumi:Stack", "outputs": {"machines": {}}}
        return [other, {"type": f"pulumi-python:dynamic/{kind}", "outputs": recorded(fleet)}]

    monkeypatch.setattr(stack_record, "resources", resources)
    records.of_this_process.stack = "acme/p/dev"
    declare(fleet, b=MACHINE)

    for _ in range(2):
        created = MigrationWaveProvider().create(wave(fleet, "b", MACHINE)).outs
        assert created is not None
        assert refused(created)
        assert created["migrated"] == {MACHINE: fleet.machines[MACHINE].id}
    assert asked == ["acme/p/dev"]


class TestARecordOfTheStackThatCannotBeRead:
    """So nobody knows whether a wave that the program does not declare any more has migrated it."""

    @pytest.fixture(autouse=True)
    def unread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def resources(stack: str) -> list[dict[str, Any]]:
            raise MigrationError(f"the record of stack {stack} cannot be read (no such program).")

        monkeypatch.setattr(stack_record, "resources", resources)
        records.of_this_process.stack = "acme/p/dev"

    @pytest.mark.parametrize("is_new", [True, False], ids=["a new wave", "new in its wave"])
    @pytest.mark.parametrize("phase", ["protected", "migrated"])
    def test_lets_no_replication_begin_of_a_machine_that_is_new(
        self, fleet: Fleet, phase: str, *, is_new: bool
    ) -> None:
        declare(fleet, b=MACHINE)
        now = wave(fleet, "b", MACHINE, phase=phase)
        before = {**wave(fleet, "b"), "outcomes": {}}
        outs = MigrationWaveProvider().create(now).outs if is_new else updated(before, now)
        assert outs is not None
        outcome = outs["outcomes"][MACHINE]
        assert (outcome["status"], outcome["reason"]) == ("blocked", Reason.HELD)
        assert (
            "whether another wave of the stack has migrated it is not known" in outcome["message"]
        )
        assert "cannot be read (no such program). Put that right" in outcome["message"]

    def test_keeps_no_machine_back_that_its_own_wave_knows(self, fleet: Fleet) -> None:
        declare(fleet, b=MACHINE)
        outs = updated(recorded(fleet, "b"), wave(fleet, "b", MACHINE))
        assert refused(outs)


def test_a_machine_that_azure_shows_as_migrated_is_so_without_the_record_of_the_stack(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(stack: str) -> list[dict[str, Any]]:
        raise MigrationError(f"the record of stack {stack} cannot be read")

    monkeypatch.setattr(stack_record, "resources", unread)
    records.of_this_process.stack = "acme/p/dev"
    declare(fleet, b=MACHINE)
    [made] = fleet.site.virtual_machines().values()
    store = fleet.site.world.store
    with store.transaction():
        tags = {TAG_INSTANCE: fleet.machines[MACHINE].id}
        store.put(MACHINES, made["id"], {**(store.peek(MACHINES, made["id"]) or {}), "tags": tags})
    created = MigrationWaveProvider().create(wave(fleet, "b", MACHINE)).outs
    assert created is not None
    assert created["outcomes"][MACHINE]["status"] == "satisfied"


class TestAWaveThatTheEngineDoesNotComeTo:
    """As with `--target`. What it has recorded is in the record of the stack."""

    CHECKED = Record("i-web01", "test", "/vm", "", datetime(2026, 12, 5, tzinfo=UTC), True, "")

    @pytest.fixture
    def waited(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """The waits for waves that have not told what they recorded."""
        waits: list[float] = []

        async def told(_: records.Records, waves: Iterable[str], seconds: float) -> None:
            assert "b" in waves
            waits.append(seconds)

        monkeypatch.setattr(records.Records, "told", told)
        claims.of_this_process.add_wave("b", {})
        return waits

    def learn(self) -> None:
        asyncio.run(takeovers.learn(30.0))

    def test_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch, waited: list[float]) -> None:
        outputs = {
            "machines": {},
            "checks": {MACHINE: self.CHECKED.wire()},
            "migrated": {"web-02": "i-web02"},
        }
        found = [{"type": "pulumi-python:dynamic/asr:Wave", "outputs": outputs}]
        monkeypatch.setattr(stack_record, "resources", lambda _: found)
        records.of_this_process.stack = "acme/p/dev"

        self.learn()

        assert records.of_this_process.of("i-web01") == self.CHECKED
        assert records.of_this_process.migrated == {"i-web02"}
        assert waited == []

    def test_is_waited_for_if_the_record_of_the_stack_cannot_be_read(
        self, monkeypatch: pytest.MonkeyPatch, waited: list[float]
    ) -> None:
        def unread(stack: str) -> list[dict[str, Any]]:
            raise MigrationError(f"the record of stack {stack} cannot be read")

        monkeypatch.setattr(stack_record, "resources", unread)
        records.of_this_process.stack = "acme/p/dev"
        self.learn()
        assert waited == [30.0]

    def test_is_waited_for_if_nobody_told_the_name_of_the_stack(self, waited: list[float]) -> None:
        self.learn()
        assert waited == [30.0]


def test_under_another_name_it_is_refused_too(fleet: Fleet) -> None:
    fleet.machines = {**fleet.machines, "shop": fleet.machines[MACHINE]}
    declare(fleet, a="shop")
    assert refused(updated(recorded(fleet), wave(fleet, "a", "shop")), "shop")


def test_the_wave_that_it_left_keeps_the_record_as_long_as_it_is_in_another(fleet: Fleet) -> None:
    declare(fleet, a="", b=MACHINE)
    left = updated(recorded(fleet), wave(fleet, "a"))
    assert left["migrated"] == {MACHINE: fleet.machines[MACHINE].id}
    assert not MigrationWaveProvider().diff("a", left, wave(fleet, "a")).changes

    declare(fleet, a="", b="")
    assert MigrationWaveProvider().diff("a", left, wave(fleet, "a")).changes
    assert updated(left, wave(fleet, "a"))["migrated"] == {}


def record(fleet: Fleet) -> dict[str, Any]:
    """The record of the machine itself."""
    its = wave(fleet, "a", MACHINE)
    taken = ("experience", "container_id", "machines_site_id", "landing_zone", "convergence")
    return {
        **{key: its[key] for key in taken},
        "urn": f"urn:pulumi:dev::p::t::{MACHINE}",
        "name": MACHINE,
        "phase": "migrated",
        "observed_phase": "migrated",
        "machine": its["machines"][MACHINE],
        "outcome": {"status": "satisfied"},
        "wave": "a",
    }


def test_a_wave_that_gets_another_name_is_refused_by_a_preview(fleet: Fleet) -> None:
    declare(fleet, b=MACHINE)
    known = {"name": MACHINE, "phase": "migrated", "wave": "b"}
    with pytest.raises(MigrationError, match=NOT_TWICE):
        ProtectedItemProvider().diff(MACHINE, record(fleet), {**record(fleet), **known})


def test_another_instance_by_its_name_may_be_in_another_wave(fleet: Fleet) -> None:
    claims.of_this_process.add_wave("b", {MACHINE: "i-another"})
    assert not ProtectedItemProvider().diff(MACHINE, record(fleet), record(fleet)).changes
