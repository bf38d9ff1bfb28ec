"""The status line of a wave: what matters most comes first, and it fits."""

from __future__ import annotations

from site_recovery.convergence.status_line import WIDTH, Activity, status_line
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet

PROTECTED = [Phase.PROTECTED] * 8


def replicating(machine: str, progress: int) -> Activity:
    return Activity(2, progress, f"{progress} %", machine)


def test_it_says_how_many_are_there_and_who_is_slowest() -> None:
    others = [replicating("web-02", 90), replicating("db-02", 63)]
    assert status_line(PROTECTED, 6, others) == "6/8 protected · db-02 63 % · web-02 90 %"


def test_what_a_person_has_to_look_at_comes_first() -> None:
    others = [
        Activity(3, 0, "waits for wave data to be protected (db-01)", "web-05"),
        replicating("db-02", 63),
        Activity(1, 0, "failover", "web-01"),
        Activity(0, 0, "failed", "web-09"),
    ]
    line = status_line(PROTECTED, 4, others)
    assert line == "4/8 protected · web-09 failed · web-01 failover · 2 more"


def test_it_fits_however_many_machines_there_are() -> None:
    others = [replicating(f"machine-{number:03}", number) for number in range(100)]
    assert len(status_line([Phase.PROTECTED] * 100, 0, others)) <= WIDTH


def test_machines_that_do_the_same_share_a_place() -> None:
    others = [Activity(1, 0, "test failover", name) for name in ("a", "b", "c")]
    assert status_line([Phase.TEST_FAILOVER] * 3, 0, others) == (
        "0/3 test-failover · a, b +1 test failover"
    )


def test_a_machine_that_was_migrated_is_not_said_to_be_removed(quiet_fleet: Fleet) -> None:
    quiet_fleet.drive({"web-01": Phase.MIGRATED, "web-02": Phase.PROTECTED})
    quiet_fleet.reporter.events.clear()
    quiet_fleet.drive(None)
    ends = [event for event in quiet_fleet.reporter.events if "->" not in event]
    assert "web-01: it is migrated; its virtual machine web-01 stays" in ends
    assert "web-02: replication removed" in ends
    assert "db-01: nothing of it is in the vault" in ends
