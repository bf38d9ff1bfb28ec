"""The virtual clock: it runs at a scale of real time, or is stepped by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class Clock:
    """Virtual time.

    With scale 0 the clock stands still and moves by `advance` only; with scale 360 an hour of
    service time passes in ten seconds of real time. It never goes back.

    Args:
        start: the virtual time to begin at.
        scale: virtual seconds per real second, 0 or more.
        real: a monotonic source of real seconds; tests inject their own.
    """

    def __init__(
        self,
        start: datetime = EPOCH,
        scale: float = 0.0,
        real: Callable[[], float] = time.monotonic,
    ) -> None:
        self._real = real
        self._scale = scale
        self._anchor_virtual = start
        self._anchor_real = real()

    @property
    def scale(self) -> float:
        """Virtual seconds in a real second."""
        return self._scale

    def now(self) -> datetime:
        """The present virtual time, aware, in UTC."""
        elapsed = (self._real() - self._anchor_real) * self._scale
        return self._anchor_virtual + timedelta(seconds=elapsed)

    def set_scale(self, scale: float) -> None:
        """Change the scale from now on.

        Raises:
            ValueError: the scale is negative.
        """
        if scale < 0:
            raise ValueError("the clock's scale must be 0 or more")
        self._anchor_virtual, self._anchor_real = self.now(), self._real()
        self._scale = scale

    def advance(self, delta: timedelta) -> datetime:
        """Step forward and return the new virtual time.

        Raises:
            ValueError: the step is negative.
        """
        if delta < timedelta():
            raise ValueError("the clock never goes back")
        self._anchor_virtual += delta
        return self.now()
