"""How long a transition of all machines takes at least.

Two things take time, whoever asks: the service works on a machine for as long as it does, and the
limit on writes lets only so many requests through. Nothing that a client does is counted: no look,
no pause, no request on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor


@dataclass(frozen=True)
class Work:
    """What the service does after a request.

    Attributes:
        asked: the second in which it began.
        seconds: how long the service works on the machine from then on, later requests included
            and the time before them not.
        stage: the number of the request, of all for the same machine, from 1.
    """

    asked: float
    seconds: float
    stage: int = 1


@dataclass(frozen=True)
class Limit:
    """A token bucket: how many requests it lets through at once, and how many a second then."""

    size: int
    per_second: float

    def wait(self, requests: int) -> float:
        """The seconds after which so many requests can have been sent."""
        return max(0, requests - self.size) / self.per_second

    def within(self, seconds: float) -> int:
        """How many requests can be sent in so many seconds."""
        return self.size + floor(seconds * self.per_second + 1e-9) if seconds >= 0 else 0


WRITES = Limit(200, 10.0)
"""ARM's limit for one caller in a subscription ("Understand how Azure Resource Manager throttles
requests")."""
_STEP_SECONDS = 0.1


def of_order(works: Sequence[Work], limit: Limit = WRITES) -> float:
    """The seconds that are needed if the requests are sent in this order."""
    return max(work.seconds + limit.wait(place) for place, work in enumerate(works, start=1))


def least(works: Sequence[Work], limit: Limit = WRITES) -> float:
    """The seconds that are needed in the best order: what takes longest is asked for first.

    To find it, a client would have to know beforehand how long each machine takes.
    """
    return of_order(sorted(works, key=lambda work: work.seconds, reverse=True), limit)


def mean_of_orders(works: Sequence[Work], limit: Limit = WRITES) -> float:
    """The seconds that are needed on average by clients that do not know how long machines take.

    For them one order is as good as another, so it is the mean for all orders of the machines. It
    depends on how long the machines take, and not on the order in which somebody asked.

    The n-th request of one stage cannot be sent before n of each earlier stage were. So each stage
    has a mean of its own, and the greatest one counts.
    """
    means = [least(works, limit)]
    for stage in {work.stage for work in works}:
        seconds = [work.seconds for work in works if work.stage == stage]
        means.append(_mean(sorted(seconds, reverse=True), stage, limit))
    return max(means)


def _mean(longest_first: Sequence[float], stage: int, limit: Limit) -> float:
    """The mean for all orders, too small by less than a step."""
    mean = at = longest_first[0]
    while (share := _share_within(at + _STEP_SECONDS, longest_first, stage, limit)) < 1:
        mean += (1 - share) * _STEP_SECONDS
        at += _STEP_SECONDS
    return mean


def _share_within(
    seconds: float, longest_first: Sequence[float], stage: int, limit: Limit
) -> float:
    """The share of the orders in which all machines are done within that time.

    The longest machine has the fewest places early enough for it. All of them are early enough for
    the next one too, less the one that is taken.
    """
    share, machines = 1.0, len(longest_first)
    for taken, own in enumerate(longest_first):
        places = min(machines, limit.within(seconds - own) // stage)
        share *= max(0, places - taken) / (machines - taken)
    return share
