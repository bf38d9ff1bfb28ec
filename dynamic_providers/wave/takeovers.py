"""What is recorded of machines that a wave takes over from one that the program no longer declares.

The engine calls nothing of such a wave before the end of the run, when it deletes it. A preview
refuses what this finds, by the record of the machine itself; but a run need not have one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from dynamic_providers import stack_record
from dynamic_providers.shared import records
from dynamic_providers.wave.inputs import WaveInputs, ever_migrated, instances_of
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment

_WAVE = (":Wave", ":MigrationWave")
"""The ends of its type: since the types are short, and before."""


async def learn_migrated() -> None:
    """Note the instances that any wave of the stack's record has as migrated; once in a run."""
    known = records.of_this_process
    async with known.reading:
        if known.is_read or not known.stack:
            return
        known.is_read = True
        try:
            found = await asyncio.to_thread(stack_record.resources, known.stack)
        except MigrationError as error:
            known.unread = str(error)
            return
        for each in found:
            outputs = each.get("outputs") or {}
            if str(each.get("type")).endswith(_WAVE) and "machines" in outputs:
                known.migrated.update(ever_migrated(outputs).values())


def held(assignments: Iterable[Assignment], before: WaveInputs | None) -> list[Assignment]:
    """Machines, with a hold on those that are new if the record of the stack could not be read.

    Such a machine may have been migrated by a wave that the program does not declare any more. Then
    its item is gone, and its virtual machine shows it only as long as it has its tag and its group.
    Nothing else would keep it from being migrated again.

    Args:
        assignments: the machines of a wave.
        before: the wave as it was recorded; None for a new one.
    """
    unread = records.of_this_process.unread
    if not unread:
        return list(assignments)
    why = f"whether another wave of the stack has migrated it is not known: {unread.rstrip('.')}"
    known = instances_of(before)
    return [
        each
        if each.machine.instance_id in known
        else replace(each, machine=replace(each.machine, hold=each.machine.hold or why))
        for each in assignments
    ]
