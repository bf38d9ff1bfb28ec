"""What a wave records of its last run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

from pydantic import Field

from dynamic_providers import adapter
from dynamic_providers.adapter import Outputs
from dynamic_providers.wave.inputs import MachineInputs, WaveInputs
from site_recovery.checks import Record
from site_recovery.convergence.outcome import Outcome
from site_recovery.observation import Observed, Stage
from site_recovery.phases import Phase
from site_recovery.planning import goal, satisfies


class WaveOutputs(Outputs):
    """How the last run ended, by machine.

    Attributes:
        outcomes: `status` (`satisfied`, `pending`, `failed`, `blocked`), `reason` (a name, see
            `site_recovery.reasons`) and `message`; and `decided`, the phase that `afterFailover`
            took the machine to, if that is not the declared one.
        results: what was observed at the end.
        leaving: machines that left the wave and whose removal has not ended, with their inputs.
        migrated: the instance of each machine that was ever observed as migrated. A refresh adds
            to it, and keeps it. Those of machines that moved to another wave stay, for that wave.
        hooks: which hooks of each machine have run in its attempt to fail over.
        checks: how the checks of each machine in Azure ended when they were last made. Those of a
            machine that moved to another wave stay, for that wave.
    """

    results: dict[str, dict[str, Any]] = Field(default_factory=dict)
    outcomes: dict[str, dict[str, str]] = Field(default_factory=dict)
    leaving: dict[str, dict[str, Any]] = Field(default_factory=dict)
    migrated: dict[str, str] = Field(default_factory=dict)
    checks: dict[str, dict[str, Any]] = Field(default_factory=dict)
    hooks: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def records(self) -> dict[str, Record]:
        """The checks of each machine."""
        return {name: Record.of(record) for name, record in self.checks.items()}


Recorded: TypeAlias = adapter.Recorded[WaveInputs, WaveOutputs]


def after_run(
    inputs: WaveInputs,
    outcomes: Mapping[str, Outcome],
    before: WaveOutputs,
    departing: Mapping[str, MachineInputs],
    ever: Mapping[str, str],
    once_migrated: Collection[str],
    elsewhere: Collection[str],
) -> WaveOutputs:
    """What is recorded after a run.

    Args:
        inputs: those of the wave.
        outcomes: how the run ended for each machine, by its name.
        before: what was recorded before.
        departing: the machines that left the wave, with their inputs.
        ever: the instance of each machine that is recorded as migrated.
        once_migrated: the machines of the wave among them.
        elsewhere: the instances that another wave declares.
    """
    staying = {name: outcomes[name] for name in inputs.machines}
    return WaveOutputs(
        results={name: result(o.observed) for name, o in staying.items()},
        outcomes={name: _outcome(inputs.phase, o) for name, o in staying.items()},
        migrated={
            **{name: instance for name, instance in ever.items() if instance in elsewhere},
            **{
                name: machine.instance_id
                for name, machine in inputs.machines.items()
                if name in once_migrated or staying[name].observed.stage is Stage.MIGRATED
            },
        },
        leaving={
            name: machine.wire()
            for name, machine in departing.items()
            if not satisfies(None, outcomes[name].observed)
        },
        checks={
            **{
                name: record
                for name, record in before.checks.items()
                if record["instance"] in elsewhere
            },
            **{name: o.checks.wire() for name, o in staying.items() if o.checks is not None},
        },
        hooks={name: o.hooks.wire() for name, o in staying.items() if o.hooks is not None},
    )


def _outcome(phase: Phase, outcome: Outcome) -> dict[str, str]:
    """How a run ended for a machine, as its record takes it."""
    reached = goal(phase, outcome.observed)
    decided = {} if reached is phase else {"decided": str(reached)}
    reason = str(outcome.reason or "")
    return {
        "status": str(outcome.status),
        "reason": reason,
        "message": outcome.message,
        **decided,
    }


def result(observed: Observed) -> dict[str, Any]:
    """What was observed of a machine, as its record takes it."""
    values = {
        "stage": str(observed.stage),
        "item_id": observed.item_id,
        "azure_vm_id": observed.azure_vm_id,
        "test_vm_id": observed.test_vm_id,
        "health": observed.health,
    }
    return {name: value for name, value in values.items() if value is not None}
