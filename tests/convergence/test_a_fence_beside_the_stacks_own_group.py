"""The stack's own group may come back beside a fence: a refresh drops what the fence took away.

In these tests the group lets everybody in, so that a source that has it and runs is written to.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from site_recovery import cutover_memory
from site_recovery.convergence.outcome import Status
from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from tests.convergence.cuts import Cut, Strike, is_killed
from tests.convergence.fleet import Fleet
from tests.convergence.sources import OWN, Killed
from tests.convergence.test_a_cutover_loses_nothing import (
    FAILOVER,
    FENCE,
    instance,
    is_out_of_the_way,
    lost,
    protected_fleet,
    serves_as_before,
    sources,
)
from tests.copies import copied
from tests.emulator.recovery_services.site_recovery_support import Classic

MACHINE = "db-01"
BESIDE = (FENCE, OWN.group_id)
PROVEN = ("note the fence", "choose", "note the stop")
"""After these the source runs, and its fence counts as proven."""


@copied
def struck(experience: Classic, last: str) -> Fleet:
    """A machine whose driver was killed after a step, and that has the group beside its fence."""
    fleet = protected_fleet(experience)
    del fleet.machines["web-01"]
    # Without a quiesce, so that its clients write again as soon as something lets them in.
    fleet.cutovers = {MACHINE: Cutover(mode=Mode.LOSSLESS)}
    with Strike(fleet, MACHINE, Cut(last, "killed after")) as strike:
        try:
            fleet.drive(Phase.FAILED_OVER)
        except BaseException as error:
            if not is_killed(error):
                raise
    assert strike.struck
    attach(fleet)
    return fleet


def attach(fleet: Fleet) -> None:
    """Attach the group. What was asked to stop has stopped until then."""
    fleet.site.pass_time(minutes=1)
    groups(fleet)
    sources(fleet).become(instance(fleet, MACHINE), security_groups=BESIDE)
    fleet.site.pass_time(minutes=5)


def groups(fleet: Fleet) -> tuple[str, ...]:
    [interface] = sources(fleet).source(instance(fleet, MACHINE)).interfaces
    return interface.groups


def assert_cut_over(fleet: Fleet) -> None:
    outcome = fleet.drive(Phase.FAILED_OVER)[MACHINE]
    assert outcome.status is Status.SATISFIED, outcome.message
    assert is_out_of_the_way(fleet, MACHINE), "the fence alone"
    assert fleet.accepted(MACHINE).count(FAILOVER) == 1
    assert lost(fleet, MACHINE) == 0


@pytest.mark.parametrize("last", ["fence", *PROVEN, "stop"])
def test_a_cutover_goes_on_behind_the_fence_alone(experience: Classic, last: str) -> None:
    assert_cut_over(struck(experience, last))


@pytest.mark.parametrize("last", PROVEN)
def test_a_source_that_ran_with_it_is_proven_anew_and_loses_nothing(
    experience: Classic, last: str
) -> None:
    fleet = struck(experience, last)
    before = sources(fleet).source(instance(fleet, MACHINE)).memory
    assert before.fenced is not None

    assert_cut_over(fleet)

    after = sources(fleet).source(instance(fleet, MACHINE)).memory
    assert after.fenced is not None
    assert after.fenced - before.fenced >= timedelta(minutes=5)


@pytest.mark.parametrize("verb", ["untag", "groups"])
def test_a_run_that_is_killed_while_it_fences_anew_leaves_the_next_one_the_proof(
    experience: Classic, verb: str
) -> None:
    fleet = struck(experience, "choose")

    def kill(what: str, _: str) -> None:
        if what == verb:
            raise Killed

    sources(fleet).after = kill
    with pytest.raises(Killed):
        fleet.drive(Phase.FAILED_OVER)
    sources(fleet).after = lambda *_: None

    assert_cut_over(fleet)


@pytest.mark.parametrize("last", ["fence", "choose", "stop"])
def test_it_is_given_back_with_the_groups_that_it_had(experience: Classic, last: str) -> None:
    fleet = struck(experience, last)
    fleet.drive(Phase.PROTECTED)
    assert serves_as_before(fleet, MACHINE)
    assert groups(fleet) == fleet.machines[MACHINE].security_groups


def test_the_failover_of_a_source_that_has_it_is_taken_back(experience: Classic) -> None:
    fleet = struck(experience, "stop")
    assert_cut_over(fleet)
    attach(fleet)
    fleet.rolls_back = {MACHINE}

    assert fleet.drive(Phase.PROTECTED)[MACHINE].status is Status.SATISFIED

    assert serves_as_before(fleet, MACHINE)


def test_a_source_that_has_it_is_terminated_when_it_is_due(experience: Classic) -> None:
    fleet = struck(experience, "stop")
    fleet.terminate_after = timedelta(days=14)
    assert fleet.drive(Phase.MIGRATED)[MACHINE].status is Status.SATISFIED
    attach(fleet)
    fleet.site.pass_time(days=15)

    fleet.drive(Phase.MIGRATED)

    assert groups(fleet) == BESIDE, "nothing has to give a stopped source its fence again"
    assert ("terminate", instance(fleet, MACHINE)) in sources(fleet).calls


def test_its_groups_are_not_noted_as_those_that_it_had(experience: Classic) -> None:
    """Somebody removed the tags of its cutover."""
    fleet = struck(experience, "fence")
    tags = sources(fleet).source(instance(fleet, MACHINE)).tags
    asyncio.run(sources(fleet).untag(instance(fleet, MACHINE), list(tags)))

    outcome = fleet.drive(Phase.FAILED_OVER)[MACHINE]

    assert outcome.reason is Reason.CUTOVER_DISTURBED
    assert "its tags do not say which security groups it had" in outcome.message
    assert cutover_memory.BEGAN not in sources(fleet).source(instance(fleet, MACHINE)).tags


def test_a_group_of_somebody_else_beside_it_ends_the_cutover(experience: Classic) -> None:
    fleet = struck(experience, "choose")
    sources(fleet).become(instance(fleet, MACHINE), security_groups=(*BESIDE, "sg-else"))
    outcome = fleet.drive(Phase.FAILED_OVER)[MACHINE]
    assert outcome.reason is Reason.CUTOVER_DISTURBED
    assert serves_as_before(fleet, MACHINE)
