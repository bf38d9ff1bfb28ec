"""How the machines that left their wave came out of this run.

Their wave's update drives them out of the vault and does not fail for one of them, so that its
other machines are recorded; what became of each is told by the delete of its own record.
"""

from __future__ import annotations

import threading

from site_recovery.convergence.outcome import Outcome


class Departures:
    """Outcomes by instance id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: dict[str, Outcome] = {}

    def add(self, instance: str, outcome: Outcome) -> None:
        """Its wave drove it out, or tried to."""
        with self._lock:
            self._outcomes[instance] = outcome

    def of(self, instance: str) -> Outcome | None:
        """What its wave met; None where no wave drove it."""
        with self._lock:
            return self._outcomes.get(instance)


of_this_process = Departures()
"""Waves and records of a run are served by one provider process."""
