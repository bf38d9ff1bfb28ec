"""The outcomes of the machines that left their wave in this run.

The update of a wave removes the replication of machines that left it. It does not fail because one
of them failed, so that the other machines are recorded. The delete of the machine's own record
tells the outcome instead.
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
        """Record the outcome of an instance whose replication its wave removed, or tried to."""
        with self._lock:
            self._outcomes[instance] = outcome

    def of(self, instance: str) -> Outcome | None:
        """The outcome of an instance; None if no wave removed it."""
        with self._lock:
            return self._outcomes.get(instance)


of_this_process = Departures()
"""One provider process serves the waves and the records of a run."""
