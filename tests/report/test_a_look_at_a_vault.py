"""The look at a vault: what real migrations on the emulator leave for the report."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from report.live import Live, Viewer, viewer
from report.model import MachineRow, Place, Report, report
from report.operations import INITIAL_REPLICATION
from report.record import MachineRecord, Outcome, Seen, StackRecord, WaveRecord
from site_recovery.azure.connection import connector
from site_recovery.convergence.outcome import Status
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet
from tests.convergence.test_the_vault_is_gone import remove_the_server
from tests.emulator.recovery_services.site_recovery_support import (
    BOTH,
    VAULT,
    AsyncCredential,
    Classic,
    linux,
    windows,
)
from tests.report.fleets import recorded as recorded_stack
from tests.report.fleets import wave_resource

HOUR = 3600.0


@pytest.fixture(params=BOTH, ids=lambda experience: experience.name)
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    experience: Classic = request.param
    made = Fleet([windows(1), linux(1)], experience=experience)
    yield made
    made.close()


def recorded(fleet: Fleet, phase: Phase) -> StackRecord:
    machines = tuple(
        MachineRecord(assignment.machine, Outcome(), Seen(), None, None)
        for assignment in fleet.assignments(phase)
    )
    wave = WaveRecord("web", phase, fleet.migration_site, True, "", machines)
    return StackRecord("dev", waves=(wave,))


def look(fleet: Fleet, record: StackRecord) -> Live:
    connect = connector(
        credential=lambda: AsyncCredential(fleet.site.token),
        transport=fleet.carrier,
        may_change=lambda: False,
        limited=False,
    )
    return asyncio.run(Viewer(connect).look(record))


def seen(fleet: Fleet, phase: Phase) -> Report:
    record = recorded(fleet, phase)
    return report(record, look(fleet, record))


def only(made: Report, name: str) -> MachineRow:
    [found] = [machine for machine in made.machines if machine.name == name]
    return found


def test_a_machine_that_replicates_shows_its_progress_then_its_rpo(fleet: Fleet) -> None:
    fleet.drive(Phase.PROTECTED)
    found = only(seen(fleet, Phase.PROTECTED), "web-01")
    assert (found.place, found.status, found.health) == (
        Place.PROTECTED,
        Status.SATISFIED,
        "Normal",
    )
    assert found.rpo_seconds is not None
    assert 0 < found.rpo_seconds < HOUR
    assert found.progress is None


def test_the_operations_have_durations_as_the_service_took_them(fleet: Fleet) -> None:
    fleet.drive(Phase.TEST_FAILOVER)
    fleet.drive(Phase.MIGRATED)
    fleet.site.pass_time(seconds=10 * HOUR)

    made = seen(fleet, Phase.MIGRATED)

    machine = only(made, "web-01")
    assert (machine.place, machine.azure_vm) == (Place.MIGRATED, "web-01")
    asked = ["discover"] if fleet.experience.name == "classic" else []
    assert [run.operation for run in made.runs if run.machine == "web-01"] == [
        *asked,
        "enable protection",
        INITIAL_REPLICATION,
        "test failover",
        "test failover cleanup",
        "unplanned failover",
        "complete migration",
    ]
    assert all(run.ended is not None and run.ended >= run.started for run in made.runs)
    copies = [run for run in made.runs if run.operation == INITIAL_REPLICATION]
    assert made.time is not None
    assert all(run.took(made.time).total_seconds() > 60 for run in copies)
    assert machine.usage is not None
    assert machine.usage.vm_hours == pytest.approx(10, abs=1)
    assert machine.usage.size.startswith("Standard_"), "as the virtual machine says"
    assert machine.usage.replication_days > 0
    assert machine.usage.test_hours > 0


def test_a_look_changes_nothing(fleet: Fleet) -> None:
    fleet.drive(Phase.PROTECTED)
    before = fleet.site.world.audited()
    seen(fleet, Phase.MIGRATED)
    assert fleet.site.world.audited() == before


def test_a_failed_operation_is_told_with_its_error(fleet: Fleet) -> None:
    fleet.drive(Phase.PROTECTED)
    error = {"errorCode": "28074", "errorMessage": "No cores are left"}
    fleet.fault(operation="TestFailover", match="web-01", job=error)
    fleet.drive(Phase.TEST_FAILOVER)
    failed = [run for run in seen(fleet, Phase.TEST_FAILOVER).runs if run.state == "failed"]
    assert [(run.machine, run.operation) for run in failed] == [("web-01", "test failover")]


def test_jobs_older_than_a_run_looks_at_count_too(fleet: Fleet) -> None:
    fleet.drive(Phase.PROTECTED)
    fleet.site.pass_time(seconds=45 * 24 * HOUR)
    used = only(seen(fleet, Phase.PROTECTED), "web-01").usage
    assert used is not None
    assert used.replication_days == pytest.approx(45, abs=1)


def test_a_vault_that_is_gone_leaves_the_record(fleet: Fleet) -> None:
    record = recorded(fleet, Phase.PROTECTED)
    remove_the_server(fleet)
    assert fleet.site.call("DELETE", VAULT, version="2024-10-01").status == 202
    made = report(record, look(fleet, record))
    assert made.problem.endswith("is gone")
    assert {machine.name for machine in made.machines} == {"db-01", "web-01"}


def test_an_azure_that_refuses_is_told_with_its_reason(fleet: Fleet) -> None:
    fleet.fault(operation="ReplicationProtectedItems_List", status=403, times=9)
    made = seen(fleet, Phase.PROTECTED)
    assert not made.live
    assert "vault" in made.problem


def test_credentials_that_the_environment_names_wrongly_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "nonsense")
    record = recorded_stack(wave_resource("web", "protected", ["web-01"]))

    async def look() -> Live:
        async with viewer() as made:
            return await made.look(record)

    problem = asyncio.run(look()).problem
    assert (
        "the environment names no credential: Invalid value for AZURE_TOKEN_CREDENTIALS" in problem
    )
    assert "Correct or unset that variable" in problem
