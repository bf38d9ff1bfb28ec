from __future__ import annotations

from datetime import timedelta

import pytest

from site_recovery.declared import durations


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("90s", timedelta(seconds=90)),
        ("14d", timedelta(days=14)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("1h30m", timedelta(minutes=90)),
        ("1h0m5s250ms", timedelta(hours=1, seconds=5, milliseconds=250)),
    ],
)
def test_people_write_durations_with_units(text: str, duration: timedelta) -> None:
    assert durations.parse(text) == duration


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "1.5h", "-5m", "30m1h", "5M", "1h1h", "٣m"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        durations.parse(text)
