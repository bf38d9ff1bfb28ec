"""Every step of a cutover is cut in every way, alone and in a recovery plan.

After the next run either the source of a machine serves as before, or its virtual machine serves:
never both, never neither.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from emulator.arm.compute.kinds import MACHINES
from emulator.kernel import resources
from emulator.kernel.resources import PRIVATE
from site_recovery import cutover_memory
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.cutover import EC2_LAG
from site_recovery.cutover_memory import Source
from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from site_recovery.recovery_plan import Group, Plan
from tests.convergence.cuts import (
    BACK,
    FAIL_OVER,
    FORWARD,
    KILLED,
    REQUEST,
    Cut,
    Strike,
    cuts,
    is_killed,
)
from tests.convergence.fleet import Fleet
from tests.convergence.test_a_cutover_loses_nothing import (
    FENCE,
    VM,
    in_azure,
    instance,
    is_out_of_the_way,
    protected_fleet,
    quiesced,
    serves_as_before,
    sources,
)
from tests.copies import copied
from tests.emulator.recovery_services.site_recovery_support import GROUP, Classic

CUT, OTHER = "db-01", "web-01"
PLANS: dict[str, tuple[str, ...]] = {"alone": (), "in a plan": (CUT, OTHER)}
BEFORE_THE_REQUEST = FORWARD[: FORWARD.index(FAIL_OVER)]
UNACCEPTED = ("killed before", "refused", "failing")
"""What leaves a machine out of Azure if it happens to the request of its failover."""
LONG = {"hours": 73}
"""Longer than Site Recovery keeps a recovery point."""


def planned(fleet: Fleet, how: str) -> PlanOrder | None:
    """The recovery plan of the wave, with a group for each machine; None for a machine alone."""
    order = PLANS[how]
    if not order:
        fleet.machines.pop(OTHER, None)
        return None
    return PlanOrder(Plan("dev-shop", tuple(Group((each,)) for each in order)))


@pytest.fixture(params=PLANS)
def how(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


def drive(fleet: Fleet, phase: Phase, plan: PlanOrder | None) -> dict[str, Outcome]:
    """One run; nothing may serve twice at its end."""
    try:
        return fleet.drive(phase, plan=plan)
    except BaseException as error:
        if not is_killed(error):
            raise
        return {}
    finally:
        writable = {machine for machine in fleet.machines if takes_writes(fleet, machine)}
        assert not (writable and writable & in_azure(fleet)), "both serve"


def takes_writes(fleet: Fleet, machine: str) -> bool:
    """Whether somebody can write to the source."""
    source = sources(fleet).source(instance(fleet, machine))
    return source.state == "running" and source.interfaces[0].groups != (FENCE,)


def application_runs(fleet: Fleet, machine: str) -> bool:
    services = sources(fleet).inside(instance(fleet, machine))["services"]
    return all(services.values())


def cut_short(fleet: Fleet, phase: Phase, plan: PlanOrder | None, cut: Cut) -> dict[str, Outcome]:
    with Strike(fleet, CUT, cut) as strike:
        outcomes = drive(fleet, phase, plan)
    assert strike.struck, "the run never came to that step"
    assert (outcomes == {}) == (cut.way in KILLED)
    return outcomes


@dataclass(frozen=True)
class CutShort:
    """A fleet after a run that was cut.

    Attributes:
        fleet: the fleet.
        plan: the recovery plan of the wave; None for a machine alone.
        outcomes: of the run; none if its driver was killed.
        took: how long it took.
    """

    fleet: Fleet
    plan: PlanOrder | None
    outcomes: dict[str, Outcome]
    took: timedelta

    def copy(self) -> CutShort:
        """The same, with a copy of the fleet."""
        return replace(self, fleet=self.fleet.copy())


@copied
def going(experience: Classic, how: str, cut: Cut) -> CutShort:
    """A cutover that was cut on its way to Azure."""
    fleet = protected_fleet(experience)
    return _cut(fleet, Phase.FAILED_OVER, planned(fleet, how), cut)


@copied
def coming_back(experience: Classic, how: str, cut: Cut) -> CutShort:
    """One that was cut after the stop, and then again while it gave the source back."""
    cutover = going(experience, how, Cut("stop", "killed after"))
    return _cut(cutover.fleet, Phase.PROTECTED, cutover.plan, cut)


def _cut(fleet: Fleet, phase: Phase, plan: PlanOrder | None, cut: Cut) -> CutShort:
    began = fleet.site.world.clock.now()
    outcomes = cut_short(fleet, phase, plan, cut)
    return CutShort(fleet, plan, outcomes, fleet.site.world.clock.now() - began)


def assert_in_azure(fleet: Fleet, outcomes: dict[str, Outcome]) -> None:
    """Every machine is in Azure, its source is out of the way, and nothing was done twice."""
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}, outcomes
    for machine in fleet.machines:
        assert is_out_of_the_way(fleet, machine)
    assert in_azure(fleet) == set(fleet.machines)


class TestForward:
    @pytest.mark.parametrize("cut", cuts(*FORWARD), ids=str)
    def test_the_next_run_goes_on_to_azure(self, experience: Classic, how: str, cut: Cut) -> None:
        short = going(experience, how, cut)
        fleet = short.fleet

        assert_in_azure(fleet, drive(fleet, Phase.FAILED_OVER, short.plan))

        for machine in fleet.machines:
            again = machine == CUT and cut == Cut(FAIL_OVER, "failing")
            assert fleet.accepted(machine).count(REQUEST) == 1 + again
        if cut.way in KILLED:
            assert quiesced(fleet, CUT) == 1

    @pytest.mark.parametrize(
        "cut",
        [
            *(each for each in cuts(*BEFORE_THE_REQUEST) if each.way != "reply lost"),
            *map(partial(Cut, FAIL_OVER), UNACCEPTED),
        ],
        ids=str,
    )
    def test_or_a_run_that_wants_it_protected_gives_the_source_back(
        self, experience: Classic, how: str, cut: Cut
    ) -> None:
        short = going(experience, how, cut)

        drive(short.fleet, Phase.PROTECTED, short.plan)

        assert serves_as_before(short.fleet, CUT)
        assert application_runs(short.fleet, CUT)
        assert CUT not in in_azure(short.fleet)


def test_the_minute_that_ec2_may_lag_is_one_pause(experience: Classic) -> None:
    short = going(experience, "alone", Cut("quiesce", "killed after"))
    short.fleet.longest_pause = EC2_LAG
    before = len(short.fleet.slept)

    drive(short.fleet, Phase.FAILED_OVER, short.plan)

    assert short.fleet.slept[before] == pytest.approx(EC2_LAG.total_seconds(), abs=1)


class TestHoursLater:
    """Nothing that a killed run noted before it acted is untrue then."""

    @pytest.fixture
    def how(self) -> str:
        return "alone"

    @pytest.mark.parametrize("cut", [c for c in cuts(*FORWARD) if c.way in KILLED], ids=str)
    def test_the_next_run_goes_on_to_azure(self, experience: Classic, how: str, cut: Cut) -> None:
        short = going(experience, how, cut)
        short.fleet.site.pass_time(hours=5)

        assert_in_azure(short.fleet, drive(short.fleet, Phase.FAILED_OVER, short.plan))

        assert short.fleet.accepted(CUT).count(REQUEST) == 1
        assert quiesced(short.fleet, CUT) == 1

    @pytest.mark.parametrize("cut", [c for c in cuts(*BACK) if c.way in KILLED], ids=str)
    def test_a_source_that_was_half_given_back_serves(
        self, experience: Classic, how: str, cut: Cut
    ) -> None:
        short = coming_back(experience, how, cut)
        short.fleet.site.pass_time(hours=5)

        drive(short.fleet, Phase.PROTECTED, short.plan)

        assert serves_as_before(short.fleet, CUT)
        assert application_runs(short.fleet, CUT)

    def test_groups_that_it_got_since_are_those_that_it_gets_back(
        self, experience: Classic, how: str
    ) -> None:
        short = going(experience, how, Cut("begin", "killed after"))
        fleet, own = short.fleet, instance(short.fleet, CUT)
        groups = fleet.site.estate.groups
        assert groups is not None
        groups["sg-new"] = replace(groups["sg-machines"], group_id="sg-new")
        sources(fleet).become(own, security_groups=("sg-new",))
        sources(fleet).stops = {own: "running"}

        outcome = drive(fleet, Phase.FAILED_OVER, short.plan)[CUT]

        assert outcome.reason is Reason.SOURCE_DOES_NOT_STOP
        assert serves_as_before(fleet, CUT)
        assert sources(fleet).source(own).interfaces[0].groups == ("sg-new",)

    def test_an_instance_that_still_does_not_stop_ends_it(
        self, experience: Classic, how: str
    ) -> None:
        short = going(experience, how, Cut("note the stop", "killed after"))
        short.fleet.site.pass_time(hours=5)
        sources(short.fleet).stops = {instance(short.fleet, CUT): "running"}

        outcome = drive(short.fleet, Phase.FAILED_OVER, short.plan)[CUT]

        assert outcome.reason is Reason.SOURCE_DOES_NOT_STOP
        assert " 300 minutes" not in outcome.message
        assert serves_as_before(short.fleet, CUT)

    def test_a_source_that_somebody_started_behind_its_fence_is_stopped_again(
        self, experience: Classic, how: str
    ) -> None:
        short = going(experience, how, Cut("stop", "killed after"))
        short.fleet.site.pass_time(minutes=5)
        own = instance(short.fleet, CUT)
        assert sources(short.fleet).source(own).state == "stopped"
        sources(short.fleet).become(own, state="running")
        short.fleet.site.pass_time(hours=5)

        assert_in_azure(short.fleet, drive(short.fleet, Phase.FAILED_OVER, short.plan))


@pytest.mark.parametrize("cut", ["note the restoring", "give the groups"])
@pytest.mark.parametrize("phase", [Phase.FAILED_OVER, Phase.PROTECTED])
def test_a_source_that_was_half_given_back_when_a_person_failed_it_over_is_left_alone(
    experience: Classic, cut: str, phase: Phase
) -> None:
    """The lists of the vault do not show that failover yet."""
    short = coming_back(experience, "alone", Cut(cut, "killed after"))
    fleet, own = short.fleet, instance(short.fleet, CUT)
    fleet.site.pass_time(minutes=5)
    item = next(each.id for each in fleet.snapshot().items if each.friendly_name == CUT)
    details = {
        "classic": {"instanceType": "InMageAzureV2", "recoveryPointId": ""},
        "modernized": {"instanceType": "InMageRcm", "performShutdown": "false"},
    }[experience.name]
    body = {"failoverDirection": "PrimaryToRecovery", "providerSpecificDetails": details}
    asked = fleet.site.call("POST", f"{item}/unplannedFailover", {"properties": body})
    assert asked.status == 202, asked.body
    fleet.site.pass_time(hours=1)
    before = len(sources(fleet).calls)
    for lists in ("ReplicationProtectedItems", "VirtualMachines", "ReplicationJobs"):
        fleet.fault(operation=f"{lists}_List", stale=True, times=4)

    drive(fleet, phase, short.plan)

    assert in_azure(fleet) == {CUT}
    assert not {"start", "groups"} & {verb for verb, _ in sources(fleet).calls[before:]}
    assert sources(fleet).source(own).state == "stopped"


class TestAPersonInThePortal:
    """What somebody does to the item and the virtual machine of a machine that was failed over."""

    def failed_over(self, experience: Classic) -> tuple[Fleet, str, str]:
        """A fleet of one with its item and its virtual machine."""
        fleet = protected_fleet(experience)
        planned(fleet, "alone")
        assert_in_azure(fleet, drive(fleet, Phase.FAILED_OVER, None))
        seen = fleet.snapshot()
        [vm] = [each.id for each in seen.virtual_machines]
        return fleet, next(i.id for i in seen.items if i.friendly_name == CUT), vm

    def remove(self, fleet: Fleet, item: str, reason: str) -> None:
        instance_type = "DisableProtectionProviderSpecificInput"
        if reason == "MigrationComplete":
            instance_type = {"classic": "InMageAzureV2", "modernized": "InMageRcm"}[
                fleet.experience.name
            ]
        details = {"instanceType": instance_type}
        body = {"disableProtectionReason": reason, "replicationProviderInput": details}
        asked = fleet.site.call("POST", f"{item}/remove", {"properties": body})
        assert asked.status == 202, asked.body

    def test_who_undoes_a_failover_gets_the_source_back(self, experience: Classic) -> None:
        fleet, item, vm = self.failed_over(experience)
        assert fleet.site.call("DELETE", f"{vm}?api-version=2024-07-01").status == 202
        self.remove(fleet, item, "NotSpecified")
        fleet.site.pass_time(hours=5)

        drive(fleet, Phase.PROTECTED, None)

        assert serves_as_before(fleet, CUT)
        assert application_runs(fleet, CUT)

    def test_who_completes_a_migration_does_not(self, experience: Classic) -> None:
        fleet, item, _ = self.failed_over(experience)
        self.remove(fleet, item, "MigrationComplete")
        fleet.site.pass_time(hours=5)
        fleet = fleet.copy()
        # Nobody has listed them there yet, so that a stale answer is an empty list.
        fleet.fault(operation="VirtualMachines_List", stale=True, times=4)

        drive(fleet, Phase.PROTECTED, None)

        assert is_out_of_the_way(fleet, CUT)
        assert in_azure(fleet) == {CUT}


def test_a_machine_that_leaves_in_the_middle_of_its_cutover_serves_again_and_then_leaves(
    experience: Classic,
) -> None:
    short = going(experience, "alone", Cut("stop", "killed after"))

    outcome = short.fleet.drive(None)[CUT]

    assert outcome.status is Status.SATISFIED, outcome
    assert serves_as_before(short.fleet, CUT)
    assert application_runs(short.fleet, CUT)
    assert CUT not in [each.friendly_name for each in short.fleet.snapshot().items]


class TestASourceThatSomebodyTerminated:
    """All that it wrote until it was fenced is in the vault, and nothing else has that."""

    def terminated(self, experience: Classic, step: str) -> Fleet:
        fleet = going(experience, "alone", Cut(step, "killed after")).fleet
        fleet.site.pass_time(minutes=5)
        own = instance(fleet, CUT)
        assert sources(fleet).source(own).memory.began is not None
        sources(fleet).become(own, state="terminated")
        return fleet

    @pytest.mark.parametrize("step", ["choose", "note the stop", "stop"])
    def test_once_its_recovery_point_is_chosen_goes_on_to_azure(
        self, experience: Classic, step: str
    ) -> None:
        fleet = self.terminated(experience, step)

        outcome = drive(fleet, Phase.FAILED_OVER, None)[CUT]

        assert outcome.status is Status.SATISFIED, outcome
        assert in_azure(fleet) == {CUT}
        assert fleet.accepted(CUT).count(REQUEST) == 1

    def test_goes_on_with_what_it_wrote_after_somebody_had_opened_it(
        self, experience: Classic
    ) -> None:
        fleet = going(experience, "alone", Cut("choose", "killed after")).fleet
        own, opened = instance(fleet, CUT), fleet.site.world.clock.now()
        sources(fleet).become(own, security_groups=fleet.machines[CUT].security_groups)
        fleet.site.pass_time(minutes=30)
        sources(fleet).become(own, state="terminated")

        assert drive(fleet, Phase.FAILED_OVER, None)[CUT].status is Status.SATISFIED

        made = resources.find(fleet.site.world, f"{GROUP}{VM}/{CUT}")
        assert made is not None
        ago = datetime.fromisoformat(made[PRIVATE]["recoveryPointTime"]) - opened
        assert ago > timedelta(minutes=20)

    @pytest.mark.parametrize("step", ["begin", "fence", "note the fence"])
    def test_before_that_is_told(self, experience: Classic, step: str) -> None:
        fleet = self.terminated(experience, step)
        outcome = drive(fleet, Phase.FAILED_OVER, None)[CUT]
        assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.SOURCE_UNAVAILABLE)
        assert f"instance {instance(fleet, CUT)} is terminated" in outcome.message
        assert "nothing gives its source back" in outcome.message
        assert fleet.accepted(CUT).count(REQUEST) == 0

    def test_is_told_if_it_should_serve_again(self, experience: Classic) -> None:
        fleet = self.terminated(experience, "stop")
        outcome = drive(fleet, Phase.PROTECTED, None)[CUT]
        assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.SOURCE_UNAVAILABLE)
        assert "failed-over" in outcome.message
        assert drive(fleet, Phase.FAILED_OVER, None)[CUT].status is Status.SATISFIED

    def test_does_not_go_on_if_it_was_being_given_back(self, experience: Classic) -> None:
        """It may have taken writes since."""
        fleet = self.terminated(experience, "stop")
        asyncio.run(sources(fleet).tag(instance(fleet, CUT), {cutover_memory.RESTORING: "-"}))
        outcome = drive(fleet, Phase.FAILED_OVER, None)[CUT]
        assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.SOURCE_UNAVAILABLE)
        assert fleet.accepted(CUT).count(REQUEST) == 0

    def test_keeps_its_machine_from_leaving_no_longer(self, experience: Classic) -> None:
        fleet = self.terminated(experience, "stop")
        assert fleet.drive(None)[CUT].status is Status.SATISFIED


def test_a_source_that_ec2_still_shows_as_running_after_its_stop_is_started_again(
    experience: Classic,
) -> None:
    fleet = protected_fleet(experience)
    planned(fleet, "alone")
    fleet.cutovers[CUT] = Cutover(mode=Mode.LOSSLESS)
    cut_short(fleet, Phase.FAILED_OVER, None, Cut("stop", "killed after"))
    plain, own = sources(fleet), instance(fleet, CUT)
    look = plain.source

    def lagging(instance_id: str) -> Source:
        source = look(instance_id)
        return replace(source, state="running") if source.state == "stopping" else source

    plain.source = lagging  # type: ignore[method-assign]
    drive(fleet, Phase.PROTECTED, None)
    plain.source = look  # type: ignore[method-assign]
    fleet.site.pass_time(minutes=5)

    assert ("start", own) in plain.calls
    assert serves_as_before(fleet, CUT)


FAILURES = [each for each in cuts(*BEFORE_THE_REQUEST) if each.way in ("refused", "failing")]


@pytest.mark.parametrize("cut", [*FAILURES, Cut(FAIL_OVER, "refused")], ids=str)
def test_what_fails_before_the_request_gives_the_source_back_in_the_same_run(
    experience: Classic, how: str, cut: Cut
) -> None:
    short = going(experience, how, cut)
    outcome = short.outcomes[CUT]

    assert outcome.status is Status.FAILED, outcome
    assert short.took < timedelta(hours=1)
    assert "Its source serves as before" in outcome.message
    assert serves_as_before(short.fleet, CUT)
    assert application_runs(short.fleet, CUT)
    assert short.fleet.accepted(CUT).count(REQUEST) == 0


@pytest.mark.parametrize("cut", cuts(*BACK), ids=str)
@pytest.mark.parametrize("phase", [Phase.FAILED_OVER, Phase.PROTECTED])
def test_a_source_that_was_half_given_back_ends_on_one_side(
    experience: Classic, how: str, cut: Cut, phase: Phase
) -> None:
    short = coming_back(experience, how, cut)

    outcomes = drive(short.fleet, phase, short.plan)

    if phase is Phase.FAILED_OVER:
        assert_in_azure(short.fleet, outcomes)
    else:
        assert serves_as_before(short.fleet, CUT)
        assert application_runs(short.fleet, CUT)


@pytest.mark.parametrize(("last", "stopped"), [("choose", False), ("stop", True)])
def test_a_cutover_whose_recovery_point_is_not_kept_any_more_ends_on_one_side(
    experience: Classic, how: str, last: str, stopped: bool
) -> None:
    """A machine that was not stopped yet has got newer points meanwhile. The other has none."""
    short = going(experience, how, Cut(last, "killed after"))
    fleet, plan = short.fleet, short.plan
    fleet.site.pass_time(minutes=5)
    assert (sources(fleet).source(instance(fleet, CUT)).state == "stopped") == stopped
    fleet.site.pass_time(**LONG)

    outcomes = drive(fleet, Phase.FAILED_OVER, plan)

    if stopped:
        assert outcomes[CUT].reason is Reason.NO_LATER_POINT
        assert "Its source serves as before" in outcomes[CUT].message
        assert serves_as_before(fleet, CUT)
        outcomes = drive(fleet, Phase.FAILED_OVER, plan)
    assert_in_azure(fleet, outcomes)


def test_a_failover_that_failed_after_it_made_its_virtual_machine_keeps_the_source_stopped(
    experience: Classic,
) -> None:
    """Site Recovery has a state for a failover whose completion failed. Both must not serve."""
    fleet = going(experience, "alone", Cut("stop", "killed after")).fleet
    donor = protected_fleet(experience)
    planned(donor, "alone")
    assert_in_azure(donor, drive(donor, Phase.FAILED_OVER, None))
    [vm] = [each.id for each in donor.snapshot().virtual_machines]
    made = donor.site.world.store.peek(MACHINES, vm)
    assert made is not None
    with fleet.site.world.store.transaction():
        fleet.site.world.store.put(MACHINES, vm, made)
    fleet.fault(operation="UnplannedFailover", match=CUT, job={"errorCode": "150097"})

    assert drive(fleet, Phase.FAILED_OVER, None)[CUT].reason is Reason.JOB_FAILED

    outcome = drive(fleet, Phase.PROTECTED, None)[CUT]

    assert outcome.status is Status.FAILED
    assert "left its virtual machine db-01 running" in outcome.message
    assert is_out_of_the_way(fleet, CUT)
    fleet.site.call("POST", f"{vm}/deallocate?api-version=2024-07-01")
    fleet.site.pass_time(minutes=5)
    fleet.drive(Phase.PROTECTED)
    assert serves_as_before(fleet, CUT)
