from __future__ import annotations

import pytest

from tests.contract import walk
from tests.contract.recording import Call, recorded


@pytest.fixture(scope="session")
def walked() -> dict[str, list[Call]]:
    """All calls of each walk, by the name of the walk."""
    calls = {}
    for name, path in walk.WALKS.items():
        with recorded() as kept:
            path()
        calls[name] = kept
    return calls
