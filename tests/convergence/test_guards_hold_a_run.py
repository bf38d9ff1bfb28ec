"""Guards hold a machine at the moment of its step, and nothing that has begun."""

from __future__ import annotations

from datetime import timedelta

import pytest

from emulator.in_process import AsyncWorldTransport
from emulator.kernel.wire import Request, Response
from site_recovery.convergence.guarding import Guarding, OrderedWave
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.outcome import Status
from site_recovery.declared.cutover import AfterFailover, Cutover, Decision, Mode
from site_recovery.declared.guards import Approval, Window
from site_recovery.guards import Budget, Guards
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from site_recovery.recovery_plan import Group, Plan
from tests.convergence.fleet import Fleet
from tests.convergence.test_a_cutover_loses_nothing import (
    FAILOVER,
    begin_and_kill,
    is_out_of_the_way,
    protected_fleet,
    serves_as_before,
)
from tests.copies import copied
from tests.emulator.recovery_services.site_recovery_support import Classic

HOUR = timedelta(hours=1)


def window(fleet: Fleet, opens: timedelta, closes: timedelta) -> Guards:
    """A window that opens and closes some time from now, at the service."""
    now = fleet.site.world.clock.now()
    clocks = [f"{now + each:%H:%M}" for each in (opens, closes)]
    return Guards(window=Window.model_validate(dict(zip(("from", "to"), clocks, strict=True))))


class Slow:
    """The world, in which the n-th read of something takes hours."""

    def __init__(self, fleet: Fleet, what: str, number: int) -> None:
        self._fleet, self._what, self.number = fleet, what, number
        self.clock = fleet.site.world.clock
        self.reads = 0

    def handle(self, request: Request) -> Response:
        if request.method == "GET" and request.path.lower().endswith(self._what):
            self.reads += 1
            if self.reads == self.number:
                self._fleet.site.pass_time(hours=3)
        return self._fleet.site.world.handle(request)


def failovers(fleet: Fleet) -> list[str]:
    return [
        name
        for name in fleet.machines
        if any("UnplannedFailover" in operation for operation in fleet.accepted(name))
    ]


class TestAWindow:
    def test_that_opens_within_the_wait_is_waited_for(self, replicating: Fleet) -> None:
        guards = window(replicating, 2 * HOUR, 8 * HOUR)
        began = replicating.site.world.clock.now()
        outcomes = replicating.drive(Phase.FAILED_OVER, guarding=Guarding(guards))
        assert {outcome.status for outcome in outcomes.values()} == {Status.SATISFIED}
        assert replicating.site.world.clock.now() - began > 2 * HOUR - timedelta(minutes=1)
        assert any("web-01: its window opens" in event for event in replicating.reporter.events)

    def test_that_opens_later_ends_the_run_at_once_and_keeps_what_was_done(
        self, quiet_fleet: Fleet
    ) -> None:
        guards = window(quiet_fleet, 20 * HOUR, 21 * HOUR)
        outcomes = quiet_fleet.drive(Phase.FAILED_OVER, guarding=Guarding(guards))
        assert {(o.status, o.reason) for o in outcomes.values()} == {
            (Status.PENDING, Reason.WINDOW_CLOSED)
        }
        assert {o.observed.stage for o in outcomes.values()} == {Stage.PROTECTED}
        assert "after the end of this run's wait" in outcomes["web-01"].message
        assert failovers(quiet_fleet) == []

    def test_that_closes_lets_what_has_begun_go_on_and_nothing_more_begin(
        self, quiet_fleet: Fleet
    ) -> None:
        quiet_fleet.drive({"web-01": Phase.PROTECTED})
        guards = window(quiet_fleet, timedelta(0), timedelta(minutes=4))
        # web-02 replicates first, and by then the window is closed.
        phases: dict[str, Phase | None] = dict.fromkeys(("web-01", "web-02"), Phase.FAILED_OVER)
        outcomes = quiet_fleet.drive(phases, guarding=Guarding(guards))
        assert outcomes["web-01"].status is Status.SATISFIED
        assert (outcomes["web-02"].status, outcomes["web-02"].reason) == (
            Status.PENDING,
            Reason.WINDOW_CLOSED,
        )
        assert failovers(quiet_fleet) == ["web-01"]

    @pytest.mark.parametrize("how", ["alone", "in a plan"])
    def test_that_closes_right_before_the_request_holds_it(
        self, replicating: Fleet, how: str
    ) -> None:
        """The last reads before a request may take long, where Azure throttles them."""
        fleet = replicating
        plan = (
            PlanOrder(Plan("dev-all", (Group(tuple(fleet.machines)),))) if how != "alone" else None
        )
        fleet.drive(Phase.PROTECTED, plan=plan)
        guards = window(fleet, timedelta(0), HOUR)
        # What is read last: the item itself, or the plan, which was read twice in this round.
        last = Slow(fleet, "/dev-all" if plan else "/web-01", 3 if plan else 1)
        fleet.carrier = lambda: AsyncWorldTransport(last)
        phases: dict[str, Phase | None] = dict.fromkeys(
            fleet.machines if plan else ["web-01"], Phase.FAILED_OVER
        )

        outcomes = fleet.drive(phases, plan=plan, guarding=Guarding(guards))

        assert last.reads >= last.number
        assert {o.reason for o in outcomes.values()} == {Reason.WINDOW_CLOSED}
        assert failovers(fleet) == []

    def test_holds_no_test_failover(self, quiet_fleet: Fleet) -> None:
        guards = window(quiet_fleet, 20 * HOUR, 21 * HOUR)
        outcomes = quiet_fleet.drive(Phase.TEST_FAILOVER, guarding=Guarding(guards))
        assert {outcome.status for outcome in outcomes.values()} == {Status.SATISFIED}


