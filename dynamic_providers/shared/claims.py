"""The instances that the program declares in this run.

The delete of a wave removes the replication of its machines, except of those that moved to another
wave. Only the declarations of this run tell the two apart: a machine that never reached its phase
has no record of its own whose delete would ask for its removal.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable


class Claims:
    """The instance ids that the waves of a run declare; empty on destroy, when no program runs.

    They are not kept by URN, because a renamed stack has other URNs than it recorded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instances: set[str] = set()
        self._program_runs = False

    def add(self, instances: Iterable[str] = ()) -> None:
        """Note that a resource is checked, so a program runs, and which instances it declares."""
        with self._lock:
            self._program_runs = True
            self._instances.update(instances)

    @property
    def program_runs(self) -> bool:
        """Whether a program runs: a destroy checks no resource."""
        with self._lock:
            return self._program_runs

    def __contains__(self, instance: object) -> bool:
        with self._lock:
            return instance in self._instances


of_this_process = Claims()
"""One provider process serves a run, and the engine checks all resources before it deletes any."""
