"""Nothing that the service is recorded to answer is odd to the program."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from site_recovery.azure.answers.items import protected_item
from site_recovery.azure.answers.jobs import job
from tests.contract import replay

pytestmark = pytest.mark.skipif(
    not replay.recordings().is_dir(), reason=f"there are no recordings in {replay.recordings()}"
)

VAULT = "/Subscriptions/0/resourceGroups/g/providers/Microsoft.RecoveryServices/vaults/v"
READ: dict[str, Callable[[Any], Any]] = {
    "replicationProtectedItems": protected_item,
    "replicationJobs": job,
}


def resources(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in recorded traffic that has an id and properties."""
    if isinstance(node, list):
        for each in node:
            yield from resources(each)
    elif isinstance(node, dict):
        if isinstance(node.get("id"), str) and isinstance(node.get("properties"), dict):
            yield node
        for each in node.values():
            yield from resources(each)


def recorded(kind: str) -> list[Any]:
    files = sorted(replay.recordings().rglob("*.json"))
    texts = (file.read_text().replace("{V}", VAULT) for file in files)
    return [
        found
        for text in texts
        for found in resources(json.loads(text))
        if found["id"].split("/")[-2:-1] == [kind]
    ]


@pytest.mark.parametrize(("kind", "least"), [*zip(READ, (30, 20), strict=True)])
def test_every_recorded_resource_is_read(kind: str, least: int) -> None:
    found = recorded(kind)
    assert len(found) >= least
    read = [READ[kind](each) for each in found]
    assert "cannot be read" not in str(read)
