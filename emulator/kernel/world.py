"""The emulated world: durable state, time that passes in it, and the operations that change it."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeAlias

from emulator.kernel.clock import Clock
from emulator.kernel.routes import Route, Routes
from emulator.kernel.store import Document, Store
from emulator.kernel.wire import ArmError, Request, Response

EventHandler: TypeAlias = Callable[["World", Document], None]
Interceptor: TypeAlias = Callable[["World", Request, Route], Response | None]

_EVENTS = "event"
_META = "meta"
_AUDIT = "audit"


class World:
    """Everything that is true in the emulator at one moment.

    A request is handled in three steps inside one transaction: events that have come due are
    run in order of their time, the handler answers, and the changes become durable. Requests
    are handled one at a time; determinism is worth more here than parallelism.

    Args:
        store: where state is kept.
        clock: the virtual time.
        routes: the joined route table.
        seed: the source of every jitter and id; the same seed and requests give the same run.
    """

    def __init__(self, store: Store, clock: Clock, routes: Routes, seed: int = 0) -> None:
        self.store = store
        self.clock = clock
        self.routes = routes
        self.interceptors: list[Interceptor] = []
        self._events: dict[str, EventHandler] = {}
        self._lock = threading.RLock()
        self._now = clock.now()
        with store.transaction():
            meta = store.get(_META, "world") or {"seed": seed, "sequence": 0}
            store.put(_META, "world", meta)
        self.seed: int = meta["seed"]

    # -- time and chance --------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """Virtual time of the request or event being handled; it stands still within one."""
        return self._now

    def sequence(self) -> int:
        """The next number of a series that survives a restart."""
        meta = self.store.get(_META, "world") or {}
        meta["sequence"] += 1
        self.store.put(_META, "world", meta)
        return int(meta["sequence"])

    def random(self, *about: object) -> random.Random:
        """A source of chance that depends on the seed and on what it is about, nothing else."""
        return random.Random(f"{self.seed}:{':'.join(str(part) for part in about)}")

    def guid(self, *about: object) -> str:
        """A GUID that the seed and `about` determine; without `about`, the next of a series."""
        if not about:
            about = ("guid", self.sequence())
        return str(uuid.UUID(int=self.random("guid", *about).getrandbits(128), version=4))

    def on(self, event: str, handler: EventHandler) -> None:
        """Say what happens when an event comes due: `handler(world, payload)`."""
        self._events[event] = handler

    def schedule(self, after: timedelta, event: str, payload: Document) -> None:
        """Let an event happen `after` from now, in virtual time."""
        due = self._now + after
        key = f"{due.isoformat()}|{self.sequence():012d}"
        self.store.put(
            _EVENTS, key, {"due": due.isoformat(), "event": event, "payload": payload}
        )

    # -- requests ---------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer one request. Never raises for anything a caller sent."""
        with self._lock:
            try:
                with self.store.transaction():
                    self._run_due_events(self.clock.now())
                with self.store.transaction():
                    response = self._answer(request)
            except ArmError as refusal:
                response = refusal.response()
            response.headers.setdefault("Date", format_datetime(self._now, usegmt=True))
            return response

    def settle(self) -> None:
        """Run what has come due by now without a request, as a stepped clock needs."""
        with self._lock, self.store.transaction():
            self._run_due_events(self.clock.now())

    def audit(self, operation: str, **facts: Any) -> None:
        """Record an accepted change, in order."""
        number = self.sequence()
        entry = {"number": number, "time": self._now.isoformat(), "operation": operation, **facts}
        self.store.put(_AUDIT, f"{number:012d}", entry)

    def audited(self) -> list[Document]:
        """All accepted changes, oldest first."""
        return sorted(self.store.list(_AUDIT), key=lambda entry: int(entry["number"]))

    def _answer(self, request: Request) -> Response:
        found = self.routes.find(request)
        if found is None:
            methods = self.routes.methods(request.path)
            if methods:
                raise ArmError(
                    405,
                    "MethodNotAllowed",
                    f"The method {request.method} is not allowed here; allowed: "
                    f"{', '.join(methods)}.",
                    headers={"Allow": ", ".join(methods)},
                )
            raise ArmError(
                404,
                "InvalidResourceType",
                f"No operation of this emulator answers {request.method} {request.path}.",
            )
        route, parameters = found
        for interceptor in self.interceptors:
            response = interceptor(self, request, route)
            if response is not None:
                return response
        return route.handler(self, request, **parameters)

    def _run_due_events(self, until: datetime) -> None:
        while True:
            due = sorted(self.store.keys(_EVENTS))
            if not due or datetime.fromisoformat(due[0].split("|")[0].upper()) > until:
                break
            entry = self.store.get(_EVENTS, due[0])
            assert entry is not None
            self.store.delete(_EVENTS, due[0])
            self._now = max(self._now, datetime.fromisoformat(entry["due"]))
            self._events[entry["event"]](self, entry["payload"])
        self._now = max(self._now, until)
