"""A source is terminated only when it is due, and only if nothing speaks for it any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from site_recovery.convergence.outcome import Status
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet
from tests.convergence.test_a_cutover_loses_nothing import VM, instance, protected_fleet, sources
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
