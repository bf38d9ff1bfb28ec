"""A source is terminated only when it is due, and only if nothing speaks for it any more."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from site_recovery import cutover_memory
from site_recovery.convergence.outcome import Status
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet
from tests.convergence.test_a_cutover_loses_nothing import VM, instance, protected_fleet, sources
from tests.convergence.test_a_migrated_machine_stays_migrated import ITEMS
from tests.copies import copied
from tests.emulator.recovery_services.site_recovery_support import GROUP, Classic

DAYS = timedelta(days=14)


@copied
def migrated_fleet(experience: Classic) -> Fleet:
    fleet = protected_fleet(experience)
    del fleet.machines["web-01"]
    fleet.terminate_after = DAYS
    outcome = fleet.drive(Phase.MIGRATED)["db-01"]
    assert outcome.status is Status.SATISFIED, outcome
    return fleet


@pytest.fixture
def migrated(experience: Classic) -> Fleet:
    return migrated_fleet(experience)


def terminated(fleet: Fleet) -> bool:
    """Whether a run terminates the source."""
    fleet.drive(Phase.MIGRATED)
    return ("terminate", instance(fleet, "db-01")) in sources(fleet).calls


def told(fleet: Fleet) -> str:
    return "\n".join(fleet.reporter.events)


def test_it_is_terminated_when_it_is_due_and_not_before(migrated: Fleet) -> None:
    migrated.site.pass_time(days=13)
    assert not terminated(migrated)

    migrated.site.pass_time(days=2)
    assert terminated(migrated)

    before = len(sources(migrated).calls)
    assert migrated.drive(Phase.MIGRATED)["db-01"].status is Status.SATISFIED
    assert len(sources(migrated).calls) == before


def test_without_the_setting_it_is_kept(migrated: Fleet) -> None:
    migrated.terminate_after = None
    migrated.site.pass_time(days=100)
    assert not terminated(migrated)


def test_it_is_kept_if_its_virtual_machine_does_not_run(migrated: Fleet) -> None:
    off = migrated.site.call("POST", f"{GROUP}{VM}/db-01/deallocate", version="2024-07-01")
    assert off.status == 202
    migrated.site.pass_time(days=15)
    assert not terminated(migrated)
    assert "is due and is kept: its virtual machine is deallocated" in told(migrated)


def test_it_is_kept_if_somebody_started_it(migrated: Fleet) -> None:
    migrated.site.pass_time(days=15)
    sources(migrated).become(instance(migrated, "db-01"), state="running")
    assert not terminated(migrated)
    assert "is due and is kept: it is running" in told(migrated)


def test_it_is_kept_if_it_is_not_fenced_any_more(migrated: Fleet) -> None:
    migrated.site.pass_time(days=15)
    sources(migrated).become(instance(migrated, "db-01"), security_groups=("sg-other",))
    assert not terminated(migrated)
    assert "it is not fenced any more" in told(migrated)


class TestAMachineThatIsOnlyFailedOver:
    """A list that lags behind shows no item of it, as if its migration were complete."""

    @pytest.fixture
    def failed_over(self, experience: Classic) -> Fleet:
        fleet = failed_over_fleet(experience)
        drive_with_a_list_that_lags(fleet)
        return fleet

    def test_is_not_noted_as_migrated(self, failed_over: Fleet) -> None:
        assert cutover_memory.MIGRATED_AT not in tags(failed_over)

    def test_keeps_its_source_however_long_that_takes(self, failed_over: Fleet) -> None:
        failed_over.site.pass_time(days=15)
        again = failed_over.copy()
        drive_with_a_list_that_lags(again)
        assert ("terminate", instance(again, "db-01")) not in sources(again).calls

    def test_has_its_time_from_its_migration_on(self, failed_over: Fleet) -> None:
        failed_over.site.pass_time(days=21)
        assert not terminated(failed_over)
        assert not terminated(failed_over)
        failed_over.site.pass_time(days=15)
        assert terminated(failed_over)

    def test_loses_a_note_that_is_untrue(self, failed_over: Fleet) -> None:
        note(failed_over)
        assert failed_over.drive(Phase.FAILED_OVER)["db-01"].status is Status.SATISFIED
        assert cutover_memory.MIGRATED_AT not in tags(failed_over)


class TestANoteOfAnEarlierMigration:
    def test_goes_when_the_failover_is_taken_back(self, experience: Classic) -> None:
        fleet = failed_over_fleet(experience)
        note(fleet)
        fleet.rolls_back = {"db-01"}
        assert fleet.drive(Phase.PROTECTED)["db-01"].status is Status.SATISFIED
        assert tags(fleet) == {}

    def test_goes_when_another_cutover_begins(self, experience: Classic) -> None:
        fleet = protected_fleet(experience)
        del fleet.machines["web-01"]
        fleet.terminate_after = DAYS
        note(fleet)
        fleet.site.pass_time(days=15)
        assert not terminated(fleet)
        assert not terminated(fleet)


@copied
def failed_over_fleet(experience: Classic) -> Fleet:
    fleet = protected_fleet(experience)
    del fleet.machines["web-01"]
    fleet.terminate_after = DAYS
    assert fleet.drive(Phase.FAILED_OVER)["db-01"].status is Status.SATISFIED
    return fleet


def drive_with_a_list_that_lags(fleet: Fleet) -> None:
    fleet.fault(operation=ITEMS, stale=True, times=1)
    outcome = fleet.drive(Phase.FAILED_OVER)["db-01"]
    assert (outcome.status, outcome.observed.stage) == (Status.SATISFIED, Stage.FAILED_OVER)


def tags(fleet: Fleet) -> dict[str, str]:
    return dict(sources(fleet).source(instance(fleet, "db-01")).tags)


def note(fleet: Fleet) -> None:
    """Let the source say that its migration is complete."""
    now = fleet.site.world.clock.now().isoformat()
    asyncio.run(sources(fleet).tag(instance(fleet, "db-01"), {cutover_memory.MIGRATED_AT: now}))
