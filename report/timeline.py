"""The timeline of the page: what ran on each machine, as bars."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from report import words
from report.model import Report, Wave
from report.operations import FAILED, INITIAL_REPLICATION, RUNNING, Run
from site_recovery.operations import Operation

_LEAST = timedelta(minutes=1)
_CUT_PERCENT = 0.8
"""How much of the timeline a time takes in which nothing ran."""
_CUTS_MAX = 20
_CUT_FROM = 0.01
"""The share of the whole time from which a time without anything is cut."""
_TICK_PERCENT = 18
"""The least distance between two times that are written on the axis."""

KINDS: Mapping[str, str] = {
    str(Operation.DISCOVER): "discover",
    str(Operation.ENABLE_PROTECTION): "enable",
    INITIAL_REPLICATION: "copy",
    str(Operation.UPDATE_TARGET): "update",
    str(Operation.TEST_FAILOVER): "test",
    str(Operation.TEST_FAILOVER_CLEANUP): "cleanup",
    str(Operation.UNPLANNED_FAILOVER): "failover",
    str(Operation.COMPLETE_MIGRATION): "complete",
    str(Operation.DISABLE_PROTECTION): "disable",
}
"""The style of an operation's bar; any other has that of an update."""


@dataclass(frozen=True)
class Bar:
    """A bar; `left` and `width` are percentages of the timeline."""

    left: float
    width: float
    kind: str
    text: str


@dataclass(frozen=True)
class Line:
    """A line of the timeline: a machine or a recovery plan, with its bars.

    Attributes:
        index: of the machine among all machines; None for a recovery plan.
    """

    name: str
    index: int | None
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Timeline:
    """The timeline of a report. Places on it are percentages of its length.

    Attributes:
        ticks: places and the times there.
        cuts: where long times without anything are cut out.
        lines: by the name of the wave.
    """

    begin: datetime
    end: datetime
    ticks: tuple[tuple[float, str], ...]
    cuts: tuple[tuple[float, float], ...]
    lines: Mapping[str, Sequence[Line]]


class Scale:
    """Where times stand on a timeline from which the long pauses are cut.

    Args:
        busy: the times in which something ran; at least one.
    """

    def __init__(self, busy: Iterable[tuple[datetime, datetime]]) -> None:
        merged: list[tuple[datetime, datetime]] = []
        for begin, end in sorted(busy):
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((begin, end))
        self.begin = merged[0][0]
        self.end = max(merged[-1][1], self.begin + _LEAST)
        pauses = [(before[1], after[0]) for before, after in itertools.pairwise(merged)]
        long = [p for p in pauses if p[1] - p[0] > _CUT_FROM * (self.end - self.begin)]
        long = sorted(long, key=lambda pause: pause[0] - pause[1])[:_CUTS_MAX]
        self._pauses = sorted(long)
        begins = [self.begin, *(pause[1] for pause in self._pauses)]
        ends = [*(pause[0] for pause in self._pauses), self.end]
        kept = sum((e - b for b, e in zip(begins, ends, strict=True)), timedelta(0))
        left = 100.0 - _CUT_PERCENT * len(self._pauses)
        self._begins, self._starts = begins, [0.0]
        self._per = left / max(kept, _LEAST).total_seconds()
        for b, e in zip(begins, ends, strict=True):
            width = (e - b).total_seconds() * self._per
            self._starts.append(self._starts[-1] + width + _CUT_PERCENT)
        self.parts = tuple(begins)
        self.cuts = tuple(
            (start - _CUT_PERCENT, start) for start in self._starts[1 : len(self._pauses) + 1]
        )

    def at(self, time: datetime) -> float:
        """The place of a time in percent."""
        part = max(0, bisect_right(self._begins, time) - 1)
        place = self._starts[part] + (time - self._begins[part]).total_seconds() * self._per
        # In a pause nothing has a place of its own.
        return min(max(place, 0.0), self._starts[part + 1] - _CUT_PERCENT, 100.0)

    def time(self, place: float) -> datetime:
        """The time at a place."""
        part = min(bisect_right(self._starts, place), len(self._begins)) - 1
        return self._begins[part] + timedelta(seconds=(place - self._starts[part]) / self._per)


def timeline(report: Report) -> Timeline | None:
    """The timeline of everything that ran; None if nothing did."""
    now = report.time
    if now is None or not report.runs:
        return None
    scale = Scale((run.started, max(run.ended or now, run.started)) for run in report.runs)
    index = {machine.name: number for number, machine in enumerate(report.machines)}
    lines = {wave.name: tuple(_lines(wave, scale, now, index)) for wave in report.waves}
    return Timeline(scale.begin, scale.end, tuple(_ticks(scale)), scale.cuts, lines)


def _ticks(scale: Scale) -> Iterator[tuple[float, str]]:
    """Times on the axis: the beginning of each part, and within a long one."""
    wanted = sorted({scale.at(part) for part in scale.parts} | set(range(0, 100, 20)))
    cut = [left for left, _ in scale.cuts]
    last = -float(_TICK_PERCENT)
    starts = {scale.at(part) for part in scale.parts}
    for place in wanted:
        inside = any(left <= place < left + _CUT_PERCENT for left in cut)
        near = any(0 < start - place < _TICK_PERCENT for start in starts)
        if place - last < _TICK_PERCENT or (place not in starts and (inside or near)):
            continue
        last = place
        yield place, words.moment(scale.time(place))


def _lines(wave: Wave, scale: Scale, now: datetime, index: Mapping[str, int]) -> Iterator[Line]:
    by: dict[str, list[Run]] = {machine.name: [] for machine in wave.machines}
    plan = [run for run in wave.runs if run.plan]
    for run in wave.runs:
        if run.machine:
            by[run.machine].append(run)
    if plan:
        yield Line(f"plan {wave.plan}", None, tuple(_bar(run, scale, now) for run in plan))
    for name, runs in by.items():
        yield Line(name, index[name], tuple(_bar(run, scale, now) for run in runs))


def _bar(run: Run, scale: Scale, now: datetime) -> Bar:
    kind = KINDS.get(run.operation, "update")
    if run.state in (FAILED, RUNNING):
        kind += f" {run.state}"
    text = f"{run.operation} {run.state}: {words.moment(run.started)}, {words.span(run.took(now))}"
    if run.error:
        text += f". {run.error}"
    left = scale.at(run.started)
    right = scale.at(run.started + run.took(now))
    return Bar(left, max(right - left, 0.0), kind, text)
