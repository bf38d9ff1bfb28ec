"""One observation of the vault, shared by many resources.

Protected items are recorded four at a time, each on its own. Observing the vault again for each of
a thousand of them would empty ARM's token bucket.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable

from site_recovery.snapshot import Snapshot

_FRESH_SECONDS = 5.0


class SharedObservation:
    """Snapshots by key, each valid for a few seconds.

    Args:
        now: a monotonic clock in seconds; tests pass their own.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._snapshots: dict[object, tuple[float, Snapshot]] = {}

    async def look(
        self,
        key: object,
        observe: Callable[[], Awaitable[Snapshot]],
        good: Callable[[Snapshot], bool],
    ) -> Snapshot:
        """A snapshot that is a few seconds old at most.

        Args:
            key: identifies what is observed.
            observe: takes a new snapshot.
            good: whether a snapshot shows what the caller expects. If a shared one does not, it
                may be too old, so a new one is taken.
        """
        # Each provider call has its own thread and event loop, so it may block while another
        # thread observes.
        with self._lock:
            taken, shared = self._snapshots.get(key, (float("-inf"), None))
            if shared is not None and self._now() - taken < _FRESH_SECONDS and good(shared):
                return shared
            snapshot = await observe()
            self._snapshots[key] = (self._now(), snapshot)
            return snapshot


of_this_process = SharedObservation()
