"""A rollback: the virtual machine goes off, the source serves again and replicates anew."""

from __future__ import annotations

from typing import Any

import pytest

from site_recovery import cutover_memory
from site_recovery.convergence.outcome import Status
from site_recovery.convergence.review import review
from site_recovery.convergence.review_data import DELETE_VM, ROLL_BACK, wave_review
from site_recovery.convergence.sources import Ran
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from site_recovery.usual_durations import History
from tests.convergence.cuts import Cut, Strike, is_killed
from tests.convergence.fleet import LENIENT, Fleet
from tests.convergence.sources import Killed
from tests.convergence.test_a_cutover_loses_nothing import (
    FAILOVER,
    VM,
    instance,
    protected_fleet,
    serves_as_before,
    sources,
)
from tests.copies import copied
from tests.emulator.recovery_services.site_recovery_support import GROUP, Classic

COMPUTE = "2024-07-01"


@copied
def failed_over_fleet(experience: Classic) -> Fleet:
    fleet = protected_fleet(experience)
    del fleet.machines["web-01"]
    outcome = fleet.drive(Phase.FAILED_OVER)["db-01"]
    assert outcome.status is Status.SATISFIED, outcome
    fleet.rolls_back = {"db-01"}
    return fleet


@pytest.fixture
def failed_over(experience: Classic) -> Fleet:
    return failed_over_fleet(experience)


def virtual_machine(fleet: Fleet) -> Any:
    view = fleet.site.call("GET", f"{GROUP}{VM}/db-01/instanceView", version=COMPUTE).body
    shown = fleet.site.call("GET", f"{GROUP}{VM}/db-01", version=COMPUTE).body
    return {"power": view["statuses"][-1]["code"], "tags": shown["tags"]}


def both_serve(fleet: Fleet) -> bool:
    if "db-01" not in made_in_azure(fleet):
        return False
    source = sources(fleet).source(instance(fleet, "db-01"))
    open_ = source.state == "running" and not sources(fleet).fencing.holds(
        source.interfaces[0].groups
    )
    return open_ and virtual_machine(fleet)["power"] == "PowerState/running"


def test_the_source_serves_and_replicates_again(failed_over: Fleet) -> None:
    outcome = failed_over.drive(Phase.PROTECTED)["db-01"]

    assert outcome.status is Status.SATISFIED, outcome
    assert serves_as_before(failed_over, "db-01")
    kept = virtual_machine(failed_over)
    assert kept["power"] == "PowerState/deallocated"
    assert kept["tags"]["rolled-back-from-instance"] == instance(failed_over, "db-01")
    assert "migrated-from-instance" not in kept["tags"]
    scripts = sources(failed_over).scripts[instance(failed_over, "db-01")]
    assert {"systemctl start nginx", "Start-Service W3SVC"} & {line for s in scripts for line in s}


def test_it_may_fail_over_again(failed_over: Fleet) -> None:
    failed_over.drive(Phase.PROTECTED)
    failed_over.rolls_back = set()

    outcome = failed_over.drive(Phase.FAILED_OVER)["db-01"]

    assert outcome.status is Status.SATISFIED, outcome
    assert failed_over.accepted("db-01").count(FAILOVER) == 2


def test_nothing_happens_twice(failed_over: Fleet) -> None:
    failed_over.drive(Phase.PROTECTED)
    before = len(sources(failed_over).calls), len(failed_over.accepted())

    failed_over.drive(Phase.PROTECTED)

    assert (len(sources(failed_over).calls), len(failed_over.accepted())) == before


def test_its_virtual_machine_is_tagged_once_while_lists_do_not_show_it(failed_over: Fleet) -> None:
    lagging: list[bool] = []

    async def lag_once_it_is_rolled_back() -> None:
        if not lagging and any("it is rolled back" in e for e in failed_over.reporter.events):
            failed_over.fault(operation="VirtualMachines_List", stale=True, times=4)
            lagging.append(True)

    outcome = failed_over.drive(Phase.PROTECTED, between_rounds=lag_once_it_is_rolled_back)["db-01"]

    assert lagging
    assert outcome.status is Status.SATISFIED, outcome
    changes = [each["operation"] for each in failed_over.site.world.audited()]
    assert changes.count("VirtualMachines_Update") == 1


@pytest.fixture
def scripted(failed_over: Fleet) -> Fleet:
    lines = ["systemctl is-active nginx", "Get-Service W3SVC"]
    check = {"azureRunCommand": {"linux": lines[:1], "windows": lines[1:]}}
    failed_over.checks["db-01"] = [check]
    return failed_over


def ran_on_the_source(fleet: Fleet, text: str) -> int:
    scripts = sources(fleet).scripts[instance(fleet, "db-01")]
    return sum(any(text in line for line in script) for script in scripts)


