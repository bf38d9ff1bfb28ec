"""What is measured of a transition, and how fast it could be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from benchmarks.convergence.estate import Estate
from emulator.kernel.resources import PRIVATE
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.wire.paths import JOBS, PROTECTED_ITEMS

TRANSITIONS = ("protect", "test failover", "cleanup", "failover", "completion")
"""In the order of a migration. `protect` begins with nothing and ends with the first recovery
point."""

_WRITE_BUCKET, _WRITES_A_SECOND = 200, 10.0
"""ARM's limit for one caller in a subscription ("Understand how Azure Resource Manager throttles
requests")."""


@dataclass
class Measured:
    """One transition of all machines.

    Attributes:
        transition: one of `TRANSITIONS`.
        begun: when it began, in service time.
        seconds: how long it took, in service time.
        bound: how long it would take at least.
        bound_in_order: the same for the order in which machines began. Nobody knows before which
            one takes longest, as the bound does.
        served: how long it would take if every machine's next request came at once, and the end of
            the last operation was seen at once.
        reads: GET requests.
        looks: how often the items of a vault were listed.
        writes: all other requests.
        least_writes: how many of them are needed.
        throttled: answers of 429.
    """

    transition: str
    begun: datetime
    seconds: float = 0.0
    bound: float = 0.0
    bound_in_order: float = 0.0
    served: float = 0.0
    reads: int = 0
    looks: int = 0
    writes: int = 0
    least_writes: int = 0
    throttled: int = 0

    def facts(self) -> dict[str, Any]:
        """What is written into the results."""
        return {
            "transition": self.transition,
            "seconds": round(self.seconds, 1),
            "bound": round(self.bound, 1),
            "ratio": round(self.seconds / self.bound, 3),
            "ratioInOrder": round(self.seconds / self.bound_in_order, 3),
            "excess": {
                "order": round((self.bound_in_order - self.bound) / self.bound, 3),
                "begin": round((self.served - self.bound_in_order) / self.bound, 3),
                "seen": round((self.seconds - self.served) / self.bound, 3),
            },
            "reads": self.reads,
            "looks": self.looks,
            "readsPerLook": round(self.reads / self.looks, 1) if self.looks else None,
            "writes": self.writes,
            "leastWrites": self.least_writes,
            "throttled": self.throttled,
        }


@dataclass
class Meter:
    """Counts the requests to an estate and measures its transitions.

    Attributes:
        estate: the estate.
        measured: the transitions that ended.
    """

    estate: Estate
    measured: list[Measured] = field(default_factory=list)
    _now: Measured | None = None

    def __post_init__(self) -> None:
        self.estate.world.finishers.append(self._count)

    @contextmanager
    def transition(self, name: str) -> Iterator[None]:
        """Measure one transition of all machines."""
        # As after a pause in which nobody asked: the limits are unused again.
        self.estate.pass_time(timedelta(minutes=1))
        clock = self.estate.world.clock
        self._now = now = Measured(name, clock.now())
        yield
        self._now = None
        now.seconds = (clock.now() - now.begun).total_seconds()
        works = self._works(now.begun)
        paths = [path for _, path in works]
        now.least_writes = len(paths) * _writes_of(name, self.estate.experience.name)
        now.bound = bound(sorted(paths, reverse=True))
        now.bound_in_order = bound(paths)
        now.served = max(begun + path for begun, path in works)
        self.measured.append(now)

    def _count(self, world: World, request: Request, response: Response) -> None:
        now = self._now
        if now is None:
            return
        now.throttled += response.status == 429
        if request.method != "GET":
            now.writes += 1
            return
        now.reads += 1
        listed = request.path.endswith("/replicationProtectedItems")
        now.looks += listed and "skiptoken" not in map(str.lower, request.query)

    def _works(self, since: datetime) -> list[tuple[float, float]]:
        """For each machine the second in which the service began to work on it or to let it
        replicate, and for how many seconds it did. In the order in which it began.
        """
        worked: dict[str, list[tuple[datetime, datetime]]] = {
            machine.name: [] for vault in self.estate.vaults for machine in vault.machines
        }
        store = self.estate.world.store
        for job in store.peeks(JOBS.kind):
            private = job[PRIVATE]
            if private["machine"] in worked and private["ends"]:
                worked[private["machine"]].append(_times(private))
        for item in store.peeks(PROTECTED_ITEMS.kind):
            worked[item[PRIVATE]["machine"]["name"]] += map(_times, item[PRIVATE]["rests"].values())
        begin = _begin(since)
        return [
            ((begin(times) - since).total_seconds(), _covered(times, since))
            for times in sorted(worked.values(), key=begin)
        ]


def bound(paths: Sequence[float]) -> float:
    """The seconds that machines need at least, if they begin in this order.

    Each needs some by itself, and the limit on writes lets only so many begin at once.
    """
    return max(
        path + max(0, position + 1 - _WRITE_BUCKET) / _WRITES_A_SECOND
        for position, path in enumerate(paths)
    )


def _writes_of(transition: str, experience: str) -> int:
    """How many requests a transition of one machine needs: a classic one is discovered first."""
    return 2 if transition == "protect" and experience == "classic" else 1


def _times(document: dict[str, Any]) -> tuple[datetime, datetime]:
    begins, ends = (datetime.fromisoformat(document[name]) for name in ("begins", "ends"))
    return begins, ends


def _begin(since: datetime) -> Callable[[Sequence[tuple[datetime, datetime]]], datetime]:
    """When work on a machine began, of all spans that end after a moment."""
    return lambda times: min((begins for begins, ends in times if ends > since), default=since)


def _covered(times: Sequence[tuple[datetime, datetime]], since: datetime) -> float:
    """The seconds after a moment that are in at least one of the spans."""
    covered, until = timedelta(), since
    for begins, ends in sorted(times):
        if ends > until:
            covered += ends - max(begins, until)
            until = ends
    return covered.total_seconds()
