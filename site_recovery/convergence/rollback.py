"""Takes a failover back, as far as that goes: the source serves again, its virtual machine is off.

The steps show in the clouds: the power of the virtual machine, the tags and state of the source, and
the tag of the virtual machine that says that it was rolled back. What comes after them, disabling
and beginning the replication again, are operations like any other.
"""

from __future__ import annotations

from collections.abc import Callable

from site_recovery.convergence.cutovers.cutovers import Cutovers
from site_recovery.convergence.interfaces import Pace, VirtualMachines
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.declared.tags import TAG_INSTANCE, TAG_ROLLED_BACK
from site_recovery.errors import MigrationError
from site_recovery.observation import Observed
from site_recovery.reasons import Reason

_OFF = "deallocated"
_UNANSWERED = 5
"""Consecutive rounds without an answer after which a rollback fails."""


class Rollbacks:
    """The rollbacks of one run.

    Args:
        virtual_machines: those in Azure.
        cutovers: give sources back; None if no source can be reached.
        pace: the timing of the run.
        event: reports a step as a permanent line.
    """

    def __init__(
        self,
        virtual_machines: VirtualMachines,
        cutovers: Cutovers | None,
        pace: Pace,
        event: Callable[[str], None],
    ) -> None:
        self._virtual_machines = virtual_machines
        self._cutovers = cutovers
        self._pace = pace
        self._event = event
        self._told: set[tuple[str, str]] = set()
        self._unanswered: dict[str, int] = {}

    async def advance(self, machine: MachineRun, observed: Observed) -> None:
        """Take one machine a step further.

        Args:
            machine: a machine that is failed over, and that should be protected again.
            observed: its state.
        """
        try:
            await self._advance(machine, observed)
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
        instance = machine.assignment.machine.instance_id
        await self._virtual_machines.retag(vm_id, TAG_INSTANCE, {TAG_ROLLED_BACK: instance})
        self._once(machine, "it is rolled back; its virtual machine is kept, switched off")
        machine.attempts.tell(Reason.ROLLBACK, "it is rolled back")

    def _once(self, machine: MachineRun, what: str) -> None:
        if (machine.name, what) not in self._told:
            self._told.add((machine.name, what))
            self._event(f"{machine.name}: {what}")
