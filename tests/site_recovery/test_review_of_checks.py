"""A preview names the checks that follow a failover."""

from __future__ import annotations

import pytest

from site_recovery.convergence.review import review
from site_recovery.convergence.review_data import wave_review
from site_recovery.convergence.review_text import wave_block
from site_recovery.declared.checks import Check, effective
from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.declared.target import TargetSpec
from site_recovery.fleet import Assignment
from site_recovery.phases import Phase
from site_recovery.planning import Rules
from site_recovery.snapshot import Machine, Snapshot
from site_recovery.usual_durations import History


def told(phase: Phase, *checks: Check) -> str:
    assignment = Assignment(
        Machine("web-01", "i-1", "10.0.0.1", "web-01"),
        "linux",
        TargetSpec(),
        phase,
        cutover=Cutover(mode=Mode.LATEST),
        checks=effective(list(checks)),
    )
    reviews = review([assignment], Snapshot(), Rules(require_test_failover=False))
    block = wave_block(wave_review("web", str(phase), reviews, History("modernized", [])))
    return " ".join(block.split())


@pytest.mark.parametrize(
    ("phase", "operation"),
    [(Phase.TEST_FAILOVER, "test failover"), (Phase.MIGRATED, "unplanned failover")],
)
def test_declared_checks_are_named_after_the_operation(phase: Phase, operation: str) -> None:
    block = told(phase, Check.model_validate({"tcp": 443}))
    assert f"web-01: {operation}: then checks running within 15m, tcp 443 (at most 10 min)" in block


def test_the_check_that_is_always_made_is_named_only_beside_others() -> None:
    assert "check" not in told(Phase.TEST_FAILOVER)
    patient = Check.model_validate({"running": {"within": "1h"}})
    assert "checks running within 1h" in told(Phase.TEST_FAILOVER, patient)
