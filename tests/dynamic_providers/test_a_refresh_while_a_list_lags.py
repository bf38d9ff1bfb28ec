"""What a list lacks or shows is recorded only if a read by itself confirms it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dynamic_providers import adapter, engine
from dynamic_providers.migration_wave import MigrationWaveProvider
from dynamic_providers.protected_item import ProtectedItemProvider
from emulator.arm.compute.kinds import MACHINES
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet
from tests.copies import copied
from tests.dynamic_providers.test_resources_in_a_vault import item, wave
from tests.dynamic_providers.waves import inputs
from tests.emulator.recovery_services.site_recovery_support import BOTH, Classic, windows

ITEMS = "ReplicationProtectedItems_List"


@copied
def _fleet(experience: Classic, phase: Phase | None = None) -> Fleet:
    fleet = Fleet([windows(1), windows(2)], experience=experience)
    if phase is not None:
        fleet.drive({"web-01": phase})
    return fleet


@pytest.fixture(params=BOTH, ids=lambda experience: experience.name)
def experience(request: pytest.FixtureRequest) -> Classic:
    found: Classic = request.param
    return found


def connected(monkeypatch: pytest.MonkeyPatch, fleet: Fleet) -> Fleet:
    silent = SimpleNamespace(log=lambda *_, **__: None, alive=lambda: True)
    monkeypatch.setattr(adapter.MigrationProvider, "connect", lambda _self: fleet.connector())
    monkeypatch.setattr(engine, "current", lambda: silent)
    return fleet


@pytest.fixture
def fleet(experience: Classic, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    return connected(monkeypatch, _fleet(experience))


@pytest.fixture
def failed_over(experience: Classic, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """A fleet with a machine that is failed over. A stale list of the items is empty."""
    return connected(monkeypatch, _fleet(experience, Phase.FAILED_OVER))


def read_record(fleet: Fleet, phase: str) -> dict[str, Any]:
    """The record of the machine after a refresh."""
    record = {**item(fleet, "web-01", phase), "observed_phase": phase}
    return ProtectedItemProvider().read("web-01", record).outs or {}


def read_wave(fleet: Fleet, stage: str, **outputs: Any) -> dict[str, Any]:
    """The record of its wave after a refresh."""
    results = {"web-01": {"stage": stage}}
    return MigrationWaveProvider().read("web", wave(fleet, results=results, **outputs)).outs or {}


def protected_by_hand(fleet: Fleet, name: str) -> str:
    """Protect a machine without listing the items; a stale list of them is empty then."""
    inside = f"{fleet.site.container}/replicationProtectedItems/by-hand"
    body = fleet.site.enable_body(fleet.machines[name])
    fleet.site.finished(fleet.site.accepted("PUT", inside, body))
    while fleet.site.get(inside)["properties"]["protectionState"] != "Protected":
        fleet.site.pass_time(minutes=2)
    return inside


@pytest.fixture
def lacks_the_item(fleet: Fleet) -> str:
    inside = protected_by_hand(fleet, "web-01")
    fleet.fault(operation=ITEMS, stale=True, times=9)
    return inside


@pytest.fixture
def lacks_the_virtual_machine(fleet: Fleet) -> None:
    fleet.drive({"web-01": Phase.MIGRATED})
    missing = {"status": 404, "code": "ResourceGroupNotFound"}
    fleet.fault(operation="VirtualMachines_List", times=9, **missing)


def test_keeps_the_record_of_a_machine_that_replicates(fleet: Fleet, lacks_the_item: str) -> None:
    last_test = "2026-01-05T14:37:00+00:00"
    record = {
        **item(fleet, "web-01"),
        "item_id": lacks_the_item,
        "last_test_failover": last_test,
    }
    read = ProtectedItemProvider().read("web-01", record)
    outs = read.outs or {}
    assert (read.id, outs["phase"]) == ("web-01", "protected")
    assert (outs["item_id"], outs["last_test_failover"]) == (lacks_the_item, last_test)


def test_keeps_what_its_wave_knows_of_it(fleet: Fleet, lacks_the_item: str) -> None:
    results = {"web-01": {"stage": "protected", "item_id": lacks_the_item}}
    outs = MigrationWaveProvider().read("web", wave(fleet, results=results)).outs or {}
    assert outs["results"]["web-01"]["stage"] == "protected"
    assert outs["results"]["web-01"]["item_id"] == lacks_the_item


@pytest.mark.usefixtures("lacks_the_virtual_machine")
def test_keeps_the_record_of_a_machine_that_is_migrated(fleet: Fleet) -> None:
    read = ProtectedItemProvider().read("web-01", item(fleet, "web-01", "migrated"))
    assert (read.id, (read.outs or {})["phase"]) == ("web-01", "migrated")


@pytest.mark.usefixtures("lacks_the_virtual_machine")
def test_its_wave_knows_that_it_is_migrated(fleet: Fleet) -> None:
    results = {"web-01": {"stage": "migrated"}}
    outs = MigrationWaveProvider().read("web", wave(fleet, results=results)).outs or {}
    assert outs["results"]["web-01"]["stage"] == "migrated"


def test_forgets_a_machine_that_is_gone(fleet: Fleet, lacks_the_item: str) -> None:
    fleet.site.finished(fleet.site.accepted("DELETE", lacks_the_item))
    record = {**item(fleet, "web-01"), "item_id": lacks_the_item}
    assert ProtectedItemProvider().read("web-01", record).id == ""


def test_a_machine_is_not_migrated_because_a_list_lacks_its_item(failed_over: Fleet) -> None:
    failed_over.fault(operation=ITEMS, stale=True, times=9)
    assert read_record(failed_over, "failed-over")["observed_phase"] == "failed-over"


def test_its_wave_does_not_take_it_for_migrated_either(failed_over: Fleet) -> None:
    failed_over.fault(operation=ITEMS, stale=True, times=9)
    outs = read_wave(failed_over, "failed over")
    assert outs["results"]["web-01"]["stage"] == "failed over"
    assert not outs.get("migrated")


def completed_while_the_list_lags(fleet: Fleet) -> Fleet:
    fleet.snapshot()
    fleet.fault(operation=ITEMS, stale=True, times=9)
    fleet.site.finished(fleet.site.remove(fleet.machines["web-01"], "MigrationComplete"))
    return fleet


def test_a_machine_stays_migrated_while_a_list_shows_its_item(failed_over: Fleet) -> None:
    fleet = completed_while_the_list_lags(failed_over)
    assert read_record(fleet, "migrated")["observed_phase"] == "migrated"


def test_its_wave_keeps_it_as_migrated_too(failed_over: Fleet) -> None:
    fleet = completed_while_the_list_lags(failed_over)
    assert read_wave(fleet, "migrated")["results"]["web-01"]["stage"] == "migrated"


def test_a_wave_that_once_saw_a_machine_migrated_never_forgets_it(failed_over: Fleet) -> None:
    """Its owner completes the migration by hand, and deletes the virtual machine later."""
    fleet = failed_over
    fleet.site.finished(fleet.site.remove(fleet.machines["web-01"], "MigrationComplete"))
    first = read_wave(fleet, "failed over")
    made = fleet.site.virtual_machines()["web-01"]["id"]
    with fleet.site.world.store.transaction():
        fleet.site.world.store.delete(MACHINES, made)
    second = MigrationWaveProvider().read("web", first).outs or {}
    assert second["migrated"] == {"web-01": fleet.machines["web-01"].id}


@pytest.mark.parametrize(
    ("status", "phase"), [("satisfied", "failed-over"), ("pending", "migrated")]
)
def test_a_new_record_does_not_call_it_migrated_either(
    failed_over: Fleet, status: str, phase: str
) -> None:
    failed_over.fault(operation=ITEMS, stale=True, times=9)
    values = item(failed_over, "web-01", phase)
    values["outcome"] = {"status": status}
    values["convergence"] = {**values["convergence"], "on_pending": "warn"}
    outs = ProtectedItemProvider().create(values).outs or {}
    assert outs["observed_phase"] == "failed-over"


def test_a_run_that_ends_while_the_list_lags_does_not_either(failed_over: Fleet) -> None:
    failed_over.fault(operation=ITEMS, stale=True, times=9)
    values = inputs(failed_over, "migrated", "web-01")
    values["convergence"] = {**values["convergence"], "wait_seconds": 0}
    outs = MigrationWaveProvider().create(values).outs or {}
    assert outs["outcomes"]["web-01"]["status"] == "pending"
    assert outs["results"]["web-01"]["stage"] == "failed over"
    assert not outs["migrated"]
