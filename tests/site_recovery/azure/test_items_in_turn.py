"""Vaults of one subscription read their items by themselves one vault after the other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from site_recovery.azure import item_reads
from site_recovery.azure.item_reads import Details, Items, Turn, in_full
from site_recovery.snapshot import ProtectedItem

CLIENT: Any = None
"""Nothing is asked."""


def items(vault: str, *, complete: bool) -> Items:
    return Items(
        tuple(
            ProtectedItem(id=f"/{vault}/{number}", name=str(number), complete=complete)
            for number in range(3)
        )
    )


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the items that were read by themselves, in that order."""
    ids: list[str] = []

    async def read_item(_client: Any, item_id: str) -> ProtectedItem:
        ids.append(item_id)
        await asyncio.sleep(0)
        return ProtectedItem(id=item_id, name=item_id, complete=True)

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
        for listed in (items("b", complete=True), items("a", complete=False)):
            await in_full(CLIENT, listed, {}, known, turn=turn)
    assert read == []
