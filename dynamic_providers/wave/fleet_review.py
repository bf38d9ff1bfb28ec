"""All waves of a stack in one observation, as one of them reviews them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from dynamic_providers.adapter import resource_name
from dynamic_providers.wave.inputs import OtherWave, WaveInputs, assignments
from site_recovery.convergence import review
from site_recovery.convergence.review import MachineReview
from site_recovery.convergence.review_data import StackReview, WaveReview, wave_review
from site_recovery.guards import Earlier, guard
from site_recovery.observation import Stage, observe
from site_recovery.operations import Operation
from site_recovery.planning import Rules
from site_recovery.snapshot import Snapshot
from site_recovery.usual_durations import History


def seen_at(snapshot: Snapshot) -> datetime:
    """The service's time of a snapshot; this computer's if the snapshot has none."""
    return snapshot.at or datetime.now(UTC)


class FleetReview:
    """The reviews of all waves.

    Args:
        inputs: the wave that does.
        others: the other waves.
        snapshot: the observation.

    Attributes:
        name: the name of the wave that does.
        history: how long operations took in the vault.
    """

    def __init__(
        self, inputs: WaveInputs, others: Mapping[str, OtherWave], snapshot: Snapshot
    ) -> None:
        self.name = resource_name(inputs.urn)
        self.history = History(inputs.experience, snapshot.jobs.values())
        self._inputs = inputs
        self._others = others
        self._snapshot = snapshot
        self._waves = {**others, self.name: inputs.own_wave}

    def rules(self, wave: OtherWave) -> Rules:
        """The rules of a wave, with its guards as they are now."""
        earlier = [
            Earlier(
                name,
                first.phase,
                {m: observe(its.machine(m), self._snapshot) for m, its in first.machines.items()},
            )
            for name in wave.guards.after
            if (first := self._waves.get(name)) is not None
        ]
        return replace(
            self._inputs.rules,
            require_test_failover=wave.require_test_failover,
            # What the last run recorded of checks is not known before the comparison with it.
            knows_checks=False,
            guard=guard(wave.guards, earlier, self._now),
        )

    def elsewhere(self) -> dict[str, list[MachineReview]]:
        """The reviews of the machines of all other waves."""
        zone = self._inputs.landing_zone
        return {
            name: review.review(
                [each.placed(zone) for each in assignments(wave.phase, wave.machines)],
                self._snapshot,
                self.rules(wave),
            )
            for name, wave in self._others.items()
        }

    def told(self, name: str, reviews: Sequence[MachineReview]) -> WaveReview:
        """The review of a wave, with the migrated machines whose instances are due."""
        wave, now = self._waves[name], self._now()
        due = [
            each.name
            for each in reviews
            if each.observed.stage is Stage.MIGRATED
            and (machine := wave.machines.get(each.name)) is not None
            and machine.terminates(now)
        ]
        return replace(
            wave_review(name, str(wave.phase), reviews, self.history), terminates=tuple(due)
        )

    def stack(
        self, told: WaveReview, elsewhere: Mapping[str, Sequence[MachineReview]]
    ) -> StackReview:
        """The review of the stack."""
        waves = {name: self.told(name, reviews) for name, reviews in elsewhere.items()}
        return StackReview(dict(sorted({**waves, told.wave: told}.items())))

    @staticmethod
    def failovers(*waves: WaveReview) -> int:
        """How many machines would fail over."""
        return sum(wave.count(Operation.UNPLANNED_FAILOVER) for wave in waves)

    def _now(self) -> datetime:
        return seen_at(self._snapshot)
