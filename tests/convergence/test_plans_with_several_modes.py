"""A plan in which one machine is fenced: all fail over by themselves, in the order of its groups."""

from __future__ import annotations

from datetime import timedelta

import pytest

from site_recovery.convergence.guarding import Guarding, OrderedWave
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.outcome import Status
from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.guards import Guards
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from site_recovery.recovery_plan import Group, Plan
from tests.convergence.fleet import PORTALS_WAY, Fleet
from tests.convergence.sources import EstateSources
from tests.convergence.test_a_cutover_loses_nothing import (
    FAILOVER,
    LOSSLESS,
    is_out_of_the_way,
    protected,
)
from tests.convergence.test_hooks_run_around_a_failover import Runner

__all__ = ["protected"]

WEB_FIRST = Plan("dev-all", (Group(("web-01",)), Group(("db-01",))))
DB_FIRST = Plan("dev-all", (Group(("db-01",)), Group(("web-01",))))
TOGETHER = Plan("dev-all", (Group(("db-01", "web-01")),))
MODES = [
    {"web-01": PORTALS_WAY, "db-01": LOSSLESS},
    {"web-01": LOSSLESS, "db-01": PORTALS_WAY},
    {"web-01": LOSSLESS, "db-01": LOSSLESS},
]


@pytest.mark.parametrize("phase", [Phase.FAILED_OVER, Phase.MIGRATED])
@pytest.mark.parametrize("modes", MODES)
@pytest.mark.parametrize("plan", [WEB_FIRST, DB_FIRST, TOGETHER])
def test_none_waits_for_a_later_group(
    protected: Fleet, plan: Plan, modes: dict[str, Cutover], phase: Phase
) -> None:
    protected.cutovers = modes
    outcomes = protected.drive(phase, plan=PlanOrder(plan))

    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}, outcomes
    begun = [e["machine"] for e in protected.site.world.audited() if e["operation"] == FAILOVER]
    order = [machine for group in plan.groups for machine in group.machines]
    assert sorted(begun) == sorted(order)
    assert begun == order or len(plan.groups) == 1
    assert all(is_out_of_the_way(protected, m) for m, its in modes.items() if its is LOSSLESS)


def test_a_machine_with_latest_does_not_go_on_when_an_earlier_group_failed(
    protected: Fleet,
) -> None:
    protected.cutovers = {"web-01": PORTALS_WAY, "db-01": LOSSLESS}
    error = {"errorCode": "150097", "errorMessage": "The disk is not consistent"}
    protected.fault(operation="UnplannedFailover", match="db-01", job=error)
    outcomes = protected.drive(Phase.FAILED_OVER, plan=PlanOrder(DB_FIRST))
    assert outcomes["db-01"].reason is Reason.JOB_FAILED
    assert outcomes["web-01"].reason is Reason.PLAN_FAILED
    assert FAILOVER not in protected.accepted("web-01")
    assert "it fails over after db-01, and that did not succeed" in outcomes["web-01"].message


def test_it_says_for_whom_it_waits(protected: Fleet) -> None:
    at = protected.site.world.clock.now() + timedelta(hours=9)
    protected.cutovers = {
        "web-01": PORTALS_WAY,
        "db-01": LOSSLESS.model_copy(update={"at": at}),
    }
    outcomes = protected.drive(Phase.FAILED_OVER, plan=PlanOrder(DB_FIRST), wait=timedelta(hours=2))
    assert outcomes["web-01"].reason is Reason.WAITS_FOR_PLAN
    assert "it fails over after db-01" in outcomes["web-01"].message


class TestAGroupWhoseCompletionIsHeldBack:
    """A plan does not wait for Complete Migration, so machines that go one by one do not either."""

    @pytest.mark.parametrize("modes", MODES[:2])
    def test_by_a_hook_lets_the_next_one_fail_over(
        self, protected: Fleet, modes: dict[str, Cutover]
    ) -> None:
        protected.cutovers = modes
        protected.hooks["db-01"] = {"beforeCompletion": [{"command": ["./is-approved.sh"]}]}
        protected.runner = runner = Runner(protected)
        runner.wrong = {("db-01", "beforeCompletion 1"): "nobody has approved it"}

        outcomes = protected.drive(Phase.MIGRATED, plan=PlanOrder(DB_FIRST))

        assert outcomes["db-01"].reason is Reason.HOOK_FAILED
        assert outcomes["db-01"].observed.stage is Stage.FAILED_OVER
        assert outcomes["web-01"].status is Status.SATISFIED, outcomes["web-01"].message

    def test_by_another_wave_lets_the_next_one_fail_over(self, replicating: Fleet) -> None:
        """The other wave has failed over, and does not complete in this run."""
        fleet, plan = replicating, Plan("dev-web", (Group(("web-01",)), Group(("web-02",))))
        fleet.sources = EstateSources(fleet.site)
        fleet.drive({"db-01": Phase.FAILED_OVER})
        fleet.cutovers = {"web-01": Cutover(mode=Mode.STOP_FIRST)}
        [data] = fleet.assignments({"db-01": Phase.MIGRATED})
        first = OrderedWave(Phase.MIGRATED, [data.machine])

        outcomes = fleet.drive(
            {"web-01": Phase.MIGRATED, "web-02": Phase.MIGRATED},
            plan=PlanOrder(plan),
            guarding=Guarding(Guards(after=("data",)), {"data": first}, ("data",)),
        )

        assert {(o.reason, o.observed.stage) for o in outcomes.values()} == {
            (Reason.WAITS_FOR_WAVE, Stage.FAILED_OVER)
        }

    def test_by_failing_checks_does_not(self, protected: Fleet) -> None:
        protected.cutovers = MODES[0]
        failing = ["exit 1"]
        protected.checks["db-01"] = [{"azureRunCommand": {"windows": failing, "linux": failing}}]

        outcomes = protected.drive(Phase.MIGRATED, plan=PlanOrder(DB_FIRST))

        assert outcomes["db-01"].reason is Reason.CHECK_FAILED
        assert outcomes["web-01"].reason is Reason.PLAN_FAILED
        assert FAILOVER not in protected.accepted("web-01")
