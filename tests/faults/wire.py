"""What stands between the drivers and the emulator: it counts calls and lets faults act on them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from azure.core.rest import AsyncHttpResponse, HttpRequest

from emulator import faults
from emulator.in_process import AsyncWorldTransport
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World

_DIGITS = re.compile(r"\d+")


class Killed(BaseException):
    """Ends a driver at once, so that everything it remembered is lost."""


@dataclass
class Call:
    """One call of a driver.

    Attributes:
        number: its place in the run, from 0.
        operation: its operation id.
        request: what was sent.
        answer: the answer of the service; None while the service does not have the call.
    """

    number: int
    operation: str
    request: Request
    answer: Response | None = None

    @property
    def changes(self) -> bool:
        """Whether it changes something at the service."""
        return self.request.method != "GET"

    @property
    def url(self) -> str:
        """Path and page in a form that can be compared, without the times of a filter."""
        return f"{self.request.path.lower()}?{self.request.query.get('skipToken', '')}"

    @property
    def lists(self) -> bool:
        """Whether it was answered with a list."""
        body = self.answer.body if self.answer is not None else None
        return not self.changes and isinstance(body, dict) and isinstance(body.get("value"), list)


Effect = Callable[[Call], Response | None]
"""Called with every later call. Its response, if there is one, is the answer."""


class Wire:
    """The world as drivers reach it. A transport takes it in place of a world.

    Attributes:
        meet: called with every call that no effect answered; the response is the answer.
        effects: the effects of faults that last.
        past: by list URL, what it answered so far; each answer once, the newest last.
        trace: called with every call after it was answered.
        start_another: starts a driver of another stack, beside this one.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.clock = world.clock
        self.number = 0
        self.meet: Callable[[Call], Response] = self.pass_on
        self.effects: list[Effect] = []
        self.past: dict[str, dict[str, Any]] = {}
        self.trace: Callable[[Call, Response], None] = lambda call, response: None
        self.start_another: Callable[[], None] = lambda: None
        self._dead = False

    def handle(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            Killed: its driver was killed.
        """
        if self._dead:
            raise Killed
        found = self._world.routes.find(request)
        call = Call(self.number, found[0].operation_id if found else request.path, request)
        self.number += 1
        for effect in self.effects:
            response = effect(call)
            if response is not None:
                break
        else:
            response = self.meet(call)
        self.trace(call, response)
        return response

    def pass_on(self, call: Call) -> Response:
        """The answer of the service. A call is passed on once."""
        if call.answer is None:
            call.answer = self._world.handle(call.request)
        return call.answer

    def remember(self, call: Call) -> bool:
        """Keep the answer to a list. Returns whether it says something new."""
        text = stable(call.answer)
        before = self.past.setdefault(call.url, {})
        last = next(reversed(before), None)
        if last == text:
            return False
        before.pop(text, None)
        before[text] = call.answer.body if call.answer is not None else None
        return True

    def set_fault(self, content: dict[str, Any]) -> None:
        """Set a fault of the emulator itself."""
        with self._world.store.transaction():
            faults.add(self._world, content)

    def kill(self) -> None:
        """End the driver: no call of it arrives any more.

        Raises:
            Killed: always.
        """
        self._dead = True
        raise Killed

    def revive(self) -> None:
        """Let the calls of the next driver arrive."""
        self._dead = False

    def transport(self) -> AsyncWorldTransport:
        """A transport of azure-core on this wire."""
        return _Transport(self)


class _Transport(AsyncWorldTransport):
    """Lets another driver in the same loop have its turn before each call."""

    async def send(self, request: HttpRequest, **kwargs: Any) -> AsyncHttpResponse:
        await asyncio.sleep(0)
        return await super().send(request, **kwargs)


def stable(answer: Response | None) -> str:
    """An answer without its numbers: times and percentages are no news."""
    return _DIGITS.sub("0", json.dumps(answer.body if answer is not None else None))


def older(wire: Wire, urls: Collection[str], how: str) -> dict[str, Any]:
    """By URL, what lists answered earlier, where that differs from what they answer now.

    Args:
        wire: the wire that remembers their answers.
        urls: of the lists.
        how: `newest` for the answers as they are, `before` for those before their last change,
            `first` for the oldest, `empty` for lists of nothing.
    """
    found: dict[str, Any] = {}
    for url in urls:
        bodies = list(wire.past[url].values())
        match how:
            case "newest":
                found[url] = bodies[-1]
            case "empty" if bodies[-1]["value"]:
                found[url] = {"value": []}
            case "before" if len(bodies) > 1:
                found[url] = bodies[-2]
            case "first" if len(bodies) > 2:
                found[url] = bodies[0]
            case _:
                pass
    return found
