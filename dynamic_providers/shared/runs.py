"""What the waves of one run share for their guards: who gave up, and who failed over."""

from __future__ import annotations


class Runs:
    """How the waves of a run got on. All calls are made on the event loop of the provider process.

    Attributes:
        gave_up: the waves whose run has ended before all their machines were in its phase.
        failed_over: the instances whose failover was requested in this process.
    """

    def __init__(self) -> None:
        self.gave_up: set[str] = set()
        self.failed_over: set[str] = set()


of_this_process = Runs()
"""One provider process serves all waves of a run."""
