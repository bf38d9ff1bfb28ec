"""The faults that once broke a promise, each at every call of the kind that it met then."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import pytest

from site_recovery import cutover
from site_recovery.convergence import rollback
from site_recovery.convergence.cutovers.back import Back
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.single_reads import SingleReads
from site_recovery.convergence.submission import Attempts, Order, Submitter
from site_recovery.cutover_memory import Source
from site_recovery.observation import Observed
from site_recovery.reasons import Reason
from site_recovery.snapshot import RecoveryPoint, Snapshot
from tests.faults import campaign, oracle
from tests.faults.campaign import Choice, Result, Scene
from tests.faults.kinds import BY_SLUG, ITEMS, PLANS
from tests.faults.oracle import Facts, Met, Run
from tests.faults.transitions import BY_NAME
from tests.faults.wire import AWS

DISCOVER = "ReplicationProtectionContainers_DiscoverProtectableItem"
LOCKS = "ManagementLocks_ListAtResourceGroupLevel"
MACHINES = "VirtualMachines_List"
SIZES = "TargetComputeSizes_ListByReplicationProtectedItems"

BROKEN = [
    # A list that lags behind leads to a second migration, or to a refusal.
    ("solo", "stay-migrated", MACHINES, "list-empty"),
    ("solo", "stay-migrated", f"{ITEMS}List", "other-lists-empty"),
    ("solo", "fail-over", f"{ITEMS}List", "list-as-in-the-beginning"),
    ("solo", "complete", f"{ITEMS}List", "other-lists-empty"),
    ("solo", "leave-tested", f"{ITEMS}List", "list-empty"),
    ("solo", "retest-all", SIZES, "list-empty"),
    # A reply is lost, and the lists lag behind: asked for twice, or given up.
    ("solo", "protect", DISCOVER, "dropped-after-acceptance-lists-lag"),
    ("solo", "update", f"{ITEMS}Update", "dropped-after-acceptance-lists-lag"),
    ("solo", "fail-over", f"{ITEMS}UnplannedFailover", "dropped-after-acceptance-lists-lag"),
    ("solo", "complete", f"{ITEMS}Delete", "dropped-after-acceptance-lists-lag"),
    ("plan", "test", f"{PLANS}TestFailover", "dropped-after-acceptance-lists-lag"),
    ("plan", "clean-up", f"{PLANS}TestFailoverCleanup", "500-after-acceptance-lists-lag"),
    ("plan", "fail-over", f"{PLANS}UnplannedFailover", "500-after-acceptance-lists-lag"),
    # A plan that is there is made again.
    ("plan", "fail-over", f"{PLANS}Get", "read-404-once"),
    # A network that is there stops a machine.
    ("solo", "migrate", "VirtualNetworks_Get", "read-404-once"),
    ("plan", "retest-one", "VirtualNetworks_Get", "read-404-once"),
    # The plan tests all machines although the target of one of them changed.
    ("plan", "retest-one", f"{ITEMS}Update", "driver-killed-after"),
    ("plan", "retest-one", f"{ITEMS}TestFailoverCleanup", "driver-killed-after"),
    # The next driver asks for what its predecessor asked for.
    ("solo", "update", f"{ITEMS}Update", "driver-killed-after-lists-lag"),
    ("solo", "clean-up", f"{ITEMS}TestFailoverCleanup", "driver-killed-after-lists-lag"),
    # A job that ended long ago seems to run, and counts as that of this run.
    ("solo", "retest-all", "ReplicationJobs_Get", "job-behind-its-tasks"),
    # A list that lags behind has a source serve again, and its application stopped twice.
    ("solo", "cut-over", f"{ITEMS}List", "list-empty"),
    # A machine whose failover is taken back counts as migrated, by a list with its former tag.
    ("solo", "take-back", "ReplicationJobs_List", "other-lists-before-their-last-change"),
    # A machine that was seen as discovered is discovered again.
    ("solo", "take-back", f"{ITEMS}List", "other-lists-empty"),
    # A recovery point that the list of points lacks for a while ends a cutover.
    ("solo", "cut-over", LOCKS, "other-lists-empty"),
    # A source that was asked to stop, and seems to run still, is not started again.
    ("solo", "give-back", f"{AWS}tag", "driver-killed-after-aws-lags"),
    ("plan", "cut-over", f"{AWS}look", "aws-instances-shown-late"),
]
WITH_TWO_STACKS = [
    ("solo", transition, f"{ITEMS}{operation}", "a-second-driver")
    for transition, operation in (
        ("protect", "Create"),
        ("update", "Update"),
        ("test", "TestFailover"),
        ("fail-over", "UnplannedFailover"),
        ("complete", "Delete"),
    )
]
SEED = 1


def plans(
    experience: str, mode: str, transition: str, *only: tuple[str, str], seed: int = SEED
) -> list[Result]:
    scene = Scene(seed, experience, mode, BY_NAME[transition])
    return campaign.explore(scene, Choice(only=frozenset(only)))


@cache
def together(experience: str, mode: str, transition: str) -> list[Result]:
    """All plans of a transition that the tests have, from one run of it without a fault."""
    rows = [row for row in BROKEN + WITH_TWO_STACKS if row[:2] == (mode, transition)]
    return plans(experience, mode, transition, *(row[2:] for row in rows))


def assert_it_holds(experience: str, mode: str, transition: str, operation: str, kind: str) -> None:
    found = [
        each for each in together(experience, mode, transition) if each.first == (operation, kind)
    ]
    assert found
    assert {result.plan: result.violations for result in found if result.violations} == {}


@pytest.mark.parametrize("experience", ["classic", "modernized"])
@pytest.mark.parametrize("row", BROKEN, ids="-".join)
def test_it_holds_now(experience: str, row: tuple[str, str, str, str]) -> None:
    if DISCOVER in row and experience == "modernized":
        pytest.skip("modernized has no discovery")
    assert_it_holds(experience, *row)


@pytest.mark.parametrize("row", WITH_TWO_STACKS, ids="-".join)
@pytest.mark.parametrize("experience", ["classic", "modernized"])
def test_two_stacks_that_drive_the_same_machines_change_them_once(
    experience: str, row: tuple[str, str, str, str]
) -> None:
    assert_it_holds(experience, *row)


def test_two_stacks_that_begin_at_the_same_moment_change_machines_once() -> None:
    """They may both ask for a discovery, which changes nothing the second time."""
    found = plans("classic", "plan", "protect", (f"{ITEMS}List", "a-second-driver"), seed=2)
    assert found
    assert {result.plan: result.violations for result in found if result.violations} == {}


def test_the_campaign_sees_a_machine_that_is_taken_for_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def trusting(*_: object) -> bool:
        return True

    monkeypatch.setattr(SingleReads, "confirms_end", trusting)
    found = plans("classic", "solo", "leave-tested", (f"{ITEMS}List", "list-empty"))
    assert any("items web-01" in text for result in found for text in result.violations)


def test_the_campaign_sees_an_operation_that_is_asked_for_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def trusting(
        self: Submitter, attempts: Attempts, order: Order, snapshot: Snapshot
    ) -> bool:
        return await is_due(self, attempts, order, snapshot) or True

    is_due = Submitter._is_due
    monkeypatch.setattr(Submitter, "_is_due", trusting)
    found = plans("classic", "solo", "update", (f"{ITEMS}Update", "driver-killed-after-lists-lag"))
    assert any("was accepted 2 times" in text for result in found for text in result.violations)


def test_the_campaign_sees_a_source_that_serves_beside_its_virtual_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rollback, "_OFF", "running")
    with pytest.raises(AssertionError, match="its source and its virtual machine serve"):
        plans("classic", "solo", "take-back", ("none", "429"))


def test_the_campaign_sees_records_that_a_cutover_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    def first(points: Iterable[RecoveryPoint], *_: object, **__: object) -> RecoveryPoint:
        return min(points, key=lambda point: point.time)

    monkeypatch.setattr(cutover, "point_after", first)
    with pytest.raises(AssertionError, match=r"'records lost': .*[1-9]"):
        plans("classic", "solo", "cut-over", ("none", "429"))


def test_the_campaign_sees_a_source_that_stays_fenced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step fails, and nothing is given back."""

    async def failing(
        self: Back, machine: MachineRun, source: Source, observed: Observed, *why: str
    ) -> None:
        machine.fail(observed, Failure(Reason.QUIESCE_FAILED, "it failed"))

    monkeypatch.setattr(Back, "fail", failing)
    found = plans("classic", "solo", "cut-over", (f"{AWS}fence", "aws-script-fails"))
    said = "web-01: its source does not serve, and the run said: it failed"
    assert any(said in result.violations for result in found)


