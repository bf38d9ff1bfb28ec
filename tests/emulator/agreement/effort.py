"""How many cases the agreement of preview and emulator is tried on, and that both answers were given."""

from __future__ import annotations

import os
from dataclasses import dataclass

from hypothesis import HealthCheck, settings

_FUZZ = "FUZZ_EXAMPLES" in os.environ
"""Whether this is `make fuzz`, which tries many cases, and other ones with each run."""

EACH_WAY = 1000 if _FUZZ else 100
"""So many cases at least preview lets through, and so many it refuses, of each kind of input."""

_FEWER = 8
"""By how much a plain run is shorter."""


def cases(count: int) -> settings:
    """Hypothesis's settings for so many cases with `make fuzz`, and fewer without."""
    return settings(
        max_examples=count if _FUZZ else count // _FEWER,
        deadline=None,
        derandomize=not _FUZZ,
        suppress_health_check=list(HealthCheck),
        database=None,
    )


@dataclass
class Ways:
    """The answers to the cases of one kind of input."""

    accepted: int = 0
    refused: int = 0

    def agree(self, preview: bool, azure: bool) -> None:
        """Compare what preview and the emulator say of one case."""
        assert preview == azure
        self.accepted += azure
        self.refused += not azure

    def enough(self) -> bool:
        """Whether each way was tried as often as it should be."""
        return min(self.accepted, self.refused) >= EACH_WAY


def accepted(status: int) -> bool:
    """Whether Resource Manager took a request."""
    return status < 400
