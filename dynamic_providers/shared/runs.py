"""What the waves of one run share for their guards: who gave up, and who failed over."""

from __future__ import annotations

import threading


class Runs:
    """The waves of a run that did not get where they should, by stack and name.

    Attributes:
        failed_over: the instances whose failover was requested in this process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: set[tuple[str, str]] = set()
        self.failed_over: set[str] = set()

    def begin(self, stack: str, wave: str) -> None:
        """Note that the run of a wave begins."""
        with self._lock:
            self._ended.discard((stack, wave))

    def give_up(self, stack: str, wave: str) -> None:
        """Note that the run of a wave has ended before all its machines were in its phase."""
        with self._lock:
            self._ended.add((stack, wave))

    def gave_up(self, stack: str, wave: str) -> bool:
        """Whether the run of a wave has ended before all its machines were in its phase."""
        with self._lock:
            return (stack, wave) in self._ended


of_this_process = Runs()
"""One provider process serves all waves of a run."""
