"""Runs a transition undisturbed, and once more from each of its calls with each kind of fault.

The undisturbed run forks at each call: the copy meets the fault and goes on, the original waits
for it and goes on without. So every plan has a world of its own, and no run is repeated up to the
call that a fault meets. Some of the copies fork again at calls that come after, for a second fault.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import hashlib
import json
import os
import signal
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from emulator.kernel.wire import Response
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.errors import MigrationError
from site_recovery.observation import Stage
from tests.convergence.fleet import Fleet
from tests.emulator.recovery_services.site_recovery_support import BOTH, linux, windows
from tests.faults import oracle
from tests.faults.kinds import ITEMS, KINDS, LOOK, Kind
from tests.faults.oracle import Facts, Met, Run
from tests.faults.sides import Sides
from tests.faults.transitions import FIRST, State, Transition
from tests.faults.wire import AWS, Call, Killed, Wire, WiredSources, stable

Found = tuple[tuple[Met, ...], Facts | str]
"""The faults of a plan, and what came of it."""

_MOST_RUNS = 6
_SECOND_CHANGES, _SECOND_READS = 0.035, 0.001
"""The shares of the second faults at changes and reads that a plan with one fault is run again with."""
_BETWEEN_RUNS = 60
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

    @property
    def setting(self) -> str:
        """The scene without its seed."""
        return f"{self.experience}/{self.mode}/{self.transition.name}"

    def __str__(self) -> str:
        return f"{self.seed}/{self.setting}"


@dataclass(frozen=True)
class Result:
    """A plan and what does not hold of it.

    Attributes:
        plan: its name.
        kinds: the names of its faults.
        first: the operation that the first one met, and the slug of its kind.
        experience: classic or modernized.
        violations: what does not hold.
    """

    plan: str
    kinds: tuple[str, ...]
    first: tuple[str, str]
    experience: str
    violations: tuple[str, ...]


Step = tuple[int, Kind]
"""A fault of one plan: the number of the call that it meets, and its kind."""


@dataclass(frozen=True)
class Choice:
    """Which plans of a scene are run.

    Attributes:
        reads: the share of the faults that meet reads, from 0 to 1.
        changes: the share of the faults that meet changes, from 0 to 1. With a third, three seeds in
            a row meet each of them once.
        pairs: the share of the plans that second faults are added to, from 0 to 1.
        only: operations, each with the slug of a kind: only such faults at such calls; empty for all.
        plan: one plan only; empty for all.
        trace: called with a line about everything that happens in the plan; for one plan only.
    """

    reads: float = 1.0
    changes: float = 1.0
    pairs: float = 0.0
    only: frozenset[tuple[str, str]] = frozenset()
    plan: tuple[Step, ...] = ()
    trace: Callable[[str], None] | None = None

    def of(self, scene: Scene, before: Sequence[Met], call: Call, kind: Kind) -> bool:
        """Whether a fault is run at a call. What is drawn depends on the plan only.

        Args:
            scene: the scene.
            before: the faults that the run has met already.
            call: the call.
            kind: the kind of the fault.
        """
        if self.plan:
            return self.plan[len(before)] == (call.number, kind)
        if not before:
            if self.only and (call.operation, kind.slug) not in self.only:
                return False
            if call.changes:
                drawn = _drawn(scene.setting, call.after, kind.slug)
                return (drawn + scene.seed / 3) % 1 < self.changes
            share = self.reads
        else:
            share = _SECOND_CHANGES if call.changes else _SECOND_READS
        return _drawn(_name(scene, before), call.number, kind.slug) < share

    def goes_on(self, scene: Scene, met: Sequence[Met]) -> bool:
        """Whether a run that has met these faults meets another one."""
        if self.plan:
            return len(met) < len(self.plan)
        return len(met) == 1 and _drawn(_name(scene, met), "second") < self.pairs


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
    lost = any(undisturbed.end.get("records lost", {}).values())
    if not undisturbed.runs[0].satisfied or undisturbed.broken or lost:
        raise AssertionError(f"{scene} without a fault: {undisturbed}")
    return [
        Result(
            _name(scene, met),
            tuple(each.kind.name for each in met),
            (met[0].operation, met[0].kind.slug),
            scene.experience,
            tuple(
                [facts] if isinstance(facts, str) else oracle.violations(met, facts, undisturbed)
            ),
        )
        for met, facts in explorer.found
        if len(met) >= len(choice.plan)
    ]


def _name(scene: Scene, met: Iterable[Met]) -> str:
    return "/".join([str(scene), *map(str, met)])


def _drawn(*about: object) -> float:
    """A number from 0 to 1 that depends on nothing else."""
    digest = hashlib.blake2b("/".join(map(str, about)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


class _Explorer:
    def __init__(self, scene: Scene, choice: Choice) -> None:
        self._scene = scene
        self._choice = choice
        self._goal = scene.transition.goal
        self._fleet = _fleet(scene)
        self._wire = Wire(self._fleet.site.world)
        self._fleet.carrier = self._wire.transport
        self._sides: Sides | None = None
        if scene.transition.cutovers:
            self._wire.sources = WiredSources(self._fleet.site, self._wire)
            self._fleet.sources = self._wire.sources
            self._fleet.cutovers = dict(scene.transition.cutovers)
            self._sides = Sides(self._fleet, self._wire.sources)
            self._wire.watch = self._sides.watch
        self._wire.meet = self._look
        self._before: State | None = None
        for state in scene.transition.path:
            self._declare(state)
            outcomes = self._fleet.drive(state.desired, plan=self._plan(state))
            assert {each.status for each in outcomes.values()} == {Status.SATISFIED}, outcomes
            self._before = state
        if scene.transition.broken_off is not None:
            self._break_off(scene.transition.broken_off)
        self._declare(self._goal)
        self._changes = len(self._fleet.site.world.audited())
        self._sent = len(self._wire.sources.sent) if self._wire.sources is not None else 0
        self._others: list[asyncio.Task[Any]] = []
        self._runs: list[Run] = []
        self._seen: set[tuple[str, str, int]] = set()
        self._report: int | None = None
        self._met: tuple[Met, ...] = ()
        self.found: list[Found] = []

    def play(self) -> Facts:
        """Drive to the goal until nothing changes any more; in a copy, report and end."""
        self._wire.number = self._wire.asked = 0
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
        while len(self._runs) < _MOST_RUNS + len(self._met):
            self._run()
            last = self._runs[-1]
            if not self._met:
                self._wire.meet = self._wire.pass_on
            if len(self._runs) > 1 and last.satisfied and not last.accepted:
                break
        accepted = oracle.accepted_since(self._fleet, self._changes, self._sent)
        end = oracle.end_state(self._fleet)
        if self._sides is None:
            return Facts(self._runs, accepted, end)
        return Facts(self._runs, accepted, end | self._sides.end_state(), self._sides.broken)

    def _run(self) -> None:
        fleet, run = self._fleet, Run()
        before = self._number_of_changes()
        self._wire.revive()
        # Those of a driver that was killed ended with it.
        self._others.clear()
        try:
            outcomes = asyncio.run(self._driving())
        except MigrationError as error:
            run.error = str(error)
        except BaseException as error:
            if not _is_killed(error):
                raise
        else:
            run.outcomes = {n: (str(o.status), o.message) for n, o in outcomes.items()}
            fleet.migrated |= {n for n, o in outcomes.items() if o.observed.stage is Stage.MIGRATED}
            # The next run comes later. After a kill it comes at once.
            fleet.site.pass_time(seconds=_BETWEEN_RUNS)
        run.accepted = self._number_of_changes() - before
        if self._sides is not None:
            accepted = oracle.accepted_since(fleet, self._changes, self._sent)
            failed_over = {who for who, what in accepted if what == f"{ITEMS}UnplannedFailover"}
            self._sides.after_run(run.outcomes, failed_over)
        self._runs.append(run)
        self._trace(f"-- run: {run}")

    def _number_of_changes(self) -> int:
        of_aws = len(self._fleet.sources.calls) if self._fleet.sources is not None else 0
        return len(self._fleet.site.world.audited()) + of_aws

    def _break_off(self, state: State) -> None:
        """Drive to a state, and kill the driver when it has asked the first source to stop."""

        def kill(call: Call) -> Response:
            answer = self._look(call)
            if call.operation == f"{AWS}stop":
                self._wire.kill()
            return answer

        self._declare(state)
        self._wire.meet = kill
        try:
            self._fleet.drive(state.desired, plan=self._plan(state))
        except BaseException as error:
            if not _is_killed(error):
                raise
        self._before = state

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
        another = asyncio.get_running_loop().create_task(self._drive("other"))
        # Nobody waits for one that is killed together with the first.
        another.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._others.append(another)

    def _declare(self, state: State) -> None:
        self._fleet.targets = state.targets
        self._fleet.rolls_back = set(self._fleet.machines) if state.rolls_back else set()

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
        if call.disturbed:
            return answer
        if call.operation == LOOK:
            self._wire.remember_sources(answer.body["returned"])
        if call.lists:
            self._wire.remember(call)
        return answer

    def _fork_here(self, call: Call) -> Response:
        """Fork for every fault that can meet this call."""
        if not call.changes:
            self._look(call)
            if not self._met and not self._choice.plan and self._is_known(call):
                return self._wire.pass_on(call)
        for kind in KINDS:
            if (
                self._choice.of(self._scene, self._met, call, kind)
                # What a fault answers is not the service's; but any driver may be killed then.
                and (kind.kills or not call.disturbed)
                and kind.meets(self._wire, call)
                and self._fork(call, kind)
            ):
                if not self._choice.goes_on(self._scene, self._met):
                    self._wire.meet = self._wire.pass_on
                self._begin_trace(call, kind)
                return kind.act(self._wire, call)
        return self._wire.pass_on(call)

    def _is_known(self, call: Call) -> bool:
        """Whether the same was read before, and nothing has changed since."""
        place = (call.url, stable(call.answer), self._number_of_changes())
        if place in self._seen:
            return True
        self._seen.add(place)
        return False

    def _fork(self, call: Call, kind: Kind) -> bool:
        """Make a copy of this process. True in the copy; the original waits for its report."""
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        met = (*self._met, Met(call.number, kind.slug, call.operation, len(self._runs)))
        # What a copy of a copy takes does not count as the time of the copy.
        left = signal.alarm(0)
        child = os.fork()
        if child == 0:
            os.close(reading)
            self._report = writing
            self._met, self.found = met, []
            gc.disable()
            signal.alarm(_SECONDS)
            # asyncio takes a loop for that of another process after a fork.
            asyncio._set_running_loop(loop)
            return True
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            report = pipe.read()
        _, status = os.waitpid(child, 0)
        signal.alarm(left)
        facts, found = _reported(report, status)
        self.found += [(met, facts), *found]
        return False

    def _end(self, facts: Any) -> NoReturn:
        assert self._report is not None
        found = [
            ([dataclasses.asdict(each) for each in met], _as_json(facts))
            for met, facts in self.found
        ]
        with os.fdopen(self._report, "wb") as pipe:
            pipe.write(json.dumps([facts, found]).encode())
        os._exit(0)


def _fleet(scene: Scene) -> Fleet:
    """The two machines. Those of a cutover can end connections and stop an application."""
    experience = next(each for each in BOTH if each.name == scene.experience)
    database = linux(1)
    if scene.transition.cutovers:
        # The one Linux of the classic experience is too old for either.
        classic = experience.name == "classic"
        database = windows(2) if classic else replace(database, os="ubuntu-20.04")
    machines = [windows(1), replace(database, name=FIRST)]
    return Fleet(machines, experience=experience, seed=scene.seed)


def _is_killed(error: BaseException) -> bool:
    return isinstance(error, Killed) or (
        isinstance(error, BaseExceptionGroup) and any(map(_is_killed, error.exceptions))
    )


def _as_json(facts: Facts | str) -> Any:
    return facts if isinstance(facts, str) else dataclasses.asdict(facts)


def _reported(report: bytes, status: int) -> tuple[Facts | str, list[Found]]:
    """What a copy reported, and its copies; or why it could not."""
    if not report:
        signalled = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
        why = f"it takes more than {_SECONDS} seconds" if signalled else "it ended without a word"
        return why, []
    content, found = json.loads(report)
    return _facts_of(content), [
        (tuple(Met(**each) for each in met), facts if isinstance(facts, str) else _facts_of(facts))
        for met, facts in found
    ]


def _facts_of(content: Any) -> Facts | str:
    if isinstance(content, str):
        return f"an error that nobody foresaw: {content}"
    return Facts(
        [Run(**run) for run in content["runs"]],
        [(subject, operation) for subject, operation in content["accepted"]],
        content["end"],
        content["broken"],
    )
