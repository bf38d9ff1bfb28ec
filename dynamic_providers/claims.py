"""Which instances the program still declares, as far as this process was told.

A wave that is deleted is answerable for its machines, but for those that moved to another wave:
these its delete must not touch. Nothing else tells the two apart, because a machine that never got
to its phase has no record of its own whose delete would have asked for its removal.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable


class Claims:
    """Instance ids that the waves of a run named; empty on destroy, when no program runs.

    Nothing is known by a URN: a renamed stack has other ones than those that it recorded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instances: set[str] = set()
        self._program_runs = False

    def add(self, instances: Iterable[str] = ()) -> None:
        """A resource is checked, so a program runs; every wave is told of those of all waves."""
        with self._lock:
            self._program_runs = True
            self._instances.update(instances)

    @property
    def program_runs(self) -> bool:
        """Whether this is an update: a destroy checks nothing."""
        with self._lock:
            return self._program_runs

    def __contains__(self, instance: object) -> bool:
        with self._lock:
            return instance in self._instances


of_this_process = Claims()
"""The engine checks all resources of a run before it deletes any, in one provider process."""
