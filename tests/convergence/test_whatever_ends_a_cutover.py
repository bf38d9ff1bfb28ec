"""Whatever ends a machine before its failover is asked for, its source is given back in the same run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from site_recovery import cutover_memory
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.declared.cutover import Cutover
from site_recovery.fencing import Fencing
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from site_recovery.recovery_plan import Group, Plan
from tests.convergence.fleet import Fleet
from tests.convergence.sources import OWN
from tests.convergence.test_a_cutover_loses_nothing import (
    FAILOVER,
    FENCE,
    begin_and_kill,
    instance,
    is_held,
    protected,
    quiesced,
    serves_as_before,
    sources,
)
from tests.convergence.test_every_cut_of_a_cutover import application_runs

__all__ = ["protected"]

WEB_FIRST = PlanOrder(Plan("dev-all", (Group(("web-01",)), Group(("db-01",)))))
BEFORE = ("sg-machines", OWN.group_id)
HELD = Cutover.model_validate({"mode": "lossless", "onFailure": "hold"})
ERROR = {"errorCode": "150097", "errorMessage": "The disk is not consistent"}
UNAVAILABLE = {"status": 503, "code": "Busy", "message": "later", "times": 500}


def no_such_size(fleet: Fleet) -> None:
    fleet.targets["db-01"] = {"vm_size": "Standard_Nothing_v9"}


def no_sizes(fleet: Fleet) -> None:
    fleet.targets["db-01"] = {"vm_size": "Standard_D8s_v5"}
    fleet.fault(operation="TargetComputeSizes_ListByReplicationProtectedItems", **UNAVAILABLE)


def an_earlier_group_that_fails(fleet: Fleet) -> None:
    fleet.checks["web-01"] = [{"azureRunCommand": {"windows": ["exit 1"], "linux": ["exit 1"]}}]


def a_job_of_somebody_else_that_fails(fleet: Fleet) -> None:
    fleet.fault(operation="TestFailover", match="db-01", job=ERROR)
    item = next(i for i in fleet.snapshot().items if i.friendly_name == "db-01").id
    network = fleet.migration_site.landing_zone.test_network_id
    body = {
        "failoverDirection": "PrimaryToRecovery",
        "networkType": "VmNetworkAsInput",
        "networkId": network,
    }
    asked = fleet.site.call("POST", f"{item}/testFailover", {"properties": body})
    assert asked.status == 202, asked.body


def a_plan_that_cannot_be_kept(fleet: Fleet) -> None:
    fleet.fault(operation="ReplicationRecoveryPlans_Get", **UNAVAILABLE)


ENDS: dict[Callable[[Fleet], None], Reason] = {
    no_such_size: Reason.VM_SIZE_UNSUITABLE,
    no_sizes: Reason.UNAVAILABLE,
    an_earlier_group_that_fails: Reason.PLAN_FAILED,
    a_job_of_somebody_else_that_fails: Reason.JOB_FAILED,
    a_plan_that_cannot_be_kept: Reason.PLAN_FAILED,
}


def drive(fleet: Fleet) -> Outcome:
    return fleet.drive(Phase.FAILED_OVER, plan=WEB_FIRST)["db-01"]


@pytest.mark.parametrize(
    ("end", "reason"), [pytest.param(*each, id=each[0].__name__) for each in ENDS.items()]
)
class TestACutoverThatAKilledRunBegan:
    def test_is_taken_back(
        self, protected: Fleet, end: Callable[[Fleet], None], reason: Reason
    ) -> None:
        begin_and_kill(protected, plan=WEB_FIRST)
        end(protected)

        outcome = drive(protected)

        assert (outcome.status, outcome.reason) == (Status.FAILED, reason), outcome
        assert "Its source serves as before" in outcome.message
        assert ".." not in outcome.message
        assert serves_as_before(protected, "db-01")
        assert FAILOVER not in protected.accepted("db-01")

    def test_or_held_if_its_config_says_so(
        self, protected: Fleet, end: Callable[[Fleet], None], reason: Reason
    ) -> None:
        protected.cutovers["db-01"] = HELD
        begin_and_kill(protected, plan=WEB_FIRST)
        end(protected)

        outcome = drive(protected)

        assert (outcome.status, outcome.reason) == (Status.FAILED, reason), outcome
        assert is_held(protected, outcome)
        assert FAILOVER not in protected.accepted("db-01")


def test_a_cutover_that_begins_anew_in_the_same_run_is_taken_back_with_its_application(
    protected: Fleet,
) -> None:
    """The config changed the target after a run was killed: an update comes first."""
    begin_and_kill(protected)
    protected.targets["db-01"] = {"vm_size": "Standard_D8s_v5"}
    sources(protected).stops = {instance(protected, "db-01"): "running"}

    outcome = protected.drive(Phase.FAILED_OVER)["db-01"]

    assert outcome.reason is Reason.SOURCE_DOES_NOT_STOP
    assert quiesced(protected, "db-01") == 2
    assert serves_as_before(protected, "db-01")
    assert application_runs(protected, "db-01")


@pytest.mark.parametrize("tag", [cutover_memory.BEGAN, cutover_memory.QUIESCED])
@pytest.mark.parametrize("fails", [True, False])
def test_an_interface_that_is_attached_during_a_cutover_is_fenced_and_given_back(
    protected: Fleet, tag: str, *, fails: bool
) -> None:
    plain, own = sources(protected), instance(protected, "db-01")

    def attach(verb: str, which: str) -> None:
        if which == own and verb == "tag" and tag in plain.tagging and not plain.attached:
            plain.attached[own] = {"eni-further": BEFORE}

    plain.after = attach
    if fails:
        plain.stops = {own: "running"}

    outcome = protected.drive(Phase.FAILED_OVER)["db-01"]

    if fails:
        assert outcome.reason is Reason.SOURCE_DOES_NOT_STOP
        assert serves_as_before(protected, "db-01")
    else:
        assert outcome.status is Status.SATISFIED, outcome
    [_, further] = plain.source(own).interfaces
    assert further.groups == (BEFORE if fails else (FENCE,))


class TestGroupsThatSomebodySetMeanwhile:
    """Who isolates a machine, or moves it to other groups, must not find it as it was before."""

    def test_stay_when_the_cutover_gives_up_because_of_them(self, protected: Fleet) -> None:
        plain, own = sources(protected), instance(protected, "db-01")

        def meddle(verb: str, which: str) -> None:
            if which == own and verb == "tag" and cutover_memory.POINT in plain.tagging:
                plain.become(own, security_groups=("sg-isolated",))

        plain.after = meddle
        outcome = protected.drive(Phase.FAILED_OVER)["db-01"]

        assert outcome.reason is Reason.CUTOVER_DISTURBED
        assert f"eni-{own} keeps the security groups that somebody else gave it" in outcome.message
        assert plain.source(own).interfaces[0].groups == ("sg-isolated",)
        assert application_runs(protected, "db-01")

    @pytest.mark.parametrize("fence", [FENCE, "sg-fence-of-an-earlier-stack"])
    def test_stay_when_a_killed_run_was_giving_the_source_back(
        self, protected: Fleet, fence: str
    ) -> None:
        plain, own = sources(protected), instance(protected, "db-01")
        before = plain.source(own).interfaces[0].groups
        plain.attached[own] = {"eni-further": BEFORE}
        begin_and_kill(protected)
        asyncio.run(plain.tag(own, {cutover_memory.RESTORING: "-"}))
        plain.fencing = Fencing(fence)
        plain.attached[own] = {"eni-further": ("sg-isolated",)}

        protected.drive(Phase.PROTECTED)

        [first, further] = plain.source(own).interfaces
        assert (first.groups, further.groups) == (before, ("sg-isolated",))
        assert not [tag for tag in plain.source(own).tags if cutover_memory.is_ours(tag)]
