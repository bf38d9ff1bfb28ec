"""The requests that AWS serves before it refuses one.

Sources: "Request throttling for the Amazon EC2 API" (each action of an account and region has a bucket of its
own: 100 requests and 20 more a second for actions that only read, half of both for some of them without pages
and filters), "CloudWatch service quotas" (50 GetMetricData a second), "IAM and AWS STS quotas" (600 a second).
Systems Manager and IAM publish no limit for what an inventory asks of them: theirs are assumed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.inventory.wire import Call


@dataclass(frozen=True)
class Limit:
    """The size of a bucket, and how much of it comes back in a second."""

    size: float
    a_second: float

    def times(self, share: float) -> Limit:
        """What is left of it while others use the rest. Sooner or later it has room for a request."""
        return Limit(max(1.0, self.size * share), self.a_second * share)


_LIMITS = {
    "ec2": Limit(100, 20),
    "ssm": Limit(20, 10),
    "monitoring": Limit(50, 50),
    "sts": Limit(600, 600),
    "iam": Limit(20, 10),
}
_UNPAGED = Limit(50, 10)
_COSTLY_UNPAGED = frozenset({"DescribeInstances", "DescribeVolumes"})
"""Those of the actions of an inventory that have less without pages and filters."""


class Buckets:
    """One bucket for each account, region and action. It is used by several threads.

    Args:
        share: how much of each bucket other programs leave, from 0 to 1.
        now: a monotonic clock, in seconds.
    """

    def __init__(self, share: float, now: Callable[[], float]) -> None:
        self._share, self._now = share, now
        self._left: dict[tuple[str, str, str, bool], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def takes(self, call: Call) -> bool:
        """Whether one more call is served now."""
        unpaged = call.action in _COSTLY_UNPAGED and not call.paged
        limit = (_UNPAGED if unpaged else _LIMITS[call.service]).times(self._share)
        key = (call.account, call.region, call.action, unpaged)
        with self._lock:
            now = self._now()
            left, since = self._left.get(key, (limit.size, now))
            left = min(limit.size, left + (now - since) * limit.a_second)
            served = left >= 1
            self._left[key] = (left - 1 if served else left, now)
        return served