def test_the_source_is_checked_before_its_virtual_machine_counts_as_rolled_back(
    scripted: Fleet,
) -> None:
    outcome = scripted.drive(Phase.PROTECTED)["db-01"]

    assert outcome.status is Status.SATISFIED, outcome
    passed = [event for event in scripted.reporter.events if "check of its source passed" in event]
    assert [event.rpartition(": ")[2] for event in passed] == ["running within 15m", "run command"]
    sent = ran_on_the_source(scripted, "migration-check-ended")
    assert sent == 1
    done = scripted.reporter.events
    assert done.index(passed[-1]) < done.index(
        "db-01: it is rolled back; its virtual machine is switched off"
    )


def test_a_source_that_does_not_pass_keeps_its_virtual_machine_and_is_checked_again(
    scripted: Fleet,
) -> None:
    scripted.deletes_kept = {"db-01"}
    plain, which = sources(scripted), instance(scripted, "db-01")
    plain.results[which, "migration-check-ended"] = Ran(
        "Success", "inactive\nmigration-check-ended: 3\n"
    )

    outcome = scripted.drive(Phase.PROTECTED)["db-01"]

    assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.CHECK_FAILED)
    assert f"check 2 of 2 of instance {which} failed (run command)" in outcome.message
    assert "ended with 3 and printed inactive" in outcome.message
    kept = virtual_machine(scripted)
    assert kept["power"] == "PowerState/deallocated"
    assert kept["tags"]["migrated-from-instance"] == which
    assert serves_as_before(scripted, "db-01")

    plain.results.clear()
    assert scripted.drive(Phase.PROTECTED)["db-01"].status is Status.SATISFIED


def test_a_source_whose_script_prints_nothing_does_not_pass(scripted: Fleet) -> None:
    plain, which = sources(scripted), instance(scripted, "db-01")
    plain.results[which, "migration-check-ended"] = Ran("TimedOut")
    outcome = scripted.drive(Phase.PROTECTED)["db-01"]
    assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.CHECK_FAILED)


def made_in_azure(fleet: Fleet) -> list[str]:
    """The virtual machines, disks and interfaces of the group."""
    compute = f"{GROUP}/providers/Microsoft.Compute"
    network = f"{GROUP}/providers/Microsoft.Network"
    listed = [
        fleet.site.call("GET", f"{compute}/virtualMachines", version=COMPUTE).body["value"],
        fleet.site.call("GET", f"{compute}/disks", version="2024-03-02").body["value"],
        fleet.site.call("GET", f"{network}/networkInterfaces", version="2024-05-01").body["value"],
    ]
    return [each["name"] for entries in listed for each in entries]


def test_its_virtual_machine_is_deleted_with_all_that_belongs_to_it_if_it_is_not_kept(
    failed_over: Fleet,
) -> None:
    assert len(made_in_azure(failed_over)) >= 3
    failed_over.deletes_kept = {"db-01"}

    outcome = failed_over.drive(Phase.PROTECTED)["db-01"]

    assert outcome.status is Status.SATISFIED, outcome
    assert serves_as_before(failed_over, "db-01")
    assert made_in_azure(failed_over) == []
    assert "db-01: its virtual machine db-01 is deleted, with its disks" in (
        failed_over.reporter.events
    )


def test_one_that_was_kept_is_deleted_later(failed_over: Fleet) -> None:
    failed_over.drive(Phase.PROTECTED)
    assert len(made_in_azure(failed_over)) >= 3
    failed_over.deletes_kept = {"db-01"}
    assert failed_over.drive(Phase.PROTECTED)["db-01"].status is Status.SATISFIED
    assert made_in_azure(failed_over) == []


def test_one_that_somebody_started_is_not_deleted(failed_over: Fleet) -> None:
    failed_over.drive(Phase.PROTECTED)
    failed_over.deletes_kept = {"db-01"}
    failed_over.site.call("POST", f"{GROUP}{VM}/db-01/start", version=COMPUTE)
    failed_over.site.pass_time(minutes=5)
    before = made_in_azure(failed_over)

    outcome = failed_over.drive(Phase.PROTECTED)["db-01"]

    assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.KEPT_VM_RUNS)
    assert "somebody started it" in outcome.message
    assert made_in_azure(failed_over) == before


