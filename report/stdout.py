"""What the commands write to the terminal."""

from __future__ import annotations

import io
import sys


def never_fail() -> None:
    """Write a question mark for what the terminal's encoding does not have, such as an arrow."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
