"""What happens to the source of a machine that runs in Azure: it is marked, and terminated when due."""

from __future__ import annotations

from site_recovery import cutover
from site_recovery.convergence.cutovers.course import Courses
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.cutover import Source
from site_recovery.observation import Observed, Stage


class Afterwards:
    """The sources of the machines of one run that are in Azure.

    Args:
        courses: what is known of them, and what they are taken with.
    """

    def __init__(self, courses: Courses) -> None:
        self._courses = courses

    async def take(self, machine: MachineRun, source: Source, observed: Observed) -> None:
        """Take them as far as they go now.

        Raises:
            MigrationError: AWS or Azure did not answer, or refused.
        """
        await self._mark(machine, source, observed)
        await self._end(machine, source, observed)

    async def _mark(self, machine: MachineRun, source: Source, observed: Observed) -> None:
        """Note on the source what it became."""
        became = cutover.value((observed.azure_vm_id or "").removeprefix("/subscriptions/"))
        if source.memory.began is None or not became or source.memory.migrated_to == became:
            return
        if self._courses.pace.may_submit():
            await self._courses.write(machine, {cutover.MIGRATED_TO: became})

    async def _end(self, machine: MachineRun, source: Source, observed: Observed) -> None:
        """Terminate the source of a migrated machine when that is due."""
        after = machine.assignment.terminate_after
        if (
            observed.stage is not Stage.MIGRATED
            or after is None
            or not self._courses.pace.may_submit()
        ):
            return
        now, instance = self._courses.service.clock.now(), source.instance_id
        step = cutover.next_end(source, self._courses.sources.fence, after, now)
        if isinstance(step, cutover.NoteMigrated):
            await self._courses.write(machine, {cutover.MIGRATED_AT: now.isoformat()})
            return
        why = step.why if isinstance(step, cutover.Keep) else ""
        if isinstance(step, cutover.Terminate):
            power = await self._courses.service.compute.power(observed.azure_vm_id or "")
            if power == "running":
                await self._courses.sources.terminate(instance)
                self._courses.event(f"{machine.name}: instance {instance} is terminated")
                return
            why = f"its virtual machine is {power or 'not there'}"
        if why:
            self._courses.event(f"{machine.name}: instance {instance} is due and is kept: {why}")
