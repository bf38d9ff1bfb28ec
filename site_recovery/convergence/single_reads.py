"""Confirms what lists say by single reads, before a request or the end of a machine depends on it.

A list may lag behind, or lack what changed while it was read.
"""

from __future__ import annotations

from collections.abc import Callable

from site_recovery.convergence.interfaces import Service
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.errors import MigrationError
from site_recovery.observation import Observed, Stage, observe
from site_recovery.operations import Operation
from site_recovery.planning import NOT_BEGUN, Blocked, Rules, Satisfied, Step, next_step
from site_recovery.snapshot import Snapshot

_MAY_HAVE_VM = (*NOT_BEGUN, Stage.FAILED_OVER)
"""The stages in which a virtual machine that the list lacks would change the next step."""


class SingleReads:
    """The single reads of one round.

    Args:
        service: the vault.
        rules: the rules of a machine.
        snapshot: the services in this round, as the lists show them.
    """

    def __init__(
        self, service: Service, rules: Callable[[MachineRun], Rules], snapshot: Snapshot
    ) -> None:
        self._service = service
        self._rules = rules
        self._snapshot = snapshot

    async def confirms_end(
        self, machine: MachineRun, step: Satisfied | Blocked, observed: Observed
    ) -> bool:
        """Whether what ends a machine's part in the run holds by single reads too.

        To take a machine for removed or migrated that is not would leave its replication, and its
        costs, in place; to refuse it would end a run that can go on.
        """
        if isinstance(step, Satisfied) and (
            observed.item_id is not None
            or machine.assignment.machine.migrated
            or Operation.COMPLETE_MIGRATION in machine.attempts.done
        ):
            return True
        try:
            return await self.next_step(machine, observed) == step
        except MigrationError:
            return False

    async def next_step(self, machine: MachineRun, observed: Observed) -> Step:
        """The next step of a machine by single reads of its item and its virtual machine.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        assignment = machine.assignment
        confirmed = await self._confirmed(machine, observed)
        seen = observe(assignment.machine, confirmed, assignment.settings)
        return next_step(assignment.desired, seen, self._rules(machine))

    async def _confirmed(self, machine: MachineRun, observed: Observed) -> Snapshot:
        item = await self._service.item(machine.assignment, observed)
        confirmed = self._snapshot.with_item(observed.item_id, item)
        if observed.azure_vm_id is not None or observed.stage not in _MAY_HAVE_VM:
            return confirmed
        return confirmed.with_virtual_machine(
            await self._service.virtual_machine(machine.assignment)
        )
