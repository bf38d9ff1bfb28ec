"""How long the steps of a cutover before its failover usually take, as a preview tells them.

How long the failover itself takes, the jobs of the vault tell; see `usual_durations`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.usual_durations import in_words


class Step(Enum):
    """A step of a cutover, in words."""

    QUIESCE = "stop its application"
    FENCE = "fence it"
    PROVE = "prove that no connection is left and flush its disks"
    POINT = "wait for a later recovery point"
    STOP = "stop it"


@dataclass(frozen=True)
class Usual:
    """How long a step usually takes, and who says so."""

    takes: timedelta
    source: str


USUAL = {
    Step.FENCE: Usual(
        timedelta(seconds=5), "our estimate: one call of EC2 for each network interface"
    ),
    Step.PROVE: Usual(
        timedelta(seconds=30),
        "our estimate: two commands through Systems Manager, one that ends connections and one "
        "that finds none",
    ),
    Step.POINT: Usual(
        timedelta(minutes=5),
        "Site Recovery's guide: a crash-consistent point every 5 minutes. If the RPO of the wave "
        "is longer, as the vault shows it, that",
    ),
    Step.STOP: Usual(
        timedelta(minutes=1), "our estimate: the shutdown of the operating system; EC2 tells none"
    ),
}
"""The steps whose duration nothing declares."""

_STEPS = {
    Mode.LOSSLESS: (Step.QUIESCE, Step.FENCE, Step.PROVE, Step.POINT, Step.STOP),
    Mode.STOP_FIRST: (Step.QUIESCE, Step.FENCE, Step.POINT, Step.STOP),
    Mode.LATEST: (),
}
_RISK = {Mode.STOP_FIRST: "what its clients still write behind the fence may be lost"}


@dataclass(frozen=True)
class _Timed:
    """A step with its duration, which is the most if `most` is set."""

    step: Step
    takes: timedelta
    most: bool = False

    def __str__(self) -> str:
        return f"{self.step.value} ({'at most ' if self.most else ''}{in_words(self.takes)})"


def told(declared: Cutover, rpo: timedelta | None, failover: timedelta | None) -> str:
    """The steps until the machine is in Azure with their durations, in words.

    Args:
        declared: what the config says.
        rpo: the longest RPO of the wave; None if the vault shows none.
        failover: how long the failover usually takes; None if nobody knows.
    """
    steps = ", ".join((*map(str, _timed(declared, rpo)), f"fail over ({in_words(failover)})"))
    return "; ".join(filter(None, (steps, _RISK.get(declared.mode, ""))))


def down(declared: Cutover, rpo: timedelta | None) -> timedelta:
    """How long a machine serves nobody before its failover begins, from its fence on.

    Args:
        declared: what the config says.
        rpo: the longest RPO of the wave; None if the vault shows none.
    """
    timed = _timed(declared, rpo)
    return sum((each.takes for each in timed if each.step is not Step.QUIESCE), timedelta())


def _timed(declared: Cutover, rpo: timedelta | None) -> Iterator[_Timed]:
    for step in _STEPS[declared.mode]:
        if step is Step.QUIESCE:
            if declared.quiesce is not None:
                yield _Timed(step, declared.quiesce.timeout, most=True)
        elif step is Step.POINT and declared.consistency == "application":
            yield _Timed(step, declared.recovery_point_wait, most=True)
        elif step is Step.POINT:
            yield _Timed(step, max(USUAL[step].takes, rpo or timedelta()))
        else:
            yield _Timed(step, USUAL[step].takes)
