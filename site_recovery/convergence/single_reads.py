"""Confirms what lists say by single reads, before something that matters depends on it: a request,
the end of a machine, or its record.

A list may lag behind, or lack what changed while it was read.
"""

from __future__ import annotations

from collections.abc import Callable

from site_recovery.convergence.interfaces import Service
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage, observe
from site_recovery.operations import Operation
from site_recovery.planning import NOT_BEGUN, Blocked, Rules, Satisfied, Step, next_step
from site_recovery.snapshot import Snapshot

_MAY_HAVE_VM = (*NOT_BEGUN, Stage.FAILED_OVER)
"""The stages in which a virtual machine that the list lacks would change the next step."""


async def read_alone(
    service: Service, snapshot: Snapshot, assignment: Assignment, observed: Observed
) -> Snapshot:
    """The services with what single reads of one machine's item and virtual machine show.

    Args:
        service: the vault.
        snapshot: the services as the lists show them.
        assignment: the machine.
        observed: its state in that snapshot.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    item = await service.item(assignment, observed)
    alone = snapshot.with_item(observed.item_id, item)
    if observed.azure_vm_id is not None or observed.stage not in _MAY_HAVE_VM:
        return alone
    return alone.with_virtual_machine(await service.virtual_machine(assignment))


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
        alone = await read_alone(self._service, self._snapshot, assignment, observed)
        seen = observe(assignment.machine, alone, assignment.settings)
        return next_step(assignment.desired, seen, self._rules(machine))
