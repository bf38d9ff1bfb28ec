"""A wave's recovery plan within one run: kept as declared, and run as one.

A machine whose next operation goes through the plan is queued until every machine of the wave is
ready for it; then the plan is asked once. A plan that stopped half way is asked again by the next
run: Site Recovery passes over the machines that are through and goes on with the others, so that
the actions between groups still happen and no machine fails over twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from site_recovery.recovery_plan import Member, Plan
from site_recovery.request_ids import RequestIds
from site_recovery.snapshot import Snapshot

_ORDER = (
    Operation.TEST_FAILOVER_CLEANUP,
    Operation.TEST_FAILOVER,
    Operation.UNPLANNED_FAILOVER,
)
_CHANGES = 5
"""Changes of a plan in one run; one is enough unless the service loses them."""
_MISSES = 5
"""Rounds in a row in which the service may be too busy to tell or to take the plan."""
_PROTECTED_OR_FURTHER = (
    Stage.PROTECTED,
    Stage.TEST_FAILOVER,
    Stage.FAILED_OVER,
    Stage.MIGRATED,
)


class _PlanError(MigrationError):
    """The service ended a change of the plan without making it; to ask again is no use."""


class PlanService(Protocol):
    """What a plan needs of a vault; `service.VaultService` is the real one."""

    request_ids: RequestIds

    async def plan(self, name: str) -> Mapping[str, Any] | None:
        """The plan with its groups, or None."""

    async def create_plan(
        self, plan: Plan, members: Mapping[str, Member], request_id: str
    ) -> str | None:
        """Ask for it, with a request id; the name of the job."""

    async def update_plan(
        self, name: str, groups: Sequence[Mapping[str, Any]], request_id: str
    ) -> str | None:
        """Ask for other groups, with a request id; the name of the job."""

    async def job(self, name: str) -> Job | None:
        """One job with its errors."""

    async def submit_plan(self, operation: Operation, name: str, request_id: str) -> str | None:
        """Ask for an operation once, with a request id; the name of its job."""

    def resume_url(self, job: Job) -> str:
        """The URL by which a person resumes a job that waits for them."""


@dataclass
class Queued:
    """A machine that waits for its plan."""

    name: str
    attempts: Attempts
    operation: Operation


@dataclass(frozen=True)
class Standing:
    """A machine of the plan as it stands in this round: ended by itself, or on its way."""

    observed: Observed
    failed: bool


class PlanRun:
    """One plan in one run.

    Args:
        service: the vault.
        plan: as declared.
        before: as declared last, by which actions taken out of the config are known.
        submitter: asks at most once.
        event: told what happens to the plan.
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

    def takes(self, machine: str, operation: Operation) -> bool:
        """Whether a machine's operation goes through the plan."""
        return operation in recovery_plan.THROUGH_PLAN and self._plan.place(machine) is not None

    def runs_as(self, job: Job) -> bool:
        """Whether a job is one of the whole plan."""
        return job.target.lower() in self._attempts.names

    def wanting(self, machines: Mapping[str, Standing]) -> bool:
        """Whether the service's plan could be as declared now, and was not found so yet."""
        ready = all(s.observed.stage in _PROTECTED_OR_FURTHER for s in machines.values())
        return bool(machines) and ready and not self._kept

    async def keep(self, machines: Mapping[str, Standing], snapshot: Snapshot) -> Failure | None:
        """Let the service's plan be as declared, once all machines are protected.

        Returns:
            Why the plan cannot be had, or None.
        """
        if not self.wanting(machines) or self._running(snapshot) is not None:
            return None
        members = {
            name: Member(standing.observed.item_id, standing.observed.virtual_machine_id)
            for name, standing in machines.items()
            if standing.observed.item_id is not None
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
        self, queued: list[Queued], machines: Mapping[str, Standing], snapshot: Snapshot
    ) -> dict[str, Failure]:
        """Run the plan for the machines that wait for it, if all others are ready too.

        Returns:
            Why machines cannot go on, by name.
        """
        operation = min((each.operation for each in queued), key=_ORDER.index)
        now = [each for each in queued if each.operation is operation]
        names = {each.name for each in now}
        others = {n: s for n, s in machines.items() if n not in names}
        behind = [n for n, s in others.items() if not through(operation, s.observed)]
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
            # That of a run that was killed, or started by a person: attach to it.
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
            # Hours may have passed since it was seen last, and it runs whatever it holds by now.
            self._kept = False
            change_failure = await self.keep(machines, snapshot)
            if change_failure is not None:
                return {each.name: change_failure for each in queued}
            if not self._kept:
                for each in queued:
                    each.attempts.tell(Reason.WAITS_FOR_PLAN, "waits for its recovery plan")
                return {}
        if self._attempts.lost is not None and not await self._submitter.settle(
            self._attempts, self._order(self._attempts.lost), snapshot
        ):
            self._share_job(now)
            return {}
        refusal = await self._submitter.ask(self._attempts, self._order(operation), snapshot)
        if refusal is not None:
            return {each.name: refusal for each in queued}
        self._share_job(now)
        return {}

    def _order(self, operation: Operation) -> Order:
        return Order(
            operation,
            f"recovery plan {self._plan.name}",
            False,
            partial(self._service.submit_plan, operation, self._plan.name),
            _nothing_runs,
            _is_due,
        )

    def tell(self, attempts: Attempts, job: Job) -> None:
        """Note what the plan's job is doing, or what a person must do for it to go on."""
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
        return next((job for job in jobs if job.running and self.runs_as(job)), None)

    def _share_job(self, now: list[Queued]) -> None:
        in_flight = self._attempts.in_flight
        for each in now:
            each.attempts.reason = self._attempts.reason
            each.attempts.message = self._attempts.message
            if in_flight is not None:
                each.attempts.in_flight = in_flight
        if in_flight is not None:
            # Each machine sees to the job's end by itself; the plan is ready for what follows.
            self._attempts.finish()

    async def _is_kept(self, members: Mapping[str, Member]) -> bool:
        """Whether the service's plan is as declared; if not, a change is under way now.

        Raises:
            MigrationError: the plan cannot be had.
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


async def _nothing_runs() -> str | None:
    """A plan does not tell by itself what runs on it; the vault's jobs do."""
    return None


async def _is_due() -> bool:
    """A plan passes over the machines that are through, so that asking twice does no harm."""
    return True


def through(operation: Operation, observed: Observed) -> bool:
    """Whether a machine is past an operation already."""
    match operation:
        case Operation.TEST_FAILOVER_CLEANUP:
            return observed.stage is not Stage.TEST_FAILOVER and observed.busy is None
        case Operation.TEST_FAILOVER:
            return observed.stage is Stage.TEST_FAILOVER
        case _:
            return observed.in_azure
