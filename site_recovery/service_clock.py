"""The time at the service."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SLACK = timedelta(minutes=1)
"""How far two answers may be apart in what they tell: the way of one may have taken that long."""


class ServiceClock:
    """The service's own time, from the Date header of its responses.

    Waits are measured with it. So a limit of fifteen minutes also holds on a local cloud, where
    time may pass much faster.

    One wrong Date must not begin a failover before its window. So a time that is further ahead than
    the time that has passed here is doubted, until a second response shows that it is at least that
    late. That is also how the clock goes on after this computer has slept. The clock never goes
    back, but for one case: while the first response is the only one that shows its time, an earlier
    one takes its place. The wall clock of this computer counts before the first response only.

    Args:
        monotonic: a clock, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._now: datetime | None = None
        self._start = datetime.max.replace(tzinfo=UTC)
        self._is_shown_twice = False
        self._doubted: tuple[datetime, datetime] | None = None

    def now(self) -> datetime:
        """The time of the last response; the local time before the first one."""
        return self._now or datetime.now(UTC)

    def is_in_doubt(self) -> bool:
        """Whether the last response showed a time that no other one has shown yet."""
        return self._doubted is not None

    def latest(self) -> datetime:
        """The time before which all responses came, even if the last one is in doubt."""
        return max(self.now(), self._doubted[0]) if self._doubted is not None else self.now()

    def read(self, header: str | None) -> None:
        """Read the time from the Date header (RFC 9110) of a response of the service."""
        moment = _moment(header)
        if moment is None:
            return
        # When its time was that of the beginning of the monotonic clock here.
        start = moment - timedelta(seconds=self._monotonic())
        before, self._doubted = self._doubted, None
        if self._now is None or (moment < self._now - _SLACK and not self._is_shown_twice):
            self._now, self._start = moment, start
        elif self._is_explained(start):
            self._now = max(self._now, moment)
            self._is_shown_twice = True
        elif before is None or moment < before[0] - _SLACK:
            self._doubted = moment, start
        else:
            # Two responses show that it is at least the earlier of their times.
            earlier, self._start = min(before, (moment, start))
            self._now = max(self._now, earlier)
            self._is_shown_twice = True
            if self._is_explained(start):
                self._now = max(self._now, moment)
            else:
                self._doubted = moment, start

    def _is_explained(self, start: datetime) -> bool:
        """Whether a response shows no more time than has passed here since earlier ones."""
        return start - _SLACK <= self._start


def _moment(header: str | None) -> datetime | None:
    if not header:
        return None
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    # RFC 5322 writes UTC of an unknown place as -0000.
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
