"""The faults that once broke a promise, each at every call of the kind that it met then."""

from __future__ import annotations

import pytest

from site_recovery.convergence.single_reads import SingleReads
from site_recovery.convergence.submission import Attempts, Order, Submitter
from site_recovery.snapshot import Snapshot
from tests.faults import campaign
from tests.faults.campaign import Choice, Result, Scene
from tests.faults.kinds import BY_SLUG, ITEMS, PLANS
from tests.faults.transitions import BY_NAME

DISCOVER = "ReplicationProtectionContainers_DiscoverProtectableItem"
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
]
SEED = 1


def plans(
    experience: str, mode: str, transition: str, operation: str, kind: str, seed: int = SEED
) -> list[Result]:
    scene = Scene(seed, experience, mode, BY_NAME[transition])
    return campaign.explore(scene, Choice(kind=BY_SLUG[kind], operation=operation))


@pytest.mark.parametrize("experience", ["classic", "modernized"])
@pytest.mark.parametrize(
    ("mode", "transition", "operation", "kind"), BROKEN, ids=lambda value: str(value)
)
def test_it_holds_now(
    experience: str, mode: str, transition: str, operation: str, kind: str
) -> None:
    if operation == DISCOVER and experience == "modernized":
        pytest.skip("modernized has no discovery")
    found = plans(experience, mode, transition, operation, kind)
    assert found
    assert {result.plan: result.violations for result in found if result.violations} == {}


@pytest.mark.parametrize(
    ("transition", "operation"),
    [
        ("protect", f"{ITEMS}Create"),
        ("update", f"{ITEMS}Update"),
        ("test", f"{ITEMS}TestFailover"),
        ("fail-over", f"{ITEMS}UnplannedFailover"),
        ("complete", f"{ITEMS}Delete"),
    ],
)
@pytest.mark.parametrize("experience", ["classic", "modernized"])
def test_two_stacks_that_drive_the_same_machines_change_them_once(
    experience: str, transition: str, operation: str
) -> None:
    found = plans(experience, "solo", transition, operation, "a-second-driver")
    assert found
    assert {result.plan: result.violations for result in found if result.violations} == {}


def test_two_stacks_that_begin_at_the_same_moment_change_machines_once() -> None:
    """They may both ask for a discovery, which changes nothing the second time."""
    found = plans("classic", "plan", "protect", f"{ITEMS}List", "a-second-driver", seed=2)
    assert found
    assert {result.plan: result.violations for result in found if result.violations} == {}


def test_the_campaign_sees_a_machine_that_is_taken_for_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def trusting(*_: object) -> bool:
        return True

    monkeypatch.setattr(SingleReads, "confirms_end", trusting)
    found = plans("classic", "solo", "leave-tested", f"{ITEMS}List", "list-empty")
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
    found = plans("classic", "solo", "update", f"{ITEMS}Update", "driver-killed-after-lists-lag")
    assert any("was accepted 2 times" in text for result in found for text in result.violations)
