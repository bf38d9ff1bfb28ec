"""What is recorded of machines that a wave takes over from one that the program no longer declares.

The engine calls nothing of such a wave before the end of the run, when it deletes it. A preview
refuses what this finds, by the record of the machine itself; but a run need not have one.
"""

from __future__ import annotations

import asyncio

from dynamic_providers import engine, stack_record
from dynamic_providers.shared import records
from dynamic_providers.wave.inputs import ever_migrated
from site_recovery.errors import MigrationError

_WAVE = (":Wave", ":MigrationWave")
"""The ends of its type: since the types are short, and before."""


async def learn_migrated(urn: str) -> None:
    """Note the instances that any wave of the stack's record has as migrated; once in a run.

    Args:
        urn: the wave that asks. It is told if the record cannot be read.
    """
    known = records.of_this_process
    async with known.reading:
        if known.is_read or not known.stack:
            return
        known.is_read = True
        try:
            found = await asyncio.to_thread(stack_record.resources, known.stack)
        except MigrationError as error:
            what = f"nobody looked whether another wave has migrated its machines: {error}"
            engine.current().log(urn, what, warning=True)
            return
        for each in found:
            outputs = each.get("outputs") or {}
            if str(each.get("type")).endswith(_WAVE) and "machines" in outputs:
                known.migrated.update(ever_migrated(outputs).values())
