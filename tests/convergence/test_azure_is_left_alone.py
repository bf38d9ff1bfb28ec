"""After too many requests Azure says how long to wait, and the run does."""

from __future__ import annotations

from datetime import timedelta

from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet


def test_the_next_round_waits_as_long_as_azure_asks(quiet_fleet: Fleet) -> None:
    limits = {"writes": {"capacity": 1, "refillPerSecond": 0.001}}
    answer = quiet_fleet.site.call(
        "PUT", "/_emulator/throttling?", {"mode": "on", "limits": limits}
    )
    assert answer.status == 200, answer.body
    quiet_fleet.drive(Phase.PROTECTED, wait=timedelta(hours=1))
    assert max(quiet_fleet.slept) > 60


def test_a_round_that_azure_served_is_followed_at_the_usual_pace(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive(Phase.PROTECTED, wait=timedelta(minutes=2))
    assert quiet_fleet.slept
    assert all(3 <= seconds <= 30 for seconds in quiet_fleet.slept)
