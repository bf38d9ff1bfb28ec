"""Confirms what lists say by single reads, before something that matters depends on it: a request,
the end of a machine, or its record.

A list may lag behind, or lack what changed while it was read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from site_recovery.convergence.interfaces import Service
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage, observe
from site_recovery.operations import Operation
from site_recovery.planning import NOT_BEGUN, Rules, next_step
from site_recovery.snapshot import Snapshot
from site_recovery.steps import Blocked, Do, Satisfied, Step

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
    lacks_vm = observed.azure_vm_id is None and observed.stage in _MAY_HAVE_VM
    # What makes it migrated may be a tag that a rollback has just taken from its virtual machine.
    if not lacks_vm and observed.stage is not Stage.MIGRATED:
        return alone
    return alone.with_virtual_machine(await service.virtual_machine(assignment))


def is_doubtful(observed: Observed, *, begun: bool, migrated: bool) -> bool:
    """Whether what lists show of a machine has to be confirmed before it is recorded.

    A list that lacks an item makes a machine that is failed over look migrated, and one that still
    shows it hides a migration.

    Args:
        observed: its state as the lists show it.
        begun: whether its replication is known to have begun.
        migrated: whether it is known to be migrated.
    """
    return (begun and observed.stage in NOT_BEGUN) or migrated != (observed.stage is Stage.MIGRATED)


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
        self, machine: MachineRun, step: Do | Satisfied | Blocked, observed: Observed
    ) -> bool:
        """Whether what ends a machine's part in the run, or its cutover, holds by single reads too.

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


async def certain(
    service: Service, snapshot: Snapshot, machine: MachineRun, outcome: Outcome
) -> Outcome:
    """An outcome for the record, which takes no machine for migrated because of lists alone.

    Args:
        service: the vault.
        snapshot: the services in the last round, as the lists show them.
        machine: the machine.
        outcome: how its part in the run ended.
    """
    assignment = machine.assignment
    known = (
        assignment.machine.migrated
        or Operation.COMPLETE_MIGRATION in machine.attempts.done
        or outcome.status in (Status.SATISFIED, Status.BLOCKED)  # `confirms_end` has read it.
    )
    if known or outcome.observed.stage is not Stage.MIGRATED:
        return outcome
    try:
        alone = await read_alone(service, snapshot, assignment, outcome.observed)
    except Exception as error:  # noqa: BLE001 - what was done until now has to be recorded
        unknown = replace(outcome.observed, stage=Stage.UNREADABLE, unreadable=str(error))
        return replace(outcome, observed=unknown)
    return replace(outcome, observed=observe(assignment.machine, alone, assignment.settings))
