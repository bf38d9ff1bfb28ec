"""A part of the campaign: some plans of most transitions, as `make faults` runs them all."""

from __future__ import annotations

import subprocess
import sys

from tests.faults.transitions import TRANSITIONS

PARTS_OF_OTHERS = {"go-on", "complete-fenced"}
"""Their calls are met in other transitions too, and each takes seconds to begin with."""


def test_a_short_campaign_breaks_nothing() -> None:
    command = [sys.executable, "-m", "tests.faults", "--seeds", "4", "--jobs", "1"]
    names = [each.name for each in TRANSITIONS if each.name not in PARTS_OF_OTHERS]
    ran = subprocess.run(
        [
            *command,
            "--transitions",
            *names,
            "--reads",
            "0.001",
            "--changes",
            "0.008",
            "--pairs",
            "0.02",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "| fault | classic | modernized | one of two |" in ran.stdout
