"""One look at the vault for many resources.

Protected items are recorded four at a time, each on its own; asking the vault anew for each of
a thousand would empty ARM's token bucket.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from site_recovery.snapshot import Snapshot

_FRESH_SECONDS = 5.0


class SharedObservation:
    """Snapshots by what they are of, each good for a few seconds.

    Args:
        now: a monotonic source of seconds; tests inject their own.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._snapshots: dict[object, tuple[float, Snapshot]] = {}

    def look(
        self, key: object, observe: Callable[[], Snapshot], good: Callable[[Snapshot], bool]
    ) -> Snapshot:
        """A snapshot a few seconds old at most.

        Args:
            key: what it is of.
            observe: takes a new one.
            good: whether it says what was hoped for; if a shared one does not, a new one is
                taken, because it may be older than what it should show.
        """
        with self._lock:
            taken, shared = self._snapshots.get(key, (float("-inf"), None))
            if shared is not None and self._now() - taken < _FRESH_SECONDS and good(shared):
                return shared
            snapshot = observe()
            self._snapshots[key] = (self._now(), snapshot)
            return snapshot


of_this_process = SharedObservation()