UPDATE = Scene(SEED, "classic", "solo", BY_NAME["update"])


@pytest.fixture(scope="module")
def pairs() -> list[Result]:
    """Plans of two faults."""
    found = campaign.explore(UPDATE, Choice(reads=0, changes=0.25, pairs=1))
    return [each for each in found if len(each.kinds) == 2]


class TestTwoFaults:
    def test_meet_after_each_other(self, pairs: list[Result]) -> None:
        assert {result.plan: result.violations for result in pairs if result.violations} == {}
        assert len({result.kinds for result in pairs}) > 1
        for result in pairs:
            first, _, second, _ = result.plan.split("/")[4:]
            assert int(first) < int(second)

    def test_meet_again_by_the_name_of_their_plan(self, pairs: list[Result]) -> None:
        first, first_kind, second, second_kind = pairs[-1].plan.split("/")[4:]
        steps = ((int(first), BY_SLUG[first_kind]), (int(second), BY_SLUG[second_kind]))
        assert campaign.explore(UPDATE, Choice(plan=steps)) == [pairs[-1]]

    def test_excuse_what_each_of_them_excuses(self) -> None:
        met = [Met(1, "job-fails", f"{ITEMS}Update", 0), Met(9, "job-fails", f"{ITEMS}Update", 1)]
        accepted = [("web-01", f"{ITEMS}Update")] * 3
        quiet = [Run({"web-01": ("satisfied", "")})] * 3
        undisturbed = Facts(quiet, accepted[:1], {})
        assert oracle.violations(met, Facts(quiet, accepted, {}), undisturbed) == []
        assert oracle.violations(met[:1], Facts(quiet, accepted, {}), undisturbed) == [
            f"web-01: {ITEMS}Update was accepted 3 times, not 1"
        ]
