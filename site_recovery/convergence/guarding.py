"""The guards of a wave within one run: what they need to know of the other waves and of the run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from site_recovery.convergence.outcome import Failure
from site_recovery.guards import Budget, Earlier, Guards, guard
from site_recovery.observation import observe
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.planning import Guard
from site_recovery.reasons import Reason
from site_recovery.snapshot import Machine, Snapshot


@dataclass(frozen=True)
class OrderedWave:
    """A wave that must go first: its declared phase and its machines."""

    phase: Phase
    machines: Sequence[Machine]


@dataclass(frozen=True)
class Guarding:
    """The guards of the machines of a run.

    Attributes:
        guards: what is declared for their wave.
        earlier: the waves of `guards.after`, by name.
        gave_up: the waves whose run has ended before their machines were in their phase. Others are
            added while this one runs.
        budgets: how many machines may fail over in this run.
    """

    guards: Guards = field(default_factory=Guards)
    earlier: Mapping[str, OrderedWave] = field(default_factory=dict)
    gave_up: Collection[str] = ()
    budgets: Sequence[Budget] = ()

    def guard(self, snapshot: Snapshot, now: Callable[[], datetime]) -> Guard:
        """The guard as it is in one round.

        Args:
            snapshot: the round's observation of the vault.
            now: the time at the service, read whenever the guard is asked.
        """
        earlier = [
            Earlier(
                name,
                wave.phase,
                {machine.name: observe(machine, snapshot) for machine in wave.machines},
                name in self.gave_up,
            )
            for name, wave in self.earlier.items()
        ]
        return guard(self.guards, earlier, now)

    def admit(self, operation: Operation, instances: Collection[str]) -> Failure | None:
        """Count machines whose operation is requested now.

        Args:
            operation: what is requested.
            instances: the instances that it is requested for, by one request.

        Returns:
            Why it may not be requested; None if it may.
        """
        if operation is not Operation.UNPLANNED_FAILOVER:
            return None
        for budget in self.budgets:
            refusal = budget.refusal(instances)
            if refusal is not None:
                return Failure(Reason.TOO_MANY_FAILOVERS, refusal)
        for budget in self.budgets:
            budget.taken.update(instances)
        return None


NONE = Guarding()
"""For machines whose wave has no guards."""
