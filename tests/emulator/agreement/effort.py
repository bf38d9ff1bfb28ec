"""How many cases the agreement of preview and emulator is tried on: few here, many by `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_MANY = 1000

agreement = settings(
    max_examples=_MANY if "FUZZ_EXAMPLES" in os.environ else 100,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
"""For tests in which preview and emulator judge the same input."""


def accepted(status: int) -> bool:
    """Whether Resource Manager took a request."""
    return status < 400
