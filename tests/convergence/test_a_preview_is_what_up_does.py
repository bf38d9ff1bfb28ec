"""What a preview names is what a run does: both are compared for generated fleets.

`make fuzz` compares them for many more than the suite does.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from site_recovery.convergence.guarding import Guarding
from site_recovery.convergence.outcome import Status
from site_recovery.convergence.review import MachineReview, review
from site_recovery.declared.guards import Approval, Window
from site_recovery.guards import Guards
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.planning import Rules
from tests.convergence.fleet import LENIENT, STRICT, Fleet
from tests.emulator.recovery_services.site_recovery_support import BOTH, Classic, linux, windows

FLEETS = range(1000 if "FUZZ_EXAMPLES" in os.environ else 40)
_LARGER = {"vm_size": "Standard_D8s_v5"}
_MOVED = {"tags": {"team": "shop"}}


@dataclass(frozen=True)
class Case:
    """A generated fleet.

    Attributes:
        before: the phase in which each machine is; None if nothing was done to it.
        left: how long before the preview the run that took them there was stopped; None if it
            ended.
        desired: the phase that each is declared to be in; None if it left the config.
        targets: the targets that are declared then.
    """

    before: dict[str, Phase | None]
    left: timedelta | None
    desired: dict[str, Phase | None]
    targets: dict[str, dict[str, Any]]
    rules: Rules
    approval: Approval | None
    require_approval: bool
    night: bool


def generated(seed: int, names: list[str]) -> Case:
    """The fleet of a seed."""
    draw = random.Random(seed)
    before = {name: draw.choice([None, *Phase]) for name in names}
    left = draw.choice([None, None, timedelta(minutes=draw.randrange(2, 90))])
    # While protection is being enabled the service does not show the target, so a change of it is
    # not known yet.
    targets: list[dict[str, Any]] = [{}, {}, _LARGER, _MOVED] if left is None else [{}]
    approved = draw.choice([None, "failed-over", "migrated"])
    return Case(
        before=before,
        left=left,
        desired={name: draw.choice([None, *Phase, *list(Phase)[2:]]) for name in names},
        targets={name: draw.choice(targets) for name in names},
        rules=draw.choice([STRICT, LENIENT]),
        approval=Approval.model_validate({"by": "ada", "ticket": "C-1", "for": approved})
        if approved
        else None,
        require_approval=draw.random() < 0.2,
        night=draw.random() < 0.2,
    )


def guards_of(case: Case, fleet: Fleet) -> Guards:
    """The guards of a fleet; its window opens long after the run."""
    now = fleet.site.world.clock.now()
    clocks = [f"{now + timedelta(hours=hours):%H:%M}" for hours in (20, 21)]
    window = Window.model_validate(dict(zip(("from", "to"), clocks, strict=True)))
    return Guards(
        approval=case.approval,
        require_approval=case.require_approval,
        window=window if case.night else None,
    )


def done_to(fleet: Fleet, machine: str, since: int) -> list[Operation]:
    """The operations on a machine that the service accepted after the first ones."""
    kinds = {
        "DiscoverProtectableItem": Operation.DISCOVER,
        "Create": Operation.ENABLE_PROTECTION,
        "Update": Operation.UPDATE_TARGET,
        "TestFailover": Operation.TEST_FAILOVER,
        "TestFailoverCleanup": Operation.TEST_FAILOVER_CLEANUP,
        "UnplannedFailover": Operation.UNPLANNED_FAILOVER,
    }
    found = []
    for entry in fleet.site.world.audited()[since:]:
        if entry.get("machine") == machine:
            kind = entry["operation"].rpartition("_")[2]
            found.append(kinds.get(kind, kind))
    return found


@pytest.mark.parametrize("experience", BOTH, ids=lambda experience: experience.name)
@pytest.mark.parametrize("seed", FLEETS)
def test_a_run_does_what_the_preview_named_and_nothing_else(experience: Classic, seed: int) -> None:
    fleet = Fleet([windows(1), windows(2), linux(1)], experience=experience, seed=seed)
    case = generated(seed, list(fleet.machines))
    begun: dict[str, Phase | None] = {
        name: phase for name, phase in case.before.items() if phase is not None
    }
    if begun:
        fleet.drive(begun, wait=case.left or timedelta(hours=6))
    fleet.targets = case.targets
    guarding = Guarding(guards_of(case, fleet))
    clock = fleet.site.world.clock
    rules = replace(
        case.rules,
        discovers=experience.name == "classic",
        guard=guarding.guard(fleet.snapshot(), clock.now),
    )
    told = review(fleet.assignments(case.desired), fleet.snapshot(), rules)
    since = len(fleet.site.world.audited())

    outcomes = fleet.drive(case.desired, rules=case.rules, guarding=guarding)

    for each in told:
        assert done_to(fleet, each.name, since) == expected(each), (case, each)
        outcome = outcomes[each.name]
        if each.waits:
            # It does not get to what is in the way behind.
            assert (outcome.status, outcome.reason) == (Status.PENDING, each.waits[0].reason)
        elif each.blocked:
            assert (outcome.status, outcome.reason) == (Status.BLOCKED, each.blocked[0].reason)
        else:
            assert outcome.status is Status.SATISFIED, outcome.message
        if not each.has_something:
            assert outcome.observed.stage is each.observed.stage


def expected(told: MachineReview) -> list[Any]:
    """What the service is asked for, by the preview: a held failover is not."""
    operations = list(told.operations)
    if told.waits:
        operations = operations[: operations.index(Operation.UNPLANNED_FAILOVER)]
    removal = (Operation.COMPLETE_MIGRATION, Operation.DISABLE_PROTECTION)
    return ["Delete" if each in removal else each for each in operations]


def test_the_generated_fleets_are_of_all_kinds() -> None:
    cases = [generated(seed, ["web-01", "web-02", "db-01"]) for seed in FLEETS]
    for kinds in (
        {phase for case in cases for phase in case.before.values()},
        {phase for case in cases for phase in case.desired.values()},
    ):
        assert kinds == {None, *Phase}
    assert {case.night for case in cases} == {True, False}
    assert {case.left is None for case in cases} == {True, False}
