"""A part of the campaign: some plans of every transition, as `make faults` runs them all."""

from __future__ import annotations

import subprocess
import sys


def test_a_short_campaign_breaks_nothing() -> None:
    command = [sys.executable, "-m", "tests.faults", "--seeds", "4", "--jobs", "1"]
    ran = subprocess.run(
        [*command, "--reads", "0.002", "--changes", "0.02", "--pairs", "0.04"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "| fault | classic | modernized | one of two |" in ran.stdout
