"""Looks right before a failover whether all machines of the run will get their addresses.

What was free in the preview may be taken when the replication ends, hours later. A wave must not be
split by that: if one of its machines cannot get its address, none of them begins its failover.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from site_recovery.convergence import room
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.room import Demand
from site_recovery.operations import Operation, of_scenario
from site_recovery.planning import Rules
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot
from site_recovery.steps import Blocked
from site_recovery.subnets import Network


class Networks(Protocol):
    """The networks of Azure. `azure.service.VaultService` implements it."""

    async def networks(self, wanted: Mapping[str, Collection[str]]) -> Mapping[str, Network]:
        """Read networks by id, each with the addresses to ask about; those that exist."""


class RoomCheck:
    """The addresses of the machines of a run, as one round sees them.

    Args:
        service: the networks.
        rules: the rules of the wave.
        machines: all machines of the run.
        snapshot: the services in this round.
    """

    def __init__(
        self,
        service: Networks,
        rules: Rules,
        machines: Sequence[MachineRun],
        snapshot: Snapshot,
    ) -> None:
        self._service = service
        self._rules = rules
        self._machines = machines
        self._snapshot = snapshot
        self._wanted: list[Demand] | None = None
        self._networks: Mapping[str, Network] | None = None

    async def refusal(self, machine: str, operation: Operation) -> Blocked | None:
        """Why a machine may not begin a failover, test or not; None if it may.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        if self._wanted is None:
            self._wanted = self._demands()
        now = [each for each in self._wanted if each.now and each.operation is operation]
        if not any(each.machine == machine for each in now):
            return None
        if self._networks is None:
            self._networks = await self._service.networks(room.asked(self._wanted))
        found = room.problems(self._wanted, self._networks, room.owners(self._snapshot))
        if machine in found or operation is Operation.TEST_FAILOVER:
            return found.get(machine)
        stuck = sorted(name for name in found if any(each.machine == name for each in now))
        if not stuck:
            return None
        return Blocked(
            Reason.NO_ADDRESS,
            f"it does not fail over without {', '.join(stuck)}, for which Azure has no address",
            "Put that right, or take those machines out of the wave, then run pulumi up again",
        )

    def _demands(self) -> list[Demand]:
        if any(map(_has_begun, self._machines)):
            # Whether the interfaces of those that began show in the network is not certain.
            return []
        going = [machine.assignment for machine in self._machines if machine.outcome is None]
        return list(room.demands(going, self._snapshot, self._rules))


def _has_begun(machine: MachineRun) -> bool:
    """Whether a failover of a machine, test or not, is under way or was just done."""
    attempts, observed = machine.attempts, machine.observed
    asked = attempts.in_flight.operation if attempts.in_flight else None
    runs = of_scenario(observed.busy) if observed is not None else None
    if any(operation in room.TAKING for operation in (asked, runs, attempts.lost)):
        return True
    unseen = observed is not None and not observed.in_azure
    return unseen and Operation.UNPLANNED_FAILOVER in attempts.done
