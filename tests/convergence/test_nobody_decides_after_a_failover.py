"""`afterFailover`: a machine that stays failed over is completed, taken back, or left to a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from site_recovery.convergence.outcome import Status
from site_recovery.convergence.review import review
from site_recovery.convergence.review_data import ROLL_BACK, MachineRow, wave_review
from site_recovery.declared.cutover import AfterFailover, Decision
from site_recovery.observation import Stage, observe
from site_recovery.phases import Phase
from site_recovery.planning import satisfies
from site_recovery.reasons import Reason
from site_recovery.usual_durations import History
from tests.convergence.fleet import LENIENT, Fleet
from tests.convergence.test_a_cutover_loses_nothing import (
    FAILOVER,
    VM,
    instance,
    is_out_of_the_way,
    protected_fleet,
    serves_as_before,
    sources,
)
from tests.copies import copied
from tests.emulator.recovery_services.site_recovery_support import GROUP, Classic

AFTER = timedelta(hours=4)


@copied
def failed_over_fleet(experience: Classic) -> Fleet:
    fleet = protected_fleet(experience)
    del fleet.machines["web-01"]
    fleet.after_failover = AfterFailover(after=AFTER)
    outcome = fleet.drive(Phase.FAILED_OVER)["db-01"]
    assert outcome.status is Status.SATISFIED, outcome
    return fleet


@pytest.fixture
def failed_over(experience: Classic) -> Fleet:
    return failed_over_fleet(experience)


def decide(fleet: Fleet, do: Decision) -> None:
    fleet.after_failover = AfterFailover(after=AFTER, do=do)


def is_due(fleet: Fleet) -> bool:
    """Whether the next update finds something to do."""
    [assignment] = fleet.assignments(Phase.FAILED_OVER)
    seen = observe(assignment.machine, fleet.snapshot(), assignment.settings)
    return not satisfies(assignment.desired, seen)


def rows(fleet: Fleet) -> tuple[MachineRow, ...]:
    reviewed = review(fleet.assignments(Phase.FAILED_OVER), fleet.snapshot(), LENIENT)
    return wave_review("data", "failed-over", reviewed, History("classic", [])).machines


def stage(fleet: Fleet) -> Stage:
    [assignment] = fleet.assignments(Phase.FAILED_OVER)
    return observe(assignment.machine, fleet.snapshot()).stage


@pytest.mark.parametrize("do", list(Decision))
def test_before_its_time_it_stays_failed_over(failed_over: Fleet, do: Decision) -> None:
    decide(failed_over, do)
    failed_over.site.pass_time(hours=1)
    assert not is_due(failed_over)
    assert failed_over.drive(Phase.FAILED_OVER)["db-01"].status is Status.SATISFIED
    assert is_out_of_the_way(failed_over, "db-01")
    assert stage(failed_over) is Stage.FAILED_OVER


def test_by_default_a_person_decides(failed_over: Fleet) -> None:
    failed_over.site.pass_time(hours=400)
    assert not is_due(failed_over)


def test_it_is_completed(failed_over: Fleet) -> None:
    decide(failed_over, Decision.COMPLETE)
    failed_over.site.pass_time(hours=4)
    assert is_due(failed_over)

    outcome = failed_over.drive(Phase.FAILED_OVER)["db-01"]

    assert outcome.status is Status.SATISFIED, outcome
    assert stage(failed_over) is Stage.MIGRATED
    assert "db-01: migrated" in failed_over.reporter.events
    failed_over.migrated = {"db-01"}
    assert not is_due(failed_over)
    assert failed_over.drive(Phase.FAILED_OVER)["db-01"].status is Status.SATISFIED


@pytest.mark.parametrize(
    ("do", "operation", "said"),
    [
        (Decision.COMPLETE, "complete migration", "afterFailover.do is complete, and its time was"),
        (Decision.ROLLBACK, ROLL_BACK, "WHAT WAS WRITTEN IN AZURE SINCE THE FAILOVER IS LOST"),
    ],
)
def test_a_preview_says_what_is_decided(
    failed_over: Fleet, do: Decision, operation: str, said: str
) -> None:
    decide(failed_over, do)
    assert rows(failed_over) == ()
    failed_over.site.pass_time(hours=4)
    [row] = rows(failed_over)
    assert row.blocked == ()
    assert (row.operations[0].operation, row.operations[0].irreversible) == (operation, True)
    assert said in row.operations[0].detail


def test_it_is_not_completed_while_a_check_fails(failed_over: Fleet) -> None:
    decide(failed_over, Decision.COMPLETE)
    failed_over.checks["db-01"] = [
        {"azureRunCommand": {"linux": ["exit 1"], "windows": ["exit 1"]}}
    ]
    failed_over.site.pass_time(hours=4)

    outcome = failed_over.drive(Phase.FAILED_OVER)["db-01"]

    assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.CHECK_FAILED)
    assert stage(failed_over) is Stage.FAILED_OVER


def test_it_is_taken_back_once_and_waits_for_a_person(failed_over: Fleet) -> None:
    decide(failed_over, Decision.ROLLBACK)
    failed_over.site.pass_time(hours=4)
    assert is_due(failed_over)

    for _ in range(2):
        outcome = failed_over.drive(Phase.FAILED_OVER)["db-01"]
        assert (outcome.status, outcome.reason) == (Status.BLOCKED, Reason.TAKEN_BACK), outcome
        assert "its virtual machine db-01 is kept" in outcome.message
        assert serves_as_before(failed_over, "db-01")
        assert stage(failed_over) is Stage.PROTECTED

    # A person has looked, and deleted what was kept.
    failed_over.site.call("DELETE", f"{GROUP}{VM}/db-01", version="2024-07-01")
    failed_over.site.pass_time(minutes=5)
    assert failed_over.drive(Phase.FAILED_OVER)["db-01"].status is Status.SATISFIED
    assert failed_over.accepted("db-01").count(FAILOVER) == 2
    assert is_out_of_the_way(failed_over, "db-01")


def test_a_person_who_decides_first_is_heard(failed_over: Fleet) -> None:
    decide(failed_over, Decision.ROLLBACK)
    failed_over.site.pass_time(hours=4)

    outcome = failed_over.drive(Phase.MIGRATED)["db-01"]

    assert outcome.status is Status.SATISFIED, outcome
    assert is_out_of_the_way(failed_over, "db-01")
    assert "start" not in [verb for verb, _ in sources(failed_over).calls]
    assert instance(failed_over, "db-01") in sources(failed_over).scripts
