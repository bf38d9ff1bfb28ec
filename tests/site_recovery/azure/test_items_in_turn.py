"""Vaults of one subscription read their items by themselves one vault after the other."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from site_recovery.azure import item_reads
from site_recovery.azure.item_reads import Details, Items, Turn, in_full
from site_recovery.jobs import Job
from site_recovery.snapshot import ProtectedItem
from site_recovery.target_disks import DiskSettings
from site_recovery.target_settings import TargetSettings

CLIENT: Any = None
"""Nothing is asked."""

WITH_DISKS = TargetSettings(disks=(DiskSettings(30, "StandardSSD_LRS", ""),))


def items(vault: str, *, complete: bool) -> Items:
    return Items(
        tuple(
            ProtectedItem(
                id=f"/{vault}/{number}",
                name=str(number),
                complete=complete,
                target=WITH_DISKS if complete else TargetSettings(),
            )
            for number in range(3)
        )
    )


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the items that were read by themselves, in that order."""
    ids: list[str] = []

    async def read_item(_client: Any, item_id: str, *, patient: bool) -> ProtectedItem:
        assert patient
        ids.append(item_id)
        await asyncio.sleep(0)
        return ProtectedItem(id=item_id, name=item_id, complete=True, target=WITH_DISKS)

    monkeypatch.setattr(item_reads, "read_item", read_item)
    monkeypatch.setattr(item_reads, "READS_AT_ONCE", 1)
    return ids


async def test_the_machines_of_the_first_vault_do_not_wait_for_the_items_of_all(
    read: list[str],
) -> None:
    turn = Turn()
    listed = [items(vault, complete=False) for vault in ("a", "b")]
    await asyncio.gather(*(in_full(CLIENT, each, {}, {}, turn=turn) for each in listed))
    assert read == [f"/{vault}/{number}" for vault in ("a", "b") for number in range(3)]


async def test_a_vault_without_anything_to_read_waits_for_no_other(read: list[str]) -> None:
    turn = Turn()
    known: Details = {}
    await in_full(CLIENT, items("a", complete=False), {}, known)
    read.clear()
    async with turn, asyncio.timeout(1):
        await in_full(CLIENT, items("b", complete=True), {}, {}, turn=turn)
        await in_full(CLIENT, items("a", complete=False), {}, known, turn=turn)
    assert read == []


async def test_disks_are_read_once_and_again_for_an_item_that_was_made_anew(
    read: list[str],
) -> None:
    known: Details = {}
    [first, *_] = items("a", complete=True).items
    without_disks = Items((replace(first, target=TargetSettings(vm_size="Standard_D2s_v5")),))

    async def look(listed: Items, *jobs: Job) -> list[TargetSettings]:
        found = await in_full(CLIENT, listed, {job.name: job for job in jobs}, known)
        return [each.target for each in found.items]

    job = Job("/jobs/1", "1", "TestFailover", "Succeeded", "")
    for jobs in ((), (job,)):
        [target] = await look(without_disks, *jobs)
        assert (target.disks, target.vm_size) == (WITH_DISKS.disks, "Standard_D2s_v5")
    assert read == ["/a/0"]
    await look(Items())
    await look(without_disks)
    assert read == ["/a/0", "/a/0"]
