"""What the other waves have recorded of machines that a wave takes over, or that were in one of them.

Each wave tells its record when the engine comes to it. That is after this one, or not at all, of a
wave that is not a target of the run, and of one that the program declares no longer. So the record
of the whole stack is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from dynamic_providers import stack_record
from dynamic_providers.shared import claims, records
from dynamic_providers.wave.inputs import WaveInputs, ever_migrated, instances_of
from site_recovery.checks import Record
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment

_WAVE = (":Wave", ":MigrationWave")
"""The ends of its type: since the types are short, and before."""


async def learn(seconds: float) -> None:
    """Note what any wave of the stack has recorded of checks and migrated machines.

    Args:
        seconds: how long to wait for waves to tell theirs if the record of the stack cannot be read.
    """
    known = records.of_this_process
    async with known.reading:
        if known.stack and not known.is_read:
            known.is_read = True
            await _read(known)
    if known.unread or not known.is_read:
        await known.told(claims.of_this_process.waves, seconds)


async def _read(known: records.Records) -> None:
    """Read the record of the stack, which has those of all waves, as they are now or were before."""
    try:
        found = await asyncio.to_thread(stack_record.resources, known.stack)
    except MigrationError as error:
        known.unread = str(error)
        return
    for each in found:
        outputs = each.get("outputs") or {}
        if str(each.get("type")).endswith(_WAVE) and "machines" in outputs:
            checks = (outputs.get("checks") or {}).values()
            known.learn(map(Record.of, checks), ever_migrated(outputs).values())


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
