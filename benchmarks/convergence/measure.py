"""What is measured of a transition, and how fast it could be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from benchmarks.convergence.bounds import Work, least, mean_of_orders, of_order
from benchmarks.convergence.estate import Estate
from emulator.kernel.resources import PRIVATE
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.wire.paths import JOBS, PROTECTED_ITEMS

TRANSITIONS = ("protect", "test failover", "cleanup", "failover", "completion")
"""In the order of a migration. `protect` begins with nothing and ends with the first recovery
point."""


@dataclass
class Measured:
    """One transition of all machines.

    Attributes:
        transition: one of `TRANSITIONS`.
        begun: when it began, in service time.
        seconds: how long it took, in service time.
        bound: how long it would take at least (`bounds.least`).
        bound_of_orders: the mean for all orders of the machines (`bounds.mean_of_orders`).
        bound_in_order: the same for the order in which this way asked (`bounds.of_order`).
        served: when the service had done the last of what it was asked for.
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
    bound_of_orders: float = 0.0
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
            "ratioOfOrders": round(self.seconds / self.bound_of_orders, 3),
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
        plans: the number of recovery plans that its machines are in.
        measured: the transitions that ended.
    """

    estate: Estate
    plans: int = 0
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
        now.least_writes = self._least_writes(name)
        works = self._works(now.begun)
        if len(works) != now.least_writes:
            raise RuntimeError(f"{name} needs {now.least_writes} requests, not {len(works)}")
        now.bound = least(works)
        now.bound_of_orders = mean_of_orders(works)
        now.bound_in_order = of_order(works)
        now.served = max(work.asked + work.seconds for work in works)
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

    def _least_writes(self, transition: str) -> int:
        """How many requests a transition needs: a classic machine is discovered first."""
        machines = sum(len(vault.machines) for vault in self.estate.vaults)
        if transition == "protect":
            each = 2 if self.estate.experience.name == "classic" else 1
            return each * machines + self.plans
        by_plan = self.plans > 0 and transition != "completion"
        return self.plans if by_plan else machines

    def _works(self, since: datetime) -> list[Work]:
        """What the service was asked for since a moment, in the order in which it was."""
        spans: dict[str, list[_Span]] = defaultdict(list)
        asked: list[tuple[str, datetime]] = []
        store = self.estate.world.store
        for job in store.peeks(JOBS.kind):
            private = job[PRIVATE]
            subject = private["machine"] or job["id"]
            if private["ends"]:
                spans[subject].append(_span(private))
                # The service's own steps and the parts of a recovery plan were not asked for.
                if not private["operation"].startswith("_") and not private.get("parent"):
                    asked.append((subject, spans[subject][-1][0]))
        for item in store.peeks(PROTECTED_ITEMS.kind):
            spans[item[PRIVATE]["machine"]["name"]] += map(_span, item[PRIVATE]["rests"].values())
        works: list[Work] = []
        before: dict[str, int] = defaultdict(int)
        for subject, begun in sorted(asked, key=lambda one: one[1]):
            if begun >= since:
                before[subject] += 1
                seconds = _covered(spans[subject], begun)
                works.append(Work((begun - since).total_seconds(), seconds, before[subject]))
        return works


_Span: TypeAlias = tuple[datetime, datetime]


def _span(document: dict[str, Any]) -> _Span:
    begins, ends = (datetime.fromisoformat(document[name]) for name in ("begins", "ends"))
    return begins, ends


def _covered(spans: Sequence[_Span], since: datetime) -> float:
    """The seconds after a moment that are in at least one of the spans."""
    covered, until = timedelta(), since
    for begins, ends in sorted(spans):
        if ends > until:
            covered += ends - max(begins, until)
            until = ends
    return covered.total_seconds()
