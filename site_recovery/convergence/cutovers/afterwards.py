"""What happens to the source of a machine that runs in Azure: it is marked, and terminated when due."""

from __future__ import annotations

from site_recovery import arm_ids, cutover_end, cutover_memory
from site_recovery.convergence.checks import are_made
from site_recovery.convergence.cutovers.course import Courses
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.single_reads import read_alone
from site_recovery.cutover_memory import Source
from site_recovery.observation import Observed, Stage, observe
from site_recovery.operations import Operation
from site_recovery.planning import has_arrived
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot
from site_recovery.steps import Step


class Afterwards:
    """The sources of the machines of one run that are in Azure.

    Args:
        courses: what is known of them, and what they are taken with.
    """

    def __init__(self, courses: Courses) -> None:
        self._courses = courses

    async def take(
        self, machine: MachineRun, source: Source, observed: Observed, snapshot: Snapshot
    ) -> None:
        """Take them as far as they go now.

        Raises:
            MigrationError: AWS or Azure did not answer, or refused.
        """
        await self._mark(machine, source, observed)
        if not self._courses.pace.may_submit():
            return
        if observed.stage is Stage.MIGRATED:
            await self._end(machine, source, observed, snapshot)
        else:
            # It is not complete, or not any more: nothing may count from then.
            await self._courses.remove(
                machine, source, lambda tag: tag == cutover_memory.MIGRATED_AT
            )

    async def is_half_back(
        self, machine: MachineRun, source: Source, step: Step, observed: Observed
    ) -> bool:
        """Whether a machine that would stay in Azure has been taken back in part; then it fails.

        A rollback that was cut short, or whose source did not pass its checks, leaves the virtual
        machine switched off. If nobody wants it any more, checks that passed before do not count.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        assignment = machine.assignment
        arrives = observed.stage is Stage.FAILED_OVER and has_arrived(step, observed)
        if not arrives or not are_made(assignment, machine.checked, observed):
            return False
        fencing = self._courses.sources.fencing
        fenced = all(fencing.holds(each.groups) for each in source.interfaces)
        serves = source.state == "running" and not fenced
        if not serves and not source.memory.restoring:
            return False
        vm_id = observed.azure_vm_id or ""
        power = await self._courses.service.compute.power(vm_id) if vm_id else None
        if power not in ("deallocated", "deallocating"):
            return False
        message = (
            f"its virtual machine {arm_ids.name(vm_id)} is {power}, and its source, instance "
            f"{source.instance_id}, is {source.state}: a rollback of it began and did not end, or "
            "somebody switched the virtual machine off. To end the rollback, set its wave's phase to "
            "protected with rollback. To keep what is in Azure, stop the instance and start the "
            "virtual machine. Then run pulumi up again"
        )
        machine.fail(observed, Failure(Reason.HALF_TAKEN_BACK, message))
        return True

    async def _mark(self, machine: MachineRun, source: Source, observed: Observed) -> None:
        """Note on the source what it became."""
        became = cutover_memory.value((observed.azure_vm_id or "").removeprefix("/subscriptions/"))
        if source.memory.began is None or not became or source.memory.migrated_to == became:
            return
        if self._courses.pace.may_submit():
            await self._courses.write(machine, {cutover_memory.MIGRATED_TO: became})

    async def _end(
        self, machine: MachineRun, source: Source, observed: Observed, snapshot: Snapshot
    ) -> None:
        """Terminate the source of a migrated machine when that is due."""
        after = machine.assignment.terminate_after
        if after is None:
            return
        now, instance = self._courses.service.clock.now(), source.instance_id
        step = cutover_end.next_end(source, self._courses.sources.fencing, after, now)
        if step == cutover_end.Keep() or not await self._is_complete(machine, observed, snapshot):
            return
        if isinstance(step, cutover_end.NoteMigrated):
            await self._courses.write(machine, {cutover_memory.MIGRATED_AT: now.isoformat()})
            return
        why = step.why if isinstance(step, cutover_end.Keep) else ""
        if isinstance(step, cutover_end.Terminate):
            power = await self._courses.service.compute.power(observed.azure_vm_id or "")
            if power == "running":
                await self._courses.sources.terminate(instance)
                self._courses.event(f"{machine.name}: instance {instance} is terminated")
                return
            why = f"its virtual machine is {power or 'not there'}"
        if why:
            self._courses.event(f"{machine.name}: instance {instance} is due and is kept: {why}")

    async def _is_complete(
        self, machine: MachineRun, observed: Observed, snapshot: Snapshot
    ) -> bool:
        """Whether its migration is complete, by more than a list that may lag behind.

        What is only failed over may still be taken back, and needs its source for that.
        """
        if Operation.COMPLETE_MIGRATION in machine.attempts.done:
            return True
        assignment, service = machine.assignment, self._courses.service
        alone = await read_alone(service, snapshot, assignment, observed)
        return observe(assignment.machine, alone).stage is Stage.MIGRATED