class TestAMoment:
    @staticmethod
    def at(fleet: Fleet, later: timedelta) -> None:
        moment = fleet.site.world.clock.now() + later
        fleet.cutovers["web-01"] = Cutover(mode=Mode.LATEST, at=moment)

    def test_that_comes_within_the_wait_is_waited_for(self, replicating: Fleet) -> None:
        began = replicating.site.world.clock.now()
        self.at(replicating, 2 * HOUR)
        outcomes = replicating.drive({"web-01": Phase.FAILED_OVER, "web-02": Phase.FAILED_OVER})
        assert {outcome.status for outcome in outcomes.values()} == {Status.SATISFIED}
        assert replicating.site.world.clock.now() - began > 2 * HOUR
        order = [
            entry["machine"]
            for entry in replicating.site.world.audited()
            if "Unplanned" in entry["operation"]
        ]
        assert order == ["web-02", "web-01"]

    def test_that_comes_later_leaves_its_machine_protected(self, replicating: Fleet) -> None:
        self.at(replicating, 20 * HOUR)
        outcomes = replicating.drive({"web-01": Phase.FAILED_OVER, "web-02": Phase.FAILED_OVER})
        assert outcomes["web-02"].status is Status.SATISFIED
        assert (outcomes["web-01"].status, outcomes["web-01"].reason) == (
            Status.PENDING,
            Reason.NOT_YET,
        )
        assert "its failover begins" in outcomes["web-01"].message
        assert failovers(replicating) == ["web-02"]

        replicating.site.pass_time(hours=20)
        assert replicating.drive({"web-01": Phase.FAILED_OVER})["web-01"].status is Status.SATISFIED


