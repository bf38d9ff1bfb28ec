"""The service's own time."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class ServiceClock:
    """The service's own time, taken from the Date header of its answers.

    Waiting is measured by it: fifteen minutes of the service are fifteen minutes however fast a
    local cloud lets its time pass.
    """

    def __init__(self) -> None:
        self._now: datetime | None = None

    def now(self) -> datetime:
        """The time of the last answer; this machine's before there is one."""
        return self._now or datetime.now(UTC)

    def read(self, header: str | None) -> None:
        """Take the time from a Date header (RFC 9110). Time never goes back."""
        if not header:
            return
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return
        self._now = max(moment, self._now) if self._now else moment