def test_a_preview_says_what_is_lost_and_what_is_deleted(failed_over: Fleet) -> None:
    failed_over.deletes_kept = {"db-01"}
    reviewed = review(failed_over.assignments(Phase.PROTECTED), failed_over.snapshot(), LENIENT)
    [row] = wave_review("data", "protected", reviewed, History("classic", [])).machines
    assert [each.operation for each in row.operations[:2]] == [ROLL_BACK, DELETE_VM]
    assert all(each.irreversible for each in row.operations[:2])
    assert "IS LOST" in row.operations[0].detail
    assert "deleted, with its disks and interfaces" in row.operations[1].detail

    failed_over.drive(Phase.PROTECTED)
    reviewed = review(failed_over.assignments(Phase.PROTECTED), failed_over.snapshot(), LENIENT)
    assert not any(each.has_something for each in reviewed)


def test_without_it_the_way_back_is_refused(failed_over: Fleet) -> None:
    failed_over.rolls_back = set()
    outcome = failed_over.drive(Phase.PROTECTED)["db-01"]
    assert (outcome.status, outcome.reason) == (Status.BLOCKED, Reason.BACKWARD_PHASE)
    assert "rollback" in outcome.message


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(7))
def test_a_killed_rollback_goes_on_and_never_do_both_serve(
    failed_over: Fleet, number: int, moment: str
) -> None:
    failed_over.deletes_kept = {"db-01"}
    plain, seen = sources(failed_over), 0

    def strike(verb: str, which: str) -> None:
        nonlocal seen
        assert not both_serve(failed_over)
        seen += 1
        if seen == number + 1:
            raise Killed

    setattr(plain, moment, strike)
    try:
        failed_over.drive(Phase.PROTECTED)
    except BaseException as error:
        if not is_killed(error):
            raise
    plain.before = plain.after = lambda verb, which: None
    assert not both_serve(failed_over)

    outcome = failed_over.drive(Phase.PROTECTED)["db-01"]

    assert outcome.status is Status.SATISFIED, outcome
    assert serves_as_before(failed_over, "db-01")
    assert made_in_azure(failed_over) == []
    assert not [
        name
        for name in plain.source(instance(failed_over, "db-01")).tags
        if cutover_memory.is_ours(name)
    ]


@pytest.mark.parametrize("state", ["shutting-down", "terminated"])
def test_the_virtual_machine_of_a_source_that_is_lost_goes_on(
    failed_over: Fleet, state: str
) -> None:
    which = instance(failed_over, "db-01")
    sources(failed_over).become(which, state=state)

    outcome = failed_over.drive(Phase.PROTECTED)["db-01"]

    assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.SOURCE_UNAVAILABLE)
    assert f"instance {which} is {state}, so its failover cannot be taken back" in outcome.message
    assert virtual_machine(failed_over)["power"] == "PowerState/running"


class TestWhoTakesTheRollbackBack:
    """It was cut short, and the config does not ask for it any more."""

    @pytest.fixture(params=["note the restoring", "give the groups", "start", "forget"])
    def cut(self, failed_over: Fleet, request: pytest.FixtureRequest) -> Fleet:
        try:
            with Strike(failed_over, "db-01", Cut(request.param, "killed after")):
                failed_over.drive(Phase.PROTECTED)
        except BaseException as error:
            if not is_killed(error):
                raise
        failed_over.rolls_back = set()
        return failed_over

    @pytest.mark.parametrize("phase", [Phase.FAILED_OVER, Phase.MIGRATED])
    def test_completes_nothing_while_its_virtual_machine_is_off(
        self, cut: Fleet, phase: Phase
    ) -> None:
        outcome = cut.drive(phase)["db-01"]

        assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.HALF_TAKEN_BACK)
        assert "virtual machine db-01 is deallocated" in outcome.message
        assert instance(cut, "db-01") in outcome.message
        assert "CompleteMigration" not in cut.accepted("db-01")
        assert cut.snapshot().items

        cut.rolls_back = {"db-01"}
        assert cut.drive(Phase.PROTECTED)["db-01"].status is Status.SATISFIED
        assert serves_as_before(cut, "db-01")

    def test_or_completes_it_once_the_virtual_machine_serves_again(self, cut: Fleet) -> None:
        sources(cut).become(instance(cut, "db-01"), state="stopped")
        cut.site.call("POST", f"{GROUP}{VM}/db-01/start", version=COMPUTE)
        cut.site.pass_time(minutes=5)
        assert cut.drive(Phase.MIGRATED)["db-01"].status is Status.SATISFIED


def test_a_virtual_machine_that_somebody_switched_off_is_completed_if_its_source_is_fenced(
    failed_over: Fleet,
) -> None:
    failed_over.rolls_back = set()
    failed_over.site.call("POST", f"{GROUP}{VM}/db-01/deallocate", version=COMPUTE)
    failed_over.site.pass_time(minutes=5)
    assert failed_over.drive(Phase.MIGRATED)["db-01"].status is Status.SATISFIED
