"""Errors of the program itself, which the outcome of a machine names instead of a traceback.

Such an error must not end the run of the other machines, nor leave a source fenced.
"""

from __future__ import annotations

import traceback
from pathlib import Path

from site_recovery.convergence.outcome import Failure
from site_recovery.reasons import Reason


def failure(error: Exception, what: str) -> Failure:
    """Why a machine or a run cannot go on.

    Args:
        error: what was raised.
        what: what it ended, as the beginning of a sentence.
    """
    return Failure(
        Reason.UNEXPECTED,
        f"{what} ended with an error of this program that should not happen ({named(error)}). "
        "Run pulumi up again, and report the error if it comes again",
    )


def named(error: Exception) -> str:
    """An error with its type, its text and where it was raised, in words."""
    said = f"{type(error).__name__}: {error}".strip().rstrip(":")
    raised = traceback.extract_tb(error.__traceback__)
    return f"{said}; {Path(raised[-1].filename).name} line {raised[-1].lineno}" if raised else said
