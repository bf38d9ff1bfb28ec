"""Keeps a wave's recovery plan as declared, and runs its operations, within one run.

A machine whose next operation goes through the plan is queued until every machine of the wave is
ready for it. Then one request starts the operation for the whole plan. If a plan stopped half way,
the next run starts it again: Site Recovery skips the machines that are done and continues with the
others. So the actions between groups still happen, and no machine fails over twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from site_recovery import recovery_plan
from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.submission import Attempts, InFlight, Order, Submitter
from site_recovery.errors import MigrationError, RefusedError
from site_recovery.jobs import Job
from site_recovery.observation import Observed, Stage
from site_recovery.operations import Operation
from site_recovery.reasons import Reason
from site_recovery.recovery_plan import Member, Plan, ShownPlan
from site_recovery.request_ids import RequestIds
from site_recovery.snapshot import Snapshot

_ORDER = (
    Operation.TEST_FAILOVER_CLEANUP,
    Operation.TEST_FAILOVER,
    Operation.UNPLANNED_FAILOVER,
)
_CHANGES = 5
"""The most changes of a plan in one run. One is enough unless the service loses them."""
_MISSES = 5
"""Consecutive rounds in which the service may fail to answer for the plan, or be too busy."""
_PROTECTED_OR_FURTHER = (
    Stage.PROTECTED,
    Stage.TEST_FAILOVER,
    Stage.FAILED_OVER,
    Stage.MIGRATED,
)


class _PlanError(MigrationError):
    """A change of the plan failed at the service; asking again would not help."""


class PlanService(Protocol):
    """The vault as a plan uses it. `azure.service.VaultService` implements it."""

    request_ids: RequestIds

    async def plan(self, name: str) -> ShownPlan | None:
        """Read the plan with its groups; None if there is none."""

    async def create_plan(
        self, plan: Plan, members: Mapping[str, Member], request_id: str
    ) -> str | None:
        """Send one request to create the plan; returns the name of its job."""

    async def update_plan(self, name: str, groups: Sequence[Any], request_id: str) -> str | None:
        """Send one request to replace its groups; returns the name of its job."""

    async def job(self, name: str) -> Job | None:
        """Read one job, with its errors."""

    async def submit_plan(self, operation: Operation, name: str, request_id: str) -> str | None:
        """Send one request to run an operation; returns the name of its job."""

    def resume_url(self, job: Job) -> str:
        """The URL with which a person resumes a job that waits for a manual action."""


@dataclass
class Queued:
    """A machine whose next operation waits for its plan.

    Attributes:
        name: the machine.
        attempts: what the run remembers about it.
        operation: the operation.
        is_due: whether that is its next step still, by a single read; see `Order`.
    """

    name: str
    attempts: Attempts
    operation: Operation
    is_due: Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class PlanMachine:
    """The state of a machine of the plan in this round.

    Attributes:
        observed: its observed state.
        failed: whether it has failed or is blocked in this run.
    """

    observed: Observed
    failed: bool


class PlanRun:
    """One plan in one run.

    Args:
        service: the vault.
        plan: the declared plan.
        before: the plan as declared in the previous run. It shows which actions were removed from
            the config.
        submitter: sends each request at most once.
        event: called with each change of the plan, in words.
    """

    def __init__(
        self,
        service: PlanService,
        plan: Plan,
        before: Plan | None,
        submitter: Submitter,
        event: Callable[[str], None],
    ) -> None:
        self._service = service
        self._plan = plan
        self._before = before
        self._submitter = submitter
        self._event = event
        self._attempts = Attempts(plan.name, frozenset({plan.name.lower()}))
        self._kept = False
        self._change: str | None = None
        self._changes = 0
        self._misses = 0
        self._told: set[str] = set()

    @property
    def has_setback(self) -> bool:
        """Whether the service did not answer for the plan, or was too busy."""
        return self._misses > 0 or self._attempts.has_setback

    def takes(self, machine: str, operation: Operation) -> bool:
        """Whether a machine's operation goes through the plan."""
        return operation in recovery_plan.THROUGH_PLAN and self._plan.place(machine) is not None

    def place(self, machine: str) -> int | None:
        """The index of a machine's group, from 0; None if it is in no group."""
        return self._plan.place(machine)

    def owns(self, job: Job) -> bool:
        """Whether a job runs this plan."""
        return job.target.lower() in self._attempts.names

    def needs_keeping(self, machines: Mapping[str, PlanMachine]) -> bool:
        """Whether the service's plan still has to be brought to its declared state.

        That is possible only once all its machines are protected.
        """
        ready = all(s.observed.stage in _PROTECTED_OR_FURTHER for s in machines.values())
        return bool(machines) and ready and not self._kept

    async def keep(self, machines: Mapping[str, PlanMachine], snapshot: Snapshot) -> Failure | None:
        """Bring the service's plan to its declared state, once all machines are protected.

        Returns:
            Why that is not possible, or None.
        """
        if not self.needs_keeping(machines) or self._running(snapshot) is not None:
            return None
        members = {
            name: Member(machine.observed.item_id, machine.observed.virtual_machine_id)
            for name, machine in machines.items()
            if machine.observed.item_id is not None
        }
        try:
            self._kept = not members or await self._is_kept(members)
        except MigrationError as error:
            self._misses += 1
            refused = isinstance(error, RefusedError) and not error.busy
            if refused or isinstance(error, _PlanError) or self._misses >= _MISSES:
                return Failure(Reason.PLAN_FAILED, str(error))
        else:
            self._misses = 0
        return None

    async def run(
        self, queued: list[Queued], machines: Mapping[str, PlanMachine], snapshot: Snapshot
    ) -> dict[str, Failure]:
        """Run the plan for the machines that wait for it, if all others are ready too.

        Returns:
            By name, why a machine cannot go on.
        """
        operation = min((each.operation for each in queued), key=_ORDER.index)
        now = [each for each in queued if each.operation is operation]
        names = {each.name for each in now}
        others = {n: s for n, s in machines.items() if n not in names}
        behind = [n for n, s in others.items() if not is_past(operation, s.observed)]
        failed = [n for n in behind if others[n].failed]
        if failed:
            failure = Failure(
                Reason.PLAN_FAILED,
                f"its recovery plan {self._plan.name} does not run while {', '.join(failed)} "
                "cannot go on. Put that right, then run pulumi up again",
            )
            return {each.name: failure for each in queued}
        running = self._running(snapshot)
        if running is not None:
            # An earlier run that was killed started it, or a person did. Attach to it.
            for each in now:
                each.attempts.in_flight = InFlight(None, running.name)
                self.tell(each.attempts, running)
            return {}
        if behind or not self._kept:
            for each in queued:
                each.attempts.tell(
                    Reason.WAITS_FOR_PLAN, f"waits for {', '.join(behind) or 'its recovery plan'}"
                )
            return {}
        if operation not in self._attempts.done:
            # The last check may be hours old, and the service runs what the plan contains now.
            self._kept = False
            change_failure = await self.keep(machines, snapshot)
            if change_failure is not None:
                return {each.name: change_failure for each in queued}
            if not self._kept:
                for each in queued:
                    each.attempts.tell(Reason.WAITS_FOR_PLAN, "waits for its recovery plan")
                return {}
        if self._attempts.lost is not None and not await self._submitter.settle(
            self._attempts, self._order(self._attempts.lost, now)
        ):
            self._share_job(now)
            return {}
        refusal = await self._submitter.ask(self._attempts, self._order(operation, now), snapshot)
        if refusal is not None:
            return {each.name: refusal for each in queued}
        self._share_job(now)
        return {}

    def _order(self, operation: Operation, machines: Sequence[Queued]) -> Order:
        return Order(
            operation,
            f"recovery plan {self._plan.name}",
            partial(self._service.submit_plan, operation, self._plan.name),
            self._last_job,
            partial(self._is_due, operation, machines),
            frozenset(machine.attempts.subject for machine in machines),
        )

    async def _last_job(self) -> str | None:
        """The name of the job that runs the plan, or ran it last."""
        existing = await self._service.plan(self._plan.name)
        return existing.last_job if existing is not None else None

    async def _is_due(self, operation: Operation, machines: Sequence[Queued]) -> bool:
        """Whether the plan itself allows an operation, and so do the guards of each machine.

        Running a plan twice does no harm, because it skips the machines that are done.
        """
        existing = await self._service.plan(self._plan.name)
        if existing is None or not existing.allows(operation):
            return False
        return all(await asyncio.gather(*(machine.is_due() for machine in machines)))

    def tell(self, attempts: Attempts, job: Job) -> None:
        """Note what the plan's job is doing, or what a person must do so that it continues."""
        name = f"recovery plan {self._plan.name}"
        if job.waits_for or job.state == "Suspended":
            instruction = job.waits_for or "a manual action"
            brief = f"{name} waits for a person: {instruction}"
            message = (
                f"{brief}. When it is done, resume the job in the portal or with: az rest "
                f"--method post --url '{self._service.resume_url(job)}' "
                '--body \'{"properties":{"comments":"done"}}\''
            )
            attempts.tell(Reason.WAITS_FOR_PERSON, message, brief)
            if job.name not in self._told:
                self._told.add(job.name)
                self._event(message)
        else:
            doing = f"{name}: {job.doing or 'running'}"
            attempts.tell(Reason.JOB_RUNNING, doing, doing)

    def _running(self, snapshot: Snapshot) -> Job | None:
        jobs = snapshot.jobs.values()
        return next((job for job in jobs if job.running and self.owns(job)), None)

    def _share_job(self, now: list[Queued]) -> None:
        in_flight = self._attempts.in_flight
        for each in now:
            each.attempts.reason = self._attempts.reason
            each.attempts.message = self._attempts.message
            if in_flight is not None:
                each.attempts.in_flight = in_flight
        if in_flight is not None:
            # From here each machine follows the job by itself, and the plan can run again.
            self._attempts.finish()

    async def _is_kept(self, members: Mapping[str, Member]) -> bool:
        """Whether the service's plan is as declared. If it is not, a change has been started.

        Raises:
            MigrationError: the plan cannot be brought to its declared state.
        """
        if self._change is not None:
            job = await self._service.job(self._change)
            if job is not None and job.running:
                return False
            self._change = None
            if job is not None and job.failed:
                causes = " ".join(map(str, job.errors)) or f"the job ended as {job.state}."
                raise _PlanError(f"recovery plan {self._plan.name}: {causes}")
        existing = await self._service.plan(self._plan.name)
        if existing is None:
            self._count("create")
            self._change = await self._service.create_plan(
                self._plan, members, self._request_id("create")
            )
            self._event(f"recovery plan {self._plan.name} is created")
            return False
        change = recovery_plan.change(self._plan, members, existing, self._before)
        if change.foreign_machines:
            raise MigrationError(change.foreign_machines)
        for action in set(change.foreign_actions) - self._told:
            self._event(
                f"recovery plan {self._plan.name} has an action that the config does not have: "
                f"{action}. It is kept: add it to the config, or remove it in the vault"
            )
        self._told |= set(change.foreign_actions)
        if change.differs:
            last = existing.last_job
            job = await self._service.job(last) if last is not None else None
            if job is not None and job.running:
                # The list of jobs does not show it yet. The service refuses changes meanwhile.
                return False
            self._count("update")
            self._change = await self._service.update_plan(
                self._plan.name, change.groups, self._request_id("update")
            )
            self._event(f"recovery plan {self._plan.name} is updated")
            return False
        return True

    def _request_id(self, what: str) -> str:
        ids = self._service.request_ids
        return ids.of(self._plan.name, f"{what} recovery plan", self._changes)

    def _count(self, what: str) -> None:
        self._changes += 1
        if self._changes > _CHANGES:
            raise _PlanError(
                f"recovery plan {self._plan.name}: the service takes every {what} and shows none. "
                "Look at the plan in the vault, then run pulumi up again"
            )


def is_past(operation: Operation, observed: Observed) -> bool:
    """Whether an operation of the plan is already done for a machine."""
    if observed.stage is Stage.UNREADABLE:
        return False
    match operation:
        case Operation.TEST_FAILOVER_CLEANUP:
            return observed.stage is not Stage.TEST_FAILOVER and observed.busy is None
        case Operation.TEST_FAILOVER:
            return observed.stage is Stage.TEST_FAILOVER
        case _:
            return observed.in_azure
