"""The status that a server reports while it sets itself up."""

from __future__ import annotations

import json
from dataclasses import dataclass

FAILED = "failed"
SUCCEEDED = "succeeded"


@dataclass(frozen=True)
class ServerStatus:
    """One report of a server's set-up.

    Attributes:
        state: `starting`, `installing`, `waiting` (for a person), `succeeded` or `failed`.
        step: the current or the last step.
        message: output of its installer, or what a person has to do.
    """

    state: str
    step: str = ""
    message: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.state, self.step, self.message) if part)


def parse(value: str) -> ServerStatus | None:
    """Read a report from its JSON text; None if the text is not a report."""
    try:
        report = json.loads(value)
    except ValueError:
        return None
    if not isinstance(report, dict) or not isinstance(report.get("state"), str):
        return None
    return ServerStatus(
        report["state"], str(report.get("step") or ""), str(report.get("message") or "")
    )
