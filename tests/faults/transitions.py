"""The steps of a migration that the campaign disturbs, and the states in which they begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.declared.cutover import Commands, Cutover, Mode, Quiesce
from site_recovery.phases import Phase
from site_recovery.recovery_plan import Group, Plan

FIRST, SECOND = "db-01", "web-01"
MACHINES = (FIRST, SECOND)
_LARGER = {"vm_size": "Standard_D8s_v5"}

Desired = dict[str, Phase | None]


@dataclass(frozen=True)
class State:
    """What a stack declares of the two machines.

    Attributes:
        desired: the phase of each machine; None for a machine that left the config.
        targets: the declared target by machine.
        groups: the groups of the recovery plan, for waves that have one.
        rolls_back: whether their failovers are to be taken back.
    """

    desired: Desired
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: tuple[Group, ...] = (Group((FIRST,)), Group((SECOND,)))
    rolls_back: bool = False

    def plan(self, stack: str, before: State | None) -> PlanOrder:
        """The declared plan, and the one that was declared before."""
        was = Plan(f"{stack}-shop", before.groups) if before is not None else None
        return PlanOrder(Plan(f"{stack}-shop", self.groups), was)


@dataclass(frozen=True)
class Transition:
    """One step.

    Attributes:
        name: its name in plans.
        path: the states that lead up to it; empty if it begins with machines that are unknown.
        goal: the state that is declared then.
        modes: `solo`, `plan` or both: whether the machines fail over through a recovery plan.
        cutovers: how each machine fails over; as the portal does it if there are none.
        broken_off: declared after the path; the driver is killed when it has stopped the first source.
    """

    name: str
    path: tuple[State, ...]
    goal: State
    modes: tuple[str, ...] = ("solo", "plan")
    cutovers: Mapping[str, Cutover] = field(default_factory=dict)
    broken_off: State | None = None


def _both(phase: Phase | None) -> State:
    return State(dict.fromkeys(MACHINES, phase))


_PROTECTED = _both(Phase.PROTECTED)
_TESTED = _both(Phase.TEST_FAILOVER)
_FAILED_OVER = _both(Phase.FAILED_OVER)
_MIGRATED = _both(Phase.MIGRATED)
_LEFT = State({FIRST: Phase.PROTECTED, SECOND: None}, groups=(Group((FIRST,)),))

_LOSSLESS = {
    FIRST: Cutover(
        mode=Mode.LOSSLESS,
        quiesce=Quiesce(
            ssm=Commands(windows=["Stop-Service W3SVC"], linux=["systemctl stop nginx"]),
            resume=Commands(windows=["Start-Service W3SVC"], linux=["systemctl start nginx"]),
        ),
    ),
    # Its clients write until the fence stops them.
    SECOND: Cutover(mode=Mode.LOSSLESS),
}

TRANSITIONS = (
    Transition("protect", (), _PROTECTED),
    Transition("protect-and-migrate", (), _MIGRATED),
    Transition("stay-protected", (_PROTECTED,), _PROTECTED),
    Transition("update", (_PROTECTED,), replace(_PROTECTED, targets={SECOND: _LARGER})),
    Transition("test", (_PROTECTED,), _TESTED),
    Transition("fail-over", (_PROTECTED,), _FAILED_OVER),
    Transition("migrate", (_PROTECTED,), _MIGRATED),
    Transition("leave", (_PROTECTED,), _LEFT),
    Transition("leave-all", (_PROTECTED,), _both(None), modes=("solo",)),
    Transition(
        "regroup",
        (_PROTECTED,),
        replace(_FAILED_OVER, groups=(Group((SECOND,)), Group((FIRST,)))),
        modes=("plan",),
    ),
    Transition("clean-up", (_PROTECTED, _TESTED), _PROTECTED),
    Transition("retest-one", (_PROTECTED, _TESTED), replace(_TESTED, targets={SECOND: _LARGER})),
    Transition(
        "retest-all",
        (_PROTECTED, _TESTED),
        replace(_TESTED, targets=dict.fromkeys(MACHINES, _LARGER)),
    ),
    Transition("leave-tested", (_PROTECTED, _TESTED), _both(None), modes=("solo",)),
    Transition("fail-over-tested", (_PROTECTED, _TESTED), _FAILED_OVER),
    Transition("complete", (_PROTECTED, _FAILED_OVER), _MIGRATED),
    Transition("stay-migrated", (_PROTECTED, _FAILED_OVER, _MIGRATED), _MIGRATED),
    Transition("cut-over", (_PROTECTED,), _FAILED_OVER, cutovers=_LOSSLESS),
    Transition("give-back", (_PROTECTED,), _PROTECTED, ("solo",), _LOSSLESS, _FAILED_OVER),
    Transition("go-on", (_PROTECTED,), _FAILED_OVER, ("solo",), _LOSSLESS, _FAILED_OVER),
    Transition("complete-fenced", (_PROTECTED, _FAILED_OVER), _MIGRATED, ("solo",), _LOSSLESS),
    Transition(
        "take-back",
        (_PROTECTED, _FAILED_OVER),
        replace(_PROTECTED, rolls_back=True),
        ("solo",),
        _LOSSLESS,
    ),
)
BY_NAME = {transition.name: transition for transition in TRANSITIONS}
