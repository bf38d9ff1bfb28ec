"""Runs a transition undisturbed, and once more from each of its calls with each kind of fault.

The undisturbed run forks at each call: the copy meets the fault and goes on, the original waits
for it and goes on without. So every plan has a world of its own, and no run is repeated up to the
call that a fault meets.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import os
import random
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from emulator.kernel.wire import Response
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.errors import MigrationError
from site_recovery.observation import Stage
from tests.convergence.fleet import Fleet
from tests.emulator.recovery_services.site_recovery_support import BOTH, linux, windows
from tests.faults import oracle
from tests.faults.kinds import KINDS, Kind
from tests.faults.oracle import Facts, Run
from tests.faults.transitions import State, Transition
from tests.faults.wire import Call, Killed, Wire, stable

_MOST_RUNS = 6
_SECONDS = 60
"""The most seconds that a plan may take; a plan that takes longer hangs."""


@dataclass(frozen=True)
class Scene:
    """A transition in one of its settings.

    Attributes:
        seed: of the emulator; it determines how long everything takes.
        experience: classic or modernized.
        mode: `solo` or `plan`.
        transition: the step.
    """

    seed: int
    experience: str
    mode: str
    transition: Transition

    def __str__(self) -> str:
        return f"{self.seed}/{self.experience}/{self.mode}/{self.transition.name}"


@dataclass(frozen=True)
class Result:
    """A plan and what does not hold of it."""

    plan: str
    kind: str
    experience: str
    violations: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """Which plans of a scene are run.

    Attributes:
        reads: the share of the faults that meet reads, from 0 to 1.
        changes: the share of the faults that meet changes, from 0 to 1.
        kind: only faults of this kind; None for all.
        operation: only at calls of this operation; empty for all.
        number: only at the call with this number, in one plan; None for all.
        trace: called with a line about everything that happens in the plan; for one plan only.
    """

    reads: float = 1.0
    changes: float = 1.0
    kind: Kind | None = None
    operation: str = ""
    number: int | None = None
    trace: Callable[[str], None] | None = None

    def of(self, scene: Scene, call: Call, kind: Kind) -> bool:
        """Whether the fault is run at a call. What is drawn depends on the plan only."""
        if self.kind not in (None, kind) or self.number not in (None, call.number):
            return False
        if self.operation not in ("", call.operation):
            return False
        drawn = random.Random(f"{scene}/{call.number}/{kind.name}").random()
        return drawn < (self.changes if call.changes else self.reads)


def explore(scene: Scene, choice: Choice) -> list[Result]:
    """Run the plans of a scene."""
    # What is here stays as it is, so that the copies do not touch, and copy, its memory.
    gc.collect()
    gc.freeze()
    try:
        explorer = _Explorer(scene, choice)
        undisturbed = explorer.play()
    finally:
        gc.unfreeze()
    if not undisturbed.runs[0].satisfied:
        raise AssertionError(f"{scene} without a fault: {undisturbed.runs[0]}")
    return [
        Result(
            f"{scene}/{call.number}/{kind.slug}",
            kind.name,
            scene.experience,
            tuple(
                [facts]
                if isinstance(facts, str)
                else oracle.violations(kind, call.operation, facts, undisturbed)
            ),
        )
        for call, kind, facts in explorer.found
    ]


class _Explorer:
    def __init__(self, scene: Scene, choice: Choice) -> None:
        self._scene = scene
        self._choice = choice
        self._goal = scene.transition.goal
        experience = next(each for each in BOTH if each.name == scene.experience)
        self._fleet = Fleet([windows(1), linux(1)], experience=experience, seed=scene.seed)
        self._wire = Wire(self._fleet.site.world)
        self._fleet.carrier = self._wire.transport
        self._wire.meet = self._look
        self._before: State | None = None
        for state in scene.transition.path:
            self._declare(state)
            outcomes = self._fleet.drive(state.desired, plan=self._plan(state))
            assert {each.status for each in outcomes.values()} == {Status.SATISFIED}, outcomes
            self._before = state
        self._declare(self._goal)
        self._changes = len(self._fleet.site.world.audited())
        self._others: list[asyncio.Task[Any]] = []
        self._seen: set[tuple[str, str, int]] = set()
        self._report: int | None = None
        self.found: list[tuple[Call, Kind, Facts | str]] = []

    def play(self) -> Facts:
        """Drive to the goal until nothing changes any more; in a copy, report and end."""
        self._wire.number = 0
        self._wire.meet = self._fork_here
        self._wire.start_another = self._start_another
        try:
            facts = self._facts()
        except BaseException:
            if self._report is None:
                raise
            self._end(traceback.format_exc())
        if self._report is not None:
            self._end(dataclasses.asdict(facts))
        return facts

    # -- runs ----------------------------------------------------------------------------------

    def _facts(self) -> Facts:
        runs = [self._run()]
        self._wire.meet = self._wire.pass_on
        while len(runs) < _MOST_RUNS:
            runs.append(self._run())
            if runs[-1].satisfied and not runs[-1].accepted:
                break
        accepted = oracle.accepted_since(self._fleet, self._changes)
        return Facts(runs, accepted, oracle.end_state(self._fleet))

    def _run(self) -> Run:
        fleet, run = self._fleet, Run()
        before = len(fleet.site.world.audited())
        self._wire.revive()
        try:
            outcomes = asyncio.run(self._driving())
        except Killed:
            pass
        except MigrationError as error:
            run.error = str(error)
        else:
            run.outcomes = {n: (str(o.status), o.message) for n, o in outcomes.items()}
            fleet.migrated |= {n for n, o in outcomes.items() if o.observed.stage is Stage.MIGRATED}
        run.accepted = len(fleet.site.world.audited()) - before
        self._trace(f"-- run: {run}")
        return run

    async def _driving(self) -> dict[str, Outcome]:
        outcomes = await self._drive("dev")
        await asyncio.gather(*self._others, return_exceptions=True)
        self._others.clear()
        return outcomes

    async def _drive(self, stack: str) -> dict[str, Outcome]:
        return await self._fleet.driving(
            self._goal.desired, plan=self._plan(self._goal, stack), stack=stack
        )

    def _start_another(self) -> None:
        self._others.append(asyncio.get_running_loop().create_task(self._drive("other")))

    def _declare(self, state: State) -> None:
        self._fleet.targets = state.targets

    def _plan(self, state: State, stack: str = "dev") -> Any:
        return state.plan(stack, self._before) if self._scene.mode == "plan" else None

    def _trace(self, line: str) -> None:
        if self._report is not None and self._choice.trace is not None:
            self._choice.trace(line)

    def _begin_trace(self, call: Call, kind: Kind) -> None:
        self._trace(f"-- {call.number} {call.operation}: {kind.name}")
        self._wire.trace = lambda later, answer: self._trace(
            f"{later.number} {self._fleet.site.world.now:%H:%M:%S} {later.request.method} "
            f"{later.request.path.rpartition('/providers/')[2]}: "
            f"{'no answer' if answer.dropped else answer.status}"
        )
        self._fleet.reporter.watch = lambda text: self._trace(f"   {text}")

    # -- calls ---------------------------------------------------------------------------------

    def _look(self, call: Call) -> Response:
        answer = self._wire.pass_on(call)
        if call.lists:
            self._wire.remember(call)
        return answer

    def _fork_here(self, call: Call) -> Response:
        """Fork for every fault that can meet this call."""
        if not call.changes:
            self._look(call)
            place = (call.url, stable(call.answer), len(self._fleet.site.world.audited()))
            if place in self._seen and self._choice.number is None:
                return self._wire.pass_on(call)
            self._seen.add(place)
        for kind in KINDS:
            if (
                self._choice.of(self._scene, call, kind)
                and kind.meets(self._wire, call)
                and self._fork(call, kind)
            ):
                self._wire.meet = self._wire.pass_on
                if self._choice.trace is not None:
                    self._begin_trace(call, kind)
                return kind.act(self._wire, call)
        return self._wire.pass_on(call)

    def _fork(self, call: Call, kind: Kind) -> bool:
        """Make a copy of this process. True in the copy; the original waits for its report."""
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            self._report = writing
            gc.disable()
            signal.alarm(_SECONDS)
            # asyncio takes a loop for that of another process after a fork.
            asyncio._set_running_loop(loop)
            return True
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            report = pipe.read()
        _, status = os.waitpid(child, 0)
        self.found.append((call, kind, _facts_of(report, status)))
        return False

    def _end(self, report: Any) -> NoReturn:
        assert self._report is not None
        with os.fdopen(self._report, "wb") as pipe:
            pipe.write(json.dumps(report).encode())
        os._exit(0)


def _facts_of(report: bytes, status: int) -> Facts | str:
    """What a copy reported, or why it could not."""
    if not report:
        signalled = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
        return f"it takes more than {_SECONDS} seconds" if signalled else "it ended without a word"
    content = json.loads(report)
    if isinstance(content, str):
        return f"an error that nobody foresaw: {content}"
    return Facts(
        [Run(**run) for run in content["runs"]],
        [(subject, operation) for subject, operation in content["accepted"]],
        content["end"],
    )
