"""The recorded checks and hooks of a wave's machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from dynamic_providers.shared import records
from dynamic_providers.wave import takeovers
from dynamic_providers.wave.inputs import WaveInputs, instances_of
from site_recovery.checks import last_passed_test
from site_recovery.convergence import review
from site_recovery.convergence.checks import are_made
from site_recovery.convergence.review import MachineReview
from site_recovery.fleet import Assignment
from site_recovery.hooks import HookRecord
from site_recovery.observation import Observed
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot

_SHORT = 2.0
"""Seconds to wait for the records of other waves where nothing runs yet. A new wave tells none."""


def with_checks(assignments: Iterable[Assignment]) -> list[Assignment]:
    """Machines with what the waves of this run have recorded of their checks."""
    return [_with_record(each) for each in assignments]


def _with_record(assignment: Assignment) -> Assignment:
    record = records.of_this_process.of(assignment.machine.instance_id)
    if record is None:
        return assignment
    machine = replace(assignment.machine, checked_test=last_passed_test(record))
    return replace(assignment, machine=machine, checked=record)


def lacks_checks(assignment: Assignment, observed: Observed) -> bool:
    """Whether the checks of a machine have to be made where it is now."""
    return not are_made(assignment, assignment.checked, observed)


def awaits_records(inputs: WaveInputs, before: WaveInputs | None) -> bool:
    """Whether another wave may have a record that a machine needs.

    Args:
        inputs: the wave now.
        before: the same as it was recorded; None for a new one.
    """
    if instances_of(inputs) - instances_of(before):
        # It may be migrated, and must not be so twice.
        return True
    if inputs.phase not in (Phase.FAILED_OVER, Phase.MIGRATED):
        return False
    return inputs.rules.require_test_failover and any(
        records.of_this_process.of(machine.instance_id) is None
        for machine in inputs.machines.values()
    )


async def refusals(inputs: WaveInputs, before: WaveInputs, snapshot: Snapshot) -> list[str]:
    """A line for each machine whose failover needs the checks of a test that are not recorded.

    Args:
        inputs: the wave now.
        before: the same as it was recorded. A machine that was not in it has its record in another
            wave, which may not have told it yet; the run waits for that.
        snapshot: the vault.
    """
    stayed = {
        name
        for name, machine in inputs.machines.items()
        if name in before.machines
        and before.machines[name].instance_id == machine.instance_id
        and name not in inputs.holds
    }
    rules = replace(inputs.rules, knows_checks=True)

    def found() -> list[MachineReview]:
        own = [a for a in with_checks(inputs.assignments()) if a.machine.name in stayed]
        reviews = review.review(own, snapshot, rules)
        return [
            replace(each, blocked=why)
            for each in reviews
            if (why := tuple(b for b in each.blocked if b.reason is Reason.TEST_NOT_CHECKED))
        ]

    if not found():
        return []
    await takeovers.learn(_SHORT)
    return review.refusals(found())


def with_hooks(
    assignments: Iterable[Assignment], hooks: Mapping[str, Mapping[str, Any]]
) -> list[Assignment]:
    """Machines with the hooks that have run for them, by the records of their wave."""
    kept = {name: HookRecord.of(record) for name, record in hooks.items()}
    return [
        replace(each, hooked=record)
        if (record := kept.get(each.machine.name)) is not None
        and record.instance == each.machine.instance_id
        else each
        for each in assignments
    ]
