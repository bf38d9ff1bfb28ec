"""Which instances the program still declares, as far as this process was told.

A wave that is deleted is answerable for its machines, but for those that moved to another wave:
these its delete must not touch. Nothing else tells the two apart, because a machine that never got
to its phase has no record of its own whose delete would have asked for its removal.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable


class Claims:
    """Instance ids that the waves of a run named; empty on destroy, when no program runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instances: set[str] = set()

    def add(self, instances: Iterable[str]) -> None:
        """A wave is told of them; every wave is told of those of all waves."""
        with self._lock:
            self._instances.update(instances)

    def __contains__(self, instance: str) -> bool:
        with self._lock:
            return instance in self._instances


of_this_process = Claims()
"""The engine checks all resources of a run before it deletes any, in one provider process."""
