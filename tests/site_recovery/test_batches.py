"""Splitting values into batches."""

from __future__ import annotations

import pytest

from site_recovery.batches import batches


@pytest.mark.parametrize(
    ("values", "expected"),
    [("", []), ("a", ["a"]), ("abc", ["abc"]), ("abcdefg", ["abc", "def", "g"])],
)
def test_no_batch_is_longer_than_its_size_and_no_value_is_lost(
    values: str, expected: list[str]
) -> None:
    assert ["".join(batch) for batch in batches(iter(values), 3)] == expected
