"""Follows the jobs that machines of a run wait for, within one round."""

from __future__ import annotations

import asyncio

from site_recovery.convergence.interfaces import Service
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.plan_run import PlanRun, is_past
from site_recovery.convergence.submission import InFlight
from site_recovery.errors import MigrationError
from site_recovery.jobs import Job
from site_recovery.observation import Observed
from site_recovery.operations import Operation, of_scenario
from site_recovery.planning import Rules, next_step
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot
from site_recovery.steps import Do, Satisfied


class FollowedJobs:
    """The jobs of one round.

    Args:
        service: the vault.
        rules: the rules of the wave.
        plan: the recovery plan of the wave, or None.
        snapshot: the services in this round.
    """

    def __init__(
        self, service: Service, rules: Rules, plan: PlanRun | None, snapshot: Snapshot
    ) -> None:
        self._service = service
        self._rules = rules
        self._plan = plan
        self._snapshot = snapshot
        self._reads: dict[str, asyncio.Task[Job | None]] = {}

    async def has_ended(
        self, machine: MachineRun, observed: Observed, in_flight: InFlight
    ) -> bool | Failure:
        """Follow the job of a machine.

        Returns:
            Whether its next step may be decided; why the machine failed, if its job did.
        """
        job = self._snapshot.jobs.get(in_flight.job) if in_flight.job else None
        planned = job is not None and self._plan is not None and self._plan.owns(job)
        try:
            if in_flight.job and (job is None or job.failed or (planned and job.running)):
                # The list has less detail than the job itself, and may lag behind.
                job = await self._with_detail(in_flight.job) or job
        except MigrationError as error:
            machine.attempts.tell(Reason.UNAVAILABLE, str(error))
            return False
        step = next_step(machine.assignment.desired, observed, self._rules)
        there = step == Satisfied()
        if planned and job is not None and job.failed:
            listed = self._snapshot.jobs.get(job.name)
            if listed is not None and listed.running:
                # This snapshot is older than the end of the job.
                return False
            operation = in_flight.operation or of_scenario(job.scenario)
            there = there or (operation is not None and is_past(operation, observed))
        if planned and there:
            # The plan may go on, or have failed, with other machines.
            machine.attempts.finish()
            return True
        if job is not None and job.running:
            if planned and self._plan:
                self._plan.tell(machine.attempts, job)
            else:
                doing = f"{in_flight.operation or job.scenario} is running"
                machine.attempts.tell(Reason.JOB_RUNNING, doing)
            return False
        if job is not None and job.failed and not _is_needless(job, observed):
            what = in_flight.operation or job.scenario
            errors = job.machine_errors.get(machine.name.lower(), job.errors)
            causes = " ".join(map(str, errors)) or f"the job ended as {job.state}."
            message = f"{what} failed: {causes} (job {job.name})"
            if (
                in_flight.operation or of_scenario(job.scenario)
            ) is not Operation.UNPLANNED_FAILOVER:
                # What has failed over half way must not serve in AWS; nothing of this goes on.
                machine.attempts.in_flight = None
            return Failure(Reason.JOB_FAILED, message)
        machine.attempts.finish()
        # Where the same operation still seems due, the lists do not show yet that it is done.
        return in_flight.operation is None or step != Do(in_flight.operation)

    async def _with_detail(self, name: str) -> Job | None:
        """A job with all its detail. It is read once per round, even if many machines are in it."""
        if name not in self._reads:
            self._reads[name] = asyncio.create_task(self._read(name))
        return await self._reads[name]

    async def _read(self, name: str) -> Job | None:
        return await self._service.job(name)


def _is_needless(job: Job, observed: Observed) -> bool:
    """Whether a job has nothing to do: another one has discovered the machine meanwhile.

    Nothing but lists shows a discovery, so two stacks can both ask for it.
    """
    return of_scenario(job.scenario) is Operation.DISCOVER and observed.source_id is not None