class TestTheOrderOfWaves:
    @staticmethod
    def after(fleet: Fleet, phase: Phase, *, gave_up: bool = False) -> Guarding:
        """Guards of the web servers, which go after the database."""
        [data] = [a.machine for a in fleet.assignments({"db-01": phase})]
        earlier = {"data": OrderedWave(phase, [data])}
        return Guarding(Guards(after=("data",)), earlier, ("data",) if gave_up else ())

    def test_a_wave_goes_on_as_soon_as_the_other_has_got_there(self, replicating: Fleet) -> None:
        fleet = replicating
        moved = False

        async def between() -> None:
            nonlocal moved
            if not moved:
                moved = True
                await fleet.driving({"db-01": Phase.FAILED_OVER})

        outcomes = fleet.drive(
            dict.fromkeys(("web-01", "web-02"), Phase.FAILED_OVER),
            guarding=self.after(fleet, Phase.FAILED_OVER),
            between_rounds=between,
        )
        assert {outcome.status for outcome in outcomes.values()} == {Status.SATISFIED}
        order = [e["machine"] for e in fleet.site.world.audited() if "Unplanned" in e["operation"]]
        assert order[0] == "db-01"

    def test_one_whose_run_has_ended_is_not_waited_for(self, replicating: Fleet) -> None:
        outcomes = replicating.drive(
            dict.fromkeys(("web-01", "web-02"), Phase.FAILED_OVER),
            guarding=self.after(replicating, Phase.FAILED_OVER, gave_up=True),
        )
        assert {(o.status, o.reason) for o in outcomes.values()} == {
            (Status.PENDING, Reason.WAITS_FOR_WAVE)
        }
        assert failovers(replicating) == []

    def test_a_machine_whose_completion_waits_is_checked_meanwhile(
        self, quiet_fleet: Fleet
    ) -> None:
        quiet_fleet.drive({"web-01": Phase.FAILED_OVER})
        quiet_fleet.checks["web-01"] = [{"running": {"within": "20m"}}]
        before = len(quiet_fleet.accepted("web-01"))

        outcome = quiet_fleet.drive(
            {"web-01": Phase.MIGRATED},
            guarding=self.after(quiet_fleet, Phase.MIGRATED, gave_up=True),
        )["web-01"]

        assert (outcome.status, outcome.reason) == (Status.PENDING, Reason.WAITS_FOR_WAVE)
        assert outcome.checks is not None
        assert list(outcome.checks.messages) == ["1 running within 20m"]
        assert len(quiet_fleet.accepted("web-01")) == before

    def test_one_that_stays_behind_blocks(self, replicating: Fleet) -> None:
        outcomes = replicating.drive(
            dict.fromkeys(("web-01", "web-02"), Phase.FAILED_OVER),
            guarding=self.after(replicating, Phase.PROTECTED),
        )
        assert {(o.status, o.reason) for o in outcomes.values()} == {
            (Status.BLOCKED, Reason.WAVE_STAYS_BEHIND)
        }


class TestTheNumberOfFailovers:
    def test_no_more_fail_over_than_one_run_may(self, replicating: Fleet) -> None:
        budget = Budget(2, "convergence.maxFailoversPerUp")
        outcomes = replicating.drive(Phase.FAILED_OVER, guarding=Guarding(budgets=(budget,)))
        left = [o for o in outcomes.values() if o.status is not Status.SATISFIED]
        assert [o.reason for o in left] == [Reason.TOO_MANY_FAILOVERS]
        assert len(failovers(replicating)) == 2

    def test_a_request_that_got_no_reply_counts_once(self, replicating: Fleet) -> None:
        failover = "ReplicationProtectedItems_UnplannedFailover"
        replicating.fault(operation=failover, drop="before", times=2)
        budget = Budget(3, "convergence.maxFailoversPerUp")
        outcomes = replicating.drive(Phase.FAILED_OVER, guarding=Guarding(budgets=(budget,)))
        assert {outcome.status for outcome in outcomes.values()} == {Status.SATISFIED}


class TestTheRpo:
    @pytest.mark.parametrize(("fresh", "status"), [(True, "satisfied"), (False, "blocked")])
    def test_is_looked_at_when_the_failover_would_begin(
        self, quiet_fleet: Fleet, *, fresh: bool, status: str
    ) -> None:
        quiet_fleet.drive({"web-01": Phase.PROTECTED})
        limit = timedelta(minutes=1)
        while (rpo_of(quiet_fleet) <= limit) is not fresh:
            quiet_fleet.site.pass_time(minutes=1)
        guards = Guards(max_rpo_minutes=1)
        outcomes = quiet_fleet.drive({"web-01": Phase.FAILED_OVER}, guarding=Guarding(guards))
        assert outcomes["web-01"].status == status
        assert outcomes["web-01"].reason == (None if fresh else Reason.RPO_TOO_LARGE)
        assert failovers(quiet_fleet) == (["web-01"] if fresh else [])


