"""A preview lists the steps of a cutover with their usual durations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from site_recovery import cutover_durations
from site_recovery.convergence.review import review
from site_recovery.convergence.review_data import wave_review
from site_recovery.convergence.review_text import WIDTH, wave_block
from site_recovery.declared.checks import Check, effective
from site_recovery.declared.cutover import Cutover
from site_recovery.declared.target import TargetSpec
from site_recovery.fleet import Assignment
from site_recovery.phases import Phase
from site_recovery.planning import Rules
from site_recovery.snapshot import Machine, Snapshot
from site_recovery.usual_durations import History

FAILOVER = timedelta(minutes=8)
QUIESCE = {"ssm": {"linux": ["stop"]}, "timeout": "10m"}


@pytest.mark.parametrize(
    ("declared", "rpo", "told"),
    [
        (
            {"mode": "lossless"},
            2,
            "fence it (5 s), prove that no connection is left and flush its disks (30 s), wait for "
            "a later recovery point (5 min), stop it (1 min), fail over (8 min)",
        ),
        (
            {"mode": "stop-first"},
            None,
            "fence it (5 s), wait for a later recovery point (5 min), stop it (1 min), fail over "
            "(8 min); what its clients still write behind the fence may be lost",
        ),
        (
            {"mode": "stop-first", "quiesce": QUIESCE},
            14,
            "stop its application (at most 10 min), fence it (5 s), wait for a later recovery "
            "point (14 min), stop it (1 min), fail over (8 min); what its clients still write "
            "behind the fence may be lost",
        ),
        (
            {"mode": "stop-first", "consistency": "application", "recoveryPointWait": "40m"},
            14,
            "fence it (5 s), wait for a later recovery point (at most 40 min), stop it (1 min), "
            "fail over (8 min); what its clients still write behind the fence may be lost",
        ),
        ({"mode": "latest"}, 2, "fail over (8 min)"),
    ],
)
def test_the_steps_are_told_with_their_durations(
    declared: dict[str, Any], rpo: int | None, told: str
) -> None:
    lag = timedelta(minutes=rpo) if rpo is not None else None
    assert cutover_durations.told(Cutover.model_validate(declared), lag, FAILOVER) == told


@pytest.mark.parametrize(
    ("declared", "rpo", "seconds"),
    [
        ({"mode": "latest"}, 30, 0),
        ({"mode": "lossless"}, 1, 395),
        ({"mode": "lossless", "quiesce": QUIESCE}, 1, 395),
        ({"mode": "lossless"}, 9, 635),
        ({"mode": "lossless", "consistency": "application", "recoveryPointWait": "40m"}, 1, 2495),
    ],
)
def test_a_machine_is_down_from_its_fence_on(
    declared: dict[str, Any], rpo: int, seconds: int
) -> None:
    lag = timedelta(minutes=rpo)
    down = cutover_durations.down(Cutover.model_validate(declared), lag)
    assert down == timedelta(seconds=seconds)


def test_a_block_of_a_wave_lists_them_once_for_all_its_machines() -> None:
    reviews = review(
        [
            Assignment(
                Machine(name, f"i-{name}", "10.0.0.1", name),
                "linux",
                TargetSpec(),
                Phase.FAILED_OVER,
                cutover=Cutover(),
                checks=effective([Check.model_validate({"tcp": 443})]),
            )
            for name in ("web-01", "web-02")
        ],
        Snapshot(),
        Rules(require_test_failover=False),
    )
    block = wave_block(wave_review("web", "failed-over", reviews, History("modernized", [])))

    assert max(map(len, block.splitlines())) <= WIDTH
    flat = " ".join(block.split())
    assert flat.count("fence it") == 1
    assert "web-01, web-02: unplanned failover: fence it (5 s)" in flat
    assert flat.endswith("then checks running within 15m, tcp 443 (at most 10 min)")
