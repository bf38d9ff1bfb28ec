"""What a machine needs from Azure before it goes on: a size, an address, and a group without a lock."""

from __future__ import annotations

import asyncio

from site_recovery.convergence import sizing
from site_recovery.convergence.interfaces import Service
from site_recovery.convergence.lock_check import LockCheck
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.room import TAKING
from site_recovery.convergence.room_check import RoomCheck
from site_recovery.errors import MigrationError
from site_recovery.observation import Observed
from site_recovery.reasons import Reason
from site_recovery.steps import Blocked, Do, Step, Wait

_UNSIZED_ROUNDS = 10
"""Rounds without an answer about sizes after which a machine fails."""
_UNPLACED_ROUNDS = 10
"""Rounds without an answer about addresses or locks after which a machine fails."""


class TargetLimits:
    """The sizes, addresses and locks of the machines of a run, in one round.

    Args:
        service: the vault.
        room: the addresses that are free.
    """

    def __init__(self, service: Service, room: RoomCheck) -> None:
        self._service = service
        self._room = room
        self._locks = LockCheck(service)
        self._looking = asyncio.Lock()

    async def settle_size(self, machine: MachineRun, observed: Observed) -> Wait | Blocked | None:
        """Choose or check the size of a machine. Returns what keeps it from going on, or None."""
        try:
            sizes = await self._service.target_sizes(machine.assignment, observed)
        except MigrationError as error:
            machine.unsized += 1
            if machine.unsized < _UNSIZED_ROUNDS:
                return Wait(Reason.UNAVAILABLE, str(error))
            return Blocked(
                Reason.UNAVAILABLE,
                f"Azure does not tell which sizes it may have: {str(error).rstrip('.')}",
                "Run pulumi up again",
            )
        if not sizes and machine.unsized < _UNSIZED_ROUNDS:
            # Every machine has sizes. A list of none is one that lags behind.
            machine.unsized += 1
            return Wait(Reason.UNAVAILABLE, "Azure lists no sizes for it yet")
        decided = sizing.sized(machine.assignment, observed, sizes)
        if isinstance(decided, Blocked):
            return decided
        machine.assignment, machine.sized, machine.unsized = decided, True, 0
        return None

    async def if_it_can_be_made(self, machine: MachineRun, step: Step) -> Step:
        """The step, unless it is a failover and no virtual machine can come of it.

        A lock forbids it, or Azure has no address for the machine, or for one that goes with it.
        """
        if not isinstance(step, Do) or step.operation not in TAKING:
            return step
        async with self._looking:
            try:
                refusal = await self._locks.refusal(machine.assignment)
            except MigrationError as error:
                why = str(error)
                said = f"Azure does not tell what is locked: {why.rstrip('.')}"
                return self._untold(machine, why, said)
            try:
                refusal = refusal or await self._room.refusal(machine.name, step.operation)
            except MigrationError as error:
                why = str(error)
                said = f"Azure does not tell which addresses are free: {why.rstrip('.')}"
                return self._untold(machine, why, said)
        machine.unplaced = 0
        return refusal or step

    def _untold(self, machine: MachineRun, why: str, at_last: str) -> Wait | Blocked:
        machine.unplaced += 1
        if machine.unplaced < _UNPLACED_ROUNDS:
            return Wait(Reason.UNAVAILABLE, why)
        return Blocked(Reason.UNAVAILABLE, at_last, "Run pulumi up again")
