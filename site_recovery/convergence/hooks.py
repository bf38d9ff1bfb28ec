"""Runs the hooks of each machine of a run: each once in an attempt, one after the other.

A hook may take minutes. So it runs beside the rounds, and the rounds look whether it has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from site_recovery import hooks
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.sources import Sources
from site_recovery.declared.hooks import Hook, Webhook, When
from site_recovery.errors import MigrationError
from site_recovery.hooks import HookRecord, Told
from site_recovery.observation import Observed, Stage
from site_recovery.operations import Operation
from site_recovery.planning import has_arrived
from site_recovery.reasons import Reason
from site_recovery.steps import Blocked, Do, Step, Wait

_SHOWN = 600
"""The most characters of an output that a message shows: its end, where errors are."""


class HookRunner(Protocol):
    """Runs what runs where pulumi runs. `local_hooks.LocalHooks` implements it.

    Both return what is wrong, or an empty text.

    Attributes:
        wave: the name of the wave, which hooks are told.
    """

    wave: str

    async def command(self, command: Sequence[str], told: Told, within: timedelta) -> str:
        """Run a program."""

    async def webhook(self, webhook: Webhook, told: Told, within: timedelta) -> str:
        """Send a signed POST."""


_UNANSWERED = 5
"""Consecutive rounds without an answer of AWS after which a hook on the source fails."""


@dataclass
class _OnSource:
    """A hook that runs on a source: the command of Systems Manager, once it was found or sent."""

    command: str | None = None
    unanswered: int = 0


@dataclass(frozen=True)
class _Running:
    """A hook that runs where pulumi runs."""

    task: asyncio.Task[str]
    machine: MachineRun
    hook: Hook
    name: str
    record: HookRecord


class HookRuns:
    """The hooks of one run.

    Args:
        runner: runs commands and webhooks; None if no hook can run.
        sources: the instances in AWS; None if no source can be reached.
        may_submit: whether the engine is still there.
        event: reports a hook that ended as a permanent line.
    """

    def __init__(
        self,
        runner: HookRunner | None,
        sources: Sources | None,
        may_submit: Callable[[], bool],
        event: Callable[[str], None],
    ) -> None:
        self._runner = runner
        self._sources = sources
        self._may_submit = may_submit
        self._event = event
        self._running: dict[str, _Running] = {}
        self._on_sources: dict[str, _OnSource] = {}
        self._failed: dict[str, Blocked] = {}

    async def before(self, machine: MachineRun, step: Step, observed: Observed) -> Step:
        """Run the hooks before a failover.

        Returns:
            The step that the machine takes now: its own if it has no more of them to run.
        """
        if step != Do(Operation.UNPLANNED_FAILOVER):
            return step
        return await self._then(machine, observed, When.BEFORE_FAILOVER, step)

    async def after(self, machine: MachineRun, step: Step, observed: Observed) -> Step:
        """Run those after it. Returns as `before` does."""
        if observed.stage is not Stage.FAILED_OVER or not has_arrived(step, observed):
            return step
        return await self._then(machine, observed, When.AFTER_FAILOVER, step)

    async def completing(self, machine: MachineRun, step: Step, observed: Observed) -> Step:
        """Run those before Complete Migration. Returns as `before` does."""
        if observed.stage is not Stage.FAILED_OVER or step != Do(Operation.COMPLETE_MIGRATION):
            return step
        return await self._then(machine, observed, When.BEFORE_COMPLETION, step)

    async def close(self) -> None:
        """End what still runs, because the run is over, and note what has ended since the last round."""
        running, self._running = self._running, {}
        for each in running.values():
            each.task.cancel()
        ended = await asyncio.gather(
            *(each.task for each in running.values()), return_exceptions=True
        )
        for each, wrong in zip(running.values(), ended, strict=True):
            if wrong == "":
                self._note(each.machine, each.hook, each.name, each.record)

    def _note(self, machine: MachineRun, hook: Hook, name: str, record: HookRecord) -> None:
        machine.hooks = record.with_done(name)
        self._event(f"{machine.name}: hook {name} ({hook.kind}) succeeded")

    async def _then(self, machine: MachineRun, observed: Observed, when: When, step: Step) -> Step:
        if machine.name in self._failed:
            # It fails once in a run, however long the source takes to be given back.
            return self._failed[machine.name]
        for place, hook in enumerate(machine.assignment.hooks.of(when)):
            name = hooks.key(when, place)
            known = machine.hooks or HookRecord(machine.assignment.machine.instance_id)
            record = known.after(machine.ended_attempts)
            if name in record.done:
                continue
            machine.hooks = record
            wrong = await self._ended(machine, observed, hook, name, record)
            if wrong is None:
                return Wait(Reason.HOOK_RUNNING, f"its hook {name} ({hook.kind}) runs")
            if wrong:
                self._failed[machine.name] = _failure(name, hook, wrong)
                machine.hooks = record.with_failure()
                return self._failed[machine.name]
            self._note(machine, hook, name, record)
        return step

    async def _ended(
        self, machine: MachineRun, observed: Observed, hook: Hook, name: str, record: HookRecord
    ) -> str | None:
        """What is wrong with a hook, or empty; None while it runs. Starts it first."""
        if hook.ssm is not None:
            return await self._on_the_source(machine, hook, name, record)
        if self._runner is None:
            return "this run cannot run hooks"
        running = self._running.get(machine.name)
        if running is None:
            if not self._may_submit():
                return None
            task = asyncio.ensure_future(self._started(machine, observed, hook, name, record))
            self._running[machine.name] = running = _Running(task, machine, hook, name, record)
            await asyncio.sleep(0)
        if not running.task.done():
            return None
        del self._running[machine.name]
        return running.task.result()

    def _started(
        self, machine: MachineRun, observed: Observed, hook: Hook, name: str, record: HookRecord
    ) -> Coroutine[Any, Any, str]:
        runner, assignment = self._runner, machine.assignment
        assert runner is not None
        told = Told(
            machine=machine.name,
            instance=record.instance,
            wave=runner.wave,
            phase=str(assignment.desired),
            azure_vm=observed.azure_vm_id or "",
            attempt=record.attempt,
            hook=name,
        )
        if hook.command is not None:
            return runner.command(hook.command, told, hook.timeout)
        assert hook.webhook is not None
        return runner.webhook(hook.webhook, told, hook.timeout)

    async def _on_the_source(
        self, machine: MachineRun, hook: Hook, name: str, record: HookRecord
    ) -> str | None:
        """The comment of a command tells whether a run that was killed has sent it already."""
        platform, sources = machine.assignment.platform, self._sources
        lines = hook.ssm.script(platform) if hook.ssm is not None else []
        if not lines:
            return ""
        if sources is None:
            return "this run does not know its source in AWS"
        there = self._on_sources.setdefault(f"{record.attempt} {name}", _OnSource())
        again = f" again {record.failures}" if record.failures else ""
        comment = f"site-recovery {record.attempt} {name}{again}"
        try:
            if there.command is None:
                there.command = await sources.find(record.instance, comment)
            if there.command is None:
                if not self._may_submit():
                    return None
                there.command = await sources.send(
                    record.instance, platform, lines, comment, hook.timeout
                )
            ran = await sources.ran(record.instance, there.command)
        except MigrationError as error:
            there.unanswered += 1
            return str(error) if there.unanswered >= _UNANSWERED else None
        there.unanswered = 0
        if ran is None:
            return None
        return "" if ran.succeeded else f"it ended with {ran}"


def _failure(name: str, hook: Hook, wrong: str) -> Blocked:
    said = " ".join(wrong.split())
    shown = f"…{said[-_SHOWN:]}" if len(said) > _SHOWN else said
    return Blocked(
        Reason.HOOK_FAILED,
        f"its hook {name} ({hook.kind}) failed: {shown}",
        "Put that right, then run pulumi up again, which runs the hook again",
    )
