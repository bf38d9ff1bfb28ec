"""The present time, and until when what was computed from it stays the same."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

Write: TypeAlias = Callable[[datetime], object]
"""Computes a value from the present time."""


@dataclass(slots=True)
class Reading:
    """What a computation took from the time in a `Present.watched` block.

    Attributes:
        until: the first moment at which the computation may give something else; None for never.
        holes: the values that a caller writes anew for every moment: a key and how to compute it.
            In what was computed, `Present.mark` of its position stands for each.
    """

    until: datetime | None = None
    holes: list[tuple[Hashable, Write]] = field(default_factory=list)

    def ends(self, moment: datetime) -> None:
        """Note that the computation holds until a moment at most."""
        if self.until is None or moment < self.until:
            self.until = moment


class Present:
    """The time of the request or event that is being handled; it does not move within one.

    What describes a resource reads the time by `passed`, `whole`, `percentage` and `written`, so
    that the description can be kept. It may also read `now`; then it holds for that moment only.

    Attributes:
        moment: the present time, for those that keep no result.
    """

    def __init__(self, moment: datetime) -> None:
        self.moment = moment
        self._reading: Reading | None = None
        # Nobody outside can know it, so no text of a caller is ever taken for a hole.
        self._secret = uuid.uuid4().hex

    @property
    def now(self) -> datetime:
        """The present time."""
        if self._reading is not None:
            self._reading.ends(self.moment)
        return self.moment

    def passed(self, moment: datetime) -> bool:
        """Whether a moment has come."""
        if moment <= self.moment:
            return True
        if self._reading is not None:
            self._reading.ends(moment)
        return False

    def whole(self, since: datetime, width: timedelta) -> int:
        """How many times a width has passed since a moment; negative before it."""
        count = (self.moment - since) // width
        if self._reading is not None:
            self._reading.ends(since + (count + 1) * width)
        return count

    def percentage(self, begins: datetime, ends: datetime) -> int:
        """The part of a time that has passed: whole percent, 0 to 100, rounded down."""
        span = ends - begins
        if self.passed(ends) or span <= timedelta():
            return 100
        if not self.passed(begins):
            return 0
        share = 100 * (self.moment - begins) // span
        if self._reading is not None:
            # Rounded up, as it is the first moment of the next percent.
            self._reading.ends(begins - (-(share + 1) * span) // 100)
        return share

    def written(self, key: Hashable, write: Write) -> Any:
        """`write(now)`, or in a `watched` block the mark of a hole for it.

        Args:
            key: of what it writes: what has the same key at the same moment is the same.
            write: computes the value.
        """
        if self._reading is None:
            return write(self.moment)
        self._reading.holes.append((key, write))
        return self.mark(len(self._reading.holes) - 1)

    def mark(self, position: int | str) -> str:
        """The text that stands for a hole."""
        return f"{self._secret}:{position}"

    @contextmanager
    def watched(self) -> Iterator[Reading]:
        """Note what is read of the time inside."""
        outer, self._reading = self._reading, Reading()
        try:
            yield self._reading
        finally:
            self._reading = outer
