"""The pauses of a wait get longer by its age, and Azure may ask for more."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from site_recovery.azure.connection import Connection
from site_recovery.polling import RetryAfter
from site_recovery.service_clock import ServiceClock

CLIENT: Any = SimpleNamespace()


def test_a_wait_begins_with_short_pauses() -> None:
    passed = [0.0]
    clock = ServiceClock(lambda: passed[-1])
    pause = Connection(CLIENT, clock).pauses(timedelta(minutes=1))
    paused = []
    for seconds in (0, 30, 100, 300, 3600):
        passed.append(seconds)
        clock.read(
            f"Mon, 05 Jan 2026 {12 + seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} GMT"
        )
        paused.append(pause())
    assert paused == [3, 3, 5, 15, 60]


def test_azure_may_ask_for_more() -> None:
    asked = RetryAfter(lambda: 100.0)
    asked.read(429, "20")
    assert Connection(CLIENT, ServiceClock(), asked).pauses(timedelta(minutes=1))() == 20
