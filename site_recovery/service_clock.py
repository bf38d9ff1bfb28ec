"""The time at the service."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class ServiceClock:
    """The service's own time, from the Date header of its responses.

    Waits are measured with it. So a limit of fifteen minutes also holds on a local cloud, where
    time may pass much faster.
    """

    def __init__(self) -> None:
        self._now: datetime | None = None

    def now(self) -> datetime:
        """The time of the last response; the local time before the first one."""
        return self._now or datetime.now(UTC)

    def read(self, header: str | None) -> None:
        """Read the time from a Date header (RFC 9110). An earlier time is ignored."""
        if not header:
            return
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return
        if moment.tzinfo is None:
            # RFC 5322 writes UTC of an unknown place as -0000.
            moment = moment.replace(tzinfo=UTC)
        self._now = max(moment, self._now) if self._now else moment
