"""The emulated world: durable state, virtual time, and the operations that change it."""

from __future__ import annotations

import heapq
import logging
import random
import sqlite3
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeAlias

from emulator.estate.machines import Estate, Instance
from emulator.estate.static import StaticEstate
from emulator.kernel.clock import EPOCH, Clock
from emulator.kernel.present import Present
from emulator.kernel.routes import Route, Routes
from emulator.kernel.store import Document, Store
from emulator.kernel.views import INSTANCES, Views
from emulator.kernel.wire import ArmError, Request, Response

EventHandler: TypeAlias = Callable[["World", Document], None]
Interceptor: TypeAlias = Callable[["World", Request, Route], Response | None]
Observer: TypeAlias = Callable[["World", Request, Route, Response], None]
Finisher: TypeAlias = Callable[["World", Request, Response], None]

_EVENTS = "event"
_META = "meta"
_AUDIT = "audit"
_CLOCK = "clock"
_REMEMBERED = 200_000

_log = logging.getLogger(__name__)


class World:
    """The state of the emulator, and the only way to change it.

    A request is handled in three steps, each with transactions of its own: events that have come due
    are run in order of their time; the time is kept; the handler answers. Requests are handled one
    at a time, because runs must be reproducible.

    Args:
        store: where state is kept.
        clock: the virtual time.
        routes: the routes of all services.
        seed: the source of every jitter and id; the same seed and requests give the same run.
            A store that has a seed already keeps its own.
        estate: the AWS side as the guests see it; None stands for an estate without machines.

    Attributes:
        interceptors: called in order before a handler; the first response given is the answer.
            An interceptor whose changes must stay returns a response: an ArmError rolls back every
            change of its request.
        observers: called in order after a handler that did not refuse; may alter the response.
        finishers: called in order with every response, refusals too; may add headers to it.
        present: the present time, as views read it.
        views: the views of resources that were built before.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        routes: Routes,
        seed: int = 0,
        estate: Estate | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.routes = routes
        self._estate: Estate = StaticEstate() if estate is None else estate
        self._instances: Sequence[Instance] = ()
        self._looked = False
        self.interceptors: list[Interceptor] = []
        self.observers: list[Observer] = []
        self.finishers: list[Finisher] = []
        self._events: dict[str, EventHandler] = {}
        self._lock = threading.RLock()
        self.present = Present(clock.now())
        self.views = Views(store, self.present, self._notice_instances)
        self._answered = 0
        self._drawn: dict[tuple[object, ...], str | float] = {}
        self._audited = False
        self._agenda = store.keys(_EVENTS)
        heapq.heapify(self._agenda)
        with store.transaction():
            meta = store.get(_META, "world") or {"seed": seed, "sequence": 0}
            store.put(_META, "world", meta)
            self._keep_time()
        self.seed: int = meta["seed"]

    # -- time and chance --------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """Virtual time of the request or event being handled; it does not move within one."""
        return self.present.now

    def sequence(self) -> int:
        """The next number of a series that survives a restart."""
        meta = self.store.get(_META, "world") or {}
        meta["sequence"] += 1
        self.store.put(_META, "world", meta)
        return int(meta["sequence"])

    def random(self, *about: object) -> random.Random:
        """A random generator that depends on the seed and on `about` only."""
        return random.Random(f"{self.seed}:{':'.join(str(part) for part in about)}")

    def guid(self, *about: object) -> str:
        """A GUID that the seed and `about` determine; without `about`, the next of a series."""
        if not about:
            return self._draw_guid("guid", self.sequence())
        known = self._drawn.get(about)
        if known is None:
            known = self._remember(about, self._draw_guid(*about))
        return str(known)

    def uniform(self, low: float, high: float, *about: object) -> float:
        """A number from `low` to `high` that the seed and `about` determine, always the same."""
        key = (low, high, *about)
        known = self._drawn.get(key)
        if known is None:
            known = self._remember(key, self.random(*about).uniform(low, high))
        return float(known)

    def on(self, event: str, handler: EventHandler) -> None:
        """Register the handler of an event: `handler(world, payload)` is called when it comes
        due."""
        self._events[event] = handler

    def schedule(self, after: timedelta, event: str, payload: Document) -> None:
        """Schedule an event `after` from now, in virtual time."""
        due = (self.present.moment + after).isoformat(timespec="microseconds")
        key = f"{due}|{self.sequence():012d}".lower()
        self.store.put(_EVENTS, key, {"due": due, "event": event, "payload": payload})
        heapq.heappush(self._agenda, key)

    # -- the estate -------------------------------------------------------------------------

    @property
    def estate(self) -> Estate:
        """The AWS side as the guests see it."""
        if self.store.watching:
            # A view asks for more than the instances, so it holds for this moment only.
            _ = self.present.now
        return self._estate

    @estate.setter
    def estate(self, estate: Estate) -> None:
        self._estate = estate
        self._look()

    def instances(self) -> Sequence[Instance]:
        """The estate's instances, as `Estate.instances`. Nobody may change the sequence."""
        present = self._estate.instances()
        if present != self._instances:
            self._instances = present
            self.store.touch(INSTANCES)
        self._looked = True
        self.store.note(INSTANCES)
        return self._instances

    def _notice_instances(self) -> None:
        """Notice whether the instances have changed, once for each look at the estate."""
        if not self._looked:
            self.instances()

    def _look(self) -> None:
        self._estate.look()
        self._looked = False

    # -- requests ---------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer one request. Never raises: an unexpected error of a handler is answered with
        500."""
        with self._lock:
            self._look()
            try:
                self._run_due_events(self.clock.now())
                self._keep_new_time()
                with self.store.transaction():
                    response = self._answer(request)
            except ArmError as refusal:
                response = refusal.response()
            except Exception:  # noqa: BLE001 - whatever a handler did not foresee
                _log.exception("%s %s failed", request.method, request.path)
                response = ArmError(
                    500,
                    "InternalServerError",
                    "The emulator met an error of its own; its log tells which.",
                ).response()
            self._answered += 1
            identifier = self.random("request", self._answered).getrandbits(128)
            response.headers.setdefault("Date", format_datetime(self.present.moment, usegmt=True))
            response.headers.setdefault("x-ms-request-id", str(uuid.UUID(int=identifier)))
            for finisher in self.finishers:
                finisher(self, request, response)
            return response

    def settle(self) -> None:
        """Run the due events without a request, and store the time.

        Raises:
            sqlite3.Error: the state cannot be written; the events stay due.
        """
        with self._lock:
            self._look()
            self._run_due_events(self.clock.now())
            self._keep_new_time()

    def keep_time(self) -> None:
        """Store the clock's time and scale, as part of the request that changed them."""
        with self._lock, self.store.transaction():
            self.present.moment = max(self.present.moment, self.clock.now())
            self._keep_time()

    def audit(self, operation: str, **facts: Any) -> None:
        """Record an accepted change, in order."""
        number = self.sequence()
        entry = {
            "number": number,
            "time": self.present.moment.isoformat(),
            "operation": operation,
            **facts,
        }
        self.store.put(_AUDIT, f"{number:012d}", entry)
        self._audited = True

    def audited(self) -> list[Document]:
        """All accepted changes, oldest first."""
        return sorted(self.store.list(_AUDIT), key=lambda entry: int(entry["number"]))

    def _draw_guid(self, *about: object) -> str:
        return str(uuid.UUID(int=self.random("guid", *about).getrandbits(128), version=4))

    def _remember(self, about: tuple[object, ...], drawn: str | float) -> str | float:
        # Making a random generator costs more than the rest of an answer.
        if len(self._drawn) >= _REMEMBERED:
            self._drawn.clear()
        self._drawn[about] = drawn
        return drawn

    def _answer(self, request: Request) -> Response:
        found = self.routes.find(request)
        if found is None:
            raise self._unknown(request)
        route, parameters = found
        for interceptor in self.interceptors:
            response = interceptor(self, request, route)
            if response is not None:
                return response
        self._audited = False
        response = route.handler(self, request, **parameters)
        if route.changes and not self._audited and response.status < 400:
            self.audit(route.operation_id, resource=request.path)
        for observer in self.observers:
            observer(self, request, route, response)
        return response

    def _unknown(self, request: Request) -> ArmError:
        methods = self.routes.methods(request.path)
        if methods:
            return ArmError(
                405,
                "MethodNotAllowed",
                f"The method {request.method} is not allowed here; allowed: {', '.join(methods)}.",
                headers={"Allow": ", ".join(methods)},
            )
        return ArmError(
            404,
            "InvalidResourceType",
            f"No operation of this emulator answers {request.method} {request.path}.",
        )

    def _run_due_events(self, until: datetime) -> None:
        while self._agenda and _due(self._agenda[0]) <= until:
            key = heapq.heappop(self._agenda)
            entry = self.store.get(_EVENTS, key)
            if entry is None:  # Its request was rolled back.
                continue
            self.present.moment = max(self.present.moment, datetime.fromisoformat(entry["due"]))
            try:
                with self.store.transaction():
                    self.store.delete(_EVENTS, key)
                    self._events[entry["event"]](self, entry["payload"])
                    self._keep_time()
            except sqlite3.Error:
                # The disk failed, not the event: it stays due.
                heapq.heappush(self._agenda, key)
                raise
            except Exception:  # noqa: BLE001 - whatever a handler did not foresee
                # An event that fails must not stop all others: it is dropped.
                _log.exception("the event %s failed", entry["event"])
                with self.store.transaction():
                    self.store.delete(_EVENTS, key)
        self.present.moment = max(self.present.moment, until)

    def _keep_new_time(self) -> None:
        """Keep the time before anybody is told it: a world that was killed must not go back to an
        earlier one, in which what somebody has seen does not exist yet."""
        kept = self.store.peek(_META, _CLOCK) or {}
        if kept.get("now") != self.present.moment.isoformat():
            with self.store.transaction():
                self._keep_time()

    def _keep_time(self) -> None:
        self.store.put(
            _META, _CLOCK, {"now": self.present.moment.isoformat(), "scale": self.clock.scale}
        )


def resumed_clock(store: Store, scale: float | None = None) -> Clock:
    """A clock that continues from the last time of this store's world.

    Args:
        store: the state; one without a world starts at the epoch.
        scale: virtual seconds per real second; None keeps the stored scale (0 without one).

    Raises:
        ValueError: the scale is negative.
    """
    if scale is not None and scale < 0:
        raise ValueError("the clock's scale must be 0 or more")
    kept = store.get(_META, _CLOCK) or {"now": EPOCH.isoformat(), "scale": 0.0}
    return Clock(datetime.fromisoformat(kept["now"]), kept["scale"] if scale is None else scale)


def _due(key: str) -> datetime:
    return datetime.fromisoformat(key.split("|")[0].upper())
