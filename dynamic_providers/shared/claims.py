"""What the program declares in this run: instances, recovery plans and the things of resources.

A deleted record does not always mean that its thing goes. A machine may have moved to another wave,
and a record may only be replaced (`pulumi up --replace`, `pulumi state taint`). Only the declarations
of this run tell: a machine that never reached its phase has no record of its own whose delete would
ask for its removal.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable


class Claims:
    """What the resources of a run declare; empty on destroy, when no resource is checked.

    Nothing is kept by URN, because a renamed stack has other URNs than it recorded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instances: set[str] = set()
        self._things: set[Hashable] = set()
        self._program_runs = False

    def add(self, instances: Iterable[str] = ()) -> None:
        """Note that a resource is checked, so a program runs, and which instances it declares."""
        with self._lock:
            self._program_runs = True
            self._instances.update(instances)

    def add_thing(self, thing: Hashable) -> None:
        """Note a thing in a cloud that a resource declares, such as a recovery plan by its name."""
        with self._lock:
            self._things.add(thing)

    @property
    def program_runs(self) -> bool:
        """Whether a program runs: a destroy checks no resource."""
        with self._lock:
            return self._program_runs

    def has_thing(self, thing: Hashable) -> bool:
        """Whether a resource declares this thing."""
        with self._lock:
            return thing in self._things

    def __contains__(self, instance: object) -> bool:
        with self._lock:
            return instance in self._instances


of_this_process = Claims()
"""One provider process serves a run, and the engine checks all resources before it deletes any."""
