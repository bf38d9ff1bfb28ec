"""Takes a failover back, as far as that goes: the source serves again, its virtual machine is off.

The source is checked as its virtual machine would be. Only then does the virtual machine count as
rolled back, and only then may it be deleted.

The steps show in the clouds: the power of the virtual machine, the tags and state of the source, and
the tag of the virtual machine that says that it was rolled back. What comes after them, disabling
and beginning the replication again, are operations like any other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from site_recovery import arm_ids
from site_recovery.convergence.check_course import CheckCourse
from site_recovery.convergence.cutovers.cutovers import Cutovers
from site_recovery.convergence.guests import Guests
from site_recovery.convergence.interfaces import Pace, VirtualMachines
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.declared.tags import TAG_INSTANCE, TAG_ROLLED_BACK
from site_recovery.errors import MigrationError
from site_recovery.observation import Observed
from site_recovery.reasons import Reason
from site_recovery.service_clock import ServiceClock

_OFF = "deallocated"
_ON = ("running", "starting")
_UNANSWERED = 5
"""Consecutive rounds without an answer after which a rollback fails."""


class Rollbacks:
    """The rollbacks of one run.

    Args:
        virtual_machines: those in Azure.
        cutovers: give sources back; None if no source can be reached.
        guests: the sources, for their checks; None likewise.
        clock: the service's time.
        pace: the timing of the run.
        event: reports a step as a permanent line.
    """

    def __init__(
        self,
        virtual_machines: VirtualMachines,
        cutovers: Cutovers | None,
        guests: Guests | None,
        clock: ServiceClock,
        pace: Pace,
        event: Callable[[str], None],
    ) -> None:
        self._virtual_machines = virtual_machines
        self._cutovers = cutovers
        self._guests = guests
        self._clock = clock
        self._courses: dict[str, CheckCourse] = {}
        self._pace = pace
        self._event = event
        self._told: set[tuple[str, str]] = set()
        self._tagged: set[str] = set()
        self._unanswered: dict[str, int] = {}

    async def advance(self, machine: MachineRun, observed: Observed) -> None:
        """Take one machine a step further.

        Args:
            machine: a machine that is failed over, and that should be protected again.
            observed: its state.
        """
        await self._answered(machine, observed, self._advance)

    async def delete_kept(self, machine: MachineRun, observed: Observed) -> None:
        """Take the deletion of its virtual machine a step further.

        Args:
            machine: a machine whose failover was taken back, and which is out of Azure.
            observed: its state.
        """
        await self._answered(machine, observed, self._delete_kept)

    async def _answered(
        self,
        machine: MachineRun,
        observed: Observed,
        work: Callable[[MachineRun, Observed], Awaitable[None]],
    ) -> None:
        try:
            await work(machine, observed)
            self._unanswered.pop(machine.name, None)
        except MigrationError as error:
            misses = self._unanswered.get(machine.name, 0) + 1
            self._unanswered[machine.name] = misses
            machine.attempts.tell(Reason.UNAVAILABLE, str(error))
            if misses >= _UNANSWERED:
                machine.fail(observed, Failure(Reason.UNAVAILABLE, str(error)))

    async def _advance(self, machine: MachineRun, observed: Observed) -> None:
        vm_id = observed.azure_vm_id
        if vm_id is None or not self._pace.may_submit():
            return
        if vm_id in self._tagged:
            # Its tag was accepted, and the list of virtual machines does not show it yet.
            return
        lost = self._cutovers.lost(machine) if self._cutovers is not None else ""
        if lost:
            message = (
                f"{lost}, so its failover cannot be taken back, and its virtual machine goes on as it "
                "is. Set its wave's phase to failed-over"
            )
            machine.fail(observed, Failure(Reason.SOURCE_UNAVAILABLE, message))
            return
        power = await self._virtual_machines.power(vm_id)
        if power not in (None, _OFF):
            if power != "deallocating":
                await self._virtual_machines.deallocate(vm_id)
                self._once(machine, "its virtual machine is being switched off")
            machine.attempts.tell(Reason.ROLLBACK, "its virtual machine is being switched off")
            return
        # Never before this: source and virtual machine must not serve at the same time.
        if self._cutovers is not None and not await self._cutovers.take_back(machine, observed):
            return
        if not await self._checked(machine, observed):
            return
        instance = machine.assignment.machine.instance_id
        await self._virtual_machines.retag(vm_id, TAG_INSTANCE, {TAG_ROLLED_BACK: instance})
        self._tagged.add(vm_id)
        self._once(machine, "it is rolled back; its virtual machine is switched off")
        machine.attempts.tell(Reason.ROLLBACK, "it is rolled back")

    async def _checked(self, machine: MachineRun, observed: Observed) -> bool:
        """Whether the source, which serves again, passes the checks of its machine."""
        if self._guests is None:
            return True
        assignment = machine.assignment
        instance = assignment.machine.instance_id
        course = self._courses.get(machine.name)
        if course is None:
            course = CheckCourse(
                instance, assignment.platform, assignment.checks, self._guests, self._clock
            )
            self._courses[machine.name] = course
        wrong = await course.go_on(
            lambda check: self._event(f"{machine.name}: check of its source passed: {check.title}")
        )
        check = course.present
        if check is None:
            return True
        if wrong is None:
            machine.attempts.tell(
                Reason.CHECK_RUNNING, f"check {check.title} of its source: {course.wrong}"
            )
            return False
        place = f"{course.at + 1} of {len(assignment.checks)}"
        message = (
            f"its failover is taken back and its source serves, but check {place} of "
            f"instance {instance} failed ({check.title}): {wrong}. Put that right on the "
            "instance or in checks, then run pulumi up again, which checks it again. Its "
            "virtual machine is kept, switched off."
        )
        machine.fail(observed, Failure(Reason.CHECK_FAILED, message))
        return False

    async def _delete_kept(self, machine: MachineRun, observed: Observed) -> None:
        for vm_id in observed.kept_vm_ids:
            name = arm_ids.name(vm_id)
            power = await self._virtual_machines.power(vm_id)
            if power is None or not self._pace.may_submit():
                continue
            if power in _ON:
                what = (
                    f"its virtual machine {name}, whose failover was taken back, is {power} and is "
                    "not deleted: somebody started it. Switch it off and release its host "
                    "(deallocate), or remove rollback.keepAzureVm, then run pulumi up again"
                )
                machine.fail(observed, Failure(Reason.KEPT_VM_RUNS, what))
                return
            if await self._virtual_machines.delete(vm_id):
                self._once(machine, f"its virtual machine {name} is deleted, with its disks")
        machine.attempts.tell(Reason.ROLLBACK, "its virtual machine is being deleted")

    def _once(self, machine: MachineRun, what: str) -> None:
        if (machine.name, what) not in self._told:
            self._told.add((machine.name, what))
            self._event(f"{machine.name}: {what}")
