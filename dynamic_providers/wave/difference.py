"""How the declaration of a wave differs from its record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from dynamic_providers.adapter import resource_name
from dynamic_providers.shared import claims, records
from dynamic_providers.wave.inputs import WaveInputs, assignments, instances_of
from dynamic_providers.wave.outputs import WaveOutputs
from site_recovery.convergence import review
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment
from site_recovery.phases import Phase
from site_recovery.snapshot import Snapshot

_NOT_COMPARED = {
    "bios_ids",
    "convergence",
    "earlier",
    "guards",
    "holds",
    "machines",
    "source",
    "urn",
}


def fails_over(inputs: WaveInputs) -> bool:
    """Whether the config, and not only the record that is refreshed, takes tested machines further."""
    return (
        inputs.phase in (Phase.FAILED_OVER, Phase.MIGRATED)
        and inputs.rules.require_test_failover
        and resource_name(inputs.urn) in records.of_this_process.planned
    )


def lasting(inputs: WaveInputs) -> dict[str, Any]:
    """The inputs whose change is a difference: all except run options and the other waves."""
    return {
        **inputs.model_dump(exclude=_NOT_COMPARED),
        "machines": {name: machine.lasting(name) for name, machine in inputs.machines.items()},
    }


def moved(ever: Mapping[str, str], before: WaveInputs, inputs: WaveInputs) -> list[Assignment]:
    """The migrated machines that are in another wave now, as they were in this one.

    A preview does not run the other wave, which may be new; this one has their record.
    """
    elsewhere = claims.of_this_process.instances - instances_of(inputs)
    return [
        replace(assignment, machine=replace(assignment.machine, migrated=True))
        for assignment in assignments(
            Phase.MIGRATED,
            {
                name: machine
                for name, machine in before.machines.items()
                if ever.get(name) == machine.instance_id and machine.instance_id in elsewhere
            },
        )
    ]


def keeps_in_vain(outputs: WaveOutputs, inputs: WaveInputs) -> bool:
    """Whether a machine is recorded as migrated that no wave declares. A refresh does not know."""
    if resource_name(inputs.urn) not in records.of_this_process.planned:
        return False
    declared = instances_of(inputs) | claims.of_this_process.instances
    return not set(outputs.migrated.values()) <= declared


def refuse_migrated_without_vm(
    machines: Iterable[Assignment], inputs: WaveInputs, snapshot: Snapshot
) -> None:
    """Refuse, in preview too, to migrate a machine again.

    `check` cannot do that, because it does not get the recorded outputs.

    Raises:
        MigrationError: naming each machine.
    """
    refusals = review.refusals(review.review(machines, snapshot, inputs.rules))
    if refusals:
        raise MigrationError(review.refused(refusals))