@copied
def fenced_fleet(experience: Classic) -> Fleet:
    """A machine that failed over behind its fence. The tags of its cutover stay on its source."""
    fleet = protected_fleet(experience)
    del fleet.machines["db-01"]
    assert fleet.drive(Phase.FAILED_OVER)["web-01"].status is Status.SATISFIED
    return fleet


class TestAMachineThatWasFenced:
    @pytest.fixture
    def fenced(self, experience: Classic) -> Fleet:
        return fenced_fleet(experience)

    def test_is_completed_after_the_other_wave(self, experience: Classic) -> None:
        fleet = protected_fleet(experience)
        only: dict[str, Phase | None] = {"web-01": Phase.FAILED_OVER}
        assert fleet.drive(only)["web-01"].status is Status.SATISFIED

        outcome = fleet.drive(
            {"web-01": Phase.MIGRATED},
            guarding=TestTheOrderOfWaves.after(fleet, Phase.MIGRATED, gave_up=True),
        )["web-01"]

        assert (outcome.status, outcome.reason) == (Status.PENDING, Reason.WAITS_FOR_WAVE)
        assert outcome.observed.stage is Stage.FAILED_OVER
        assert is_out_of_the_way(fleet, "web-01")

    @pytest.mark.parametrize("by_itself", [False, True])
    def test_is_not_completed_without_an_approval(self, fenced: Fleet, *, by_itself: bool) -> None:
        if by_itself:
            fenced.after_failover = AfterFailover(after=HOUR, do=Decision.COMPLETE)
            fenced.site.pass_time(hours=2)
        phase = Phase.FAILED_OVER if by_itself else Phase.MIGRATED

        outcome = fenced.drive(phase, guarding=Guarding(Guards(require_approval=True)))["web-01"]

        assert (outcome.status, outcome.reason) == (Status.BLOCKED, Reason.NOT_APPROVED)
        assert outcome.observed.stage is Stage.FAILED_OVER
        assert is_out_of_the_way(fenced, "web-01")

    def test_is_completed_with_one(self, fenced: Fleet) -> None:
        approval = Approval.model_validate({"by": "ada", "ticket": "CHG-1", "for": "migrated"})
        guards = Guards(approval=approval, require_approval=True)
        outcome = fenced.drive(Phase.MIGRATED, guarding=Guarding(guards))["web-01"]
        assert outcome.status is Status.SATISFIED


class TestACutoverThatAKilledRunBegan:
    @pytest.fixture
    def begun(self, experience: Classic) -> Fleet:
        fleet = protected_fleet(experience)
        del fleet.machines["db-01"]
        begin_and_kill(fleet, "web-01")
        return fleet

    def test_goes_on_when_its_window_is_closed(self, begun: Fleet) -> None:
        guards = window(begun, 20 * HOUR, 21 * HOUR)
        outcome = begun.drive(Phase.FAILED_OVER, guarding=Guarding(guards))["web-01"]
        assert outcome.status is Status.SATISFIED
        assert is_out_of_the_way(begun, "web-01")

    def test_is_taken_back_when_its_approval_is_withdrawn(self, begun: Fleet) -> None:
        guards = Guards(require_approval=True)
        outcome = begun.drive(Phase.FAILED_OVER, guarding=Guarding(guards))["web-01"]
        assert outcome.reason is Reason.NOT_APPROVED
        assert "Its source serves as before" in outcome.message
        assert serves_as_before(begun, "web-01")
        assert FAILOVER not in begun.accepted("web-01")


def rpo_of(fleet: Fleet) -> timedelta:
    [item] = fleet.snapshot().items
    assert item.rpo is not None
    return item.rpo
