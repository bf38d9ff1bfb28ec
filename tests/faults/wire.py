"""What stands between the drivers and the emulator: it counts calls and lets faults act on them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from azure.core.rest import AsyncHttpResponse, HttpRequest

from emulator import faults
from emulator.in_process import AsyncWorldTransport
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from site_recovery.convergence.sources import Ran
from site_recovery.cutover_memory import Source
from site_recovery.errors import MigrationError
from site_recovery.fleet import Platform
from tests.convergence.sources import EstateSources
from tests.emulator.recovery_services.site_recovery_support import Site

_T = TypeVar("_T")
SCRIPTS = ("quiesce", "fence", "resume")
"""What a cutover runs on a machine; the comment of each script has its word."""

_DIGITS = re.compile(r"\d+")
AWS = "AWS "
"""How the operations of AWS begin."""


class Killed(BaseException):
    """Ends a driver at once, so that everything it remembered is lost."""


@dataclass
class Call:
    """One call of a driver.

    Attributes:
        number: its place in the run, from 0.
        after: the number of changes that were asked for before it.
        operation: its operation id; of AWS, `AWS` and the verb.
        request: what was sent.
        perform: lets the service have it.
        answer: the answer of the service; None while the service does not have the call.
        disturbed: whether an effect answered it, and not the service.
    """

    number: int
    after: int
    operation: str
    request: Request
    perform: Callable[[], Response]
    answer: Response | None = None
    disturbed: bool = False

    @property
    def changes(self) -> bool:
        """Whether it changes something at the service."""
        return self.request.method != "GET"

    @property
    def of_aws(self) -> bool:
        """Whether it goes to AWS."""
        return self.operation.startswith(AWS)

    @property
    def instance(self) -> str:
        """The instance that a call of AWS is about."""
        return self.request.path.rpartition("/")[2]

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
        sources: the sources of the machines, whose calls pass here too; None if no run needs them.
        seen: by instance, what AWS showed of it so far, each state with the last time, the newest
            last.
        watch: called with every call that the service had, as soon as it had it.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.clock = world.clock
        self.number = 0
        self.asked = 0
        self.meet: Callable[[Call], Response] = self.pass_on
        self.effects: list[Effect] = []
        self.past: dict[str, dict[str, Any]] = {}
        self.trace: Callable[[Call, Response], None] = lambda call, response: None
        self.start_another: Callable[[], None] = lambda: None
        self.sources: WiredSources | None = None
        self.seen: dict[str, list[tuple[Source, datetime]]] = {}
        self.watch: Callable[[Call], None] = lambda call: None
        self._dead = False

    def handle(self, request: Request) -> Response:
        """Answer one request of Azure.

        Raises:
            Killed: its driver was killed.
        """
        found = self._world.routes.find(request)
        operation = found[0].operation_id if found else request.path
        return self._carried(operation, request, lambda: self._world.handle(request))

    def aws(self, verb: str, instance: str, perform: Callable[[], Any], *, reads: bool) -> Any:
        """What a call of AWS returns.

        Raises:
            Killed: its driver was killed.
            MigrationError: AWS did not answer, or refused.
        """
        request = Request("GET" if reads else "POST", f"/aws/{verb}/{instance}")
        answer = self._carried(
            f"{AWS}{verb}", request, lambda: Response(200, {"returned": perform()})
        )
        if answer.dropped:
            raise MigrationError("AWS did not answer")
        if answer.status >= 400:
            raise MigrationError(f"AWS refused: {answer.body['error']['code']}")
        return answer.body["returned"]

    def _carried(
        self, operation: str, request: Request, perform: Callable[[], Response]
    ) -> Response:
        if self._dead:
            raise Killed
        call = Call(self.number, self.asked, operation, request, perform)
        self.number += 1
        self.asked += call.changes
        for effect in self.effects:
            call.answer = effect(call)
            if call.answer is not None:
                call.disturbed = True
                break
        response = self.meet(call)
        self.trace(call, response)
        return response

    def pass_on(self, call: Call) -> Response:
        """The answer of the service, or of the effect of a fault. A call is passed on once."""
        if call.answer is None:
            call.answer = call.perform()
            self.watch(call)
        return call.answer

    def remember_sources(self, shown: Mapping[str, Source]) -> None:
        """Keep how AWS shows instances now."""
        for instance, source in shown.items():
            before = self.seen.setdefault(instance, [])
            if before and before[-1][0] == source:
                before.pop()
            before.append((source, self.clock.now()))

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


class WiredSources(EstateSources):
    """The sources of a fleet. Each of their calls passes a wire.

    Attributes:
        sent: the scripts that AWS accepted: the instance and the comment of each, in order.
    """

    def __init__(self, site: Site, wire: Wire) -> None:
        super().__init__(site)
        self.sent: list[tuple[str, str]] = []
        self._wire = wire

    async def look(self, instance_ids: Sequence[str]) -> Mapping[str, Source]:
        ids = ",".join(sorted(instance_ids))
        return await self._reading("look", ids, super().look(instance_ids))

    async def status(self, instance_id: str) -> str:
        return await self._reading("status", instance_id, super().status(instance_id))

    async def find(self, instance_id: str, comment: str) -> str | None:
        return await self._reading("find", instance_id, super().find(instance_id, comment))

    async def ran(self, instance_id: str, command: str) -> Ran | None:
        return await self._reading("ran", instance_id, super().ran(instance_id, command))

    async def tag(self, instance_id: str, tags: Mapping[str, str]) -> None:
        await self._changing("tag", instance_id, super().tag(instance_id, tags))

    async def untag(self, instance_id: str, names: Iterable[str]) -> None:
        await self._changing("untag", instance_id, super().untag(instance_id, names))

    async def give_groups(self, interface_id: str, groups: Sequence[str]) -> None:
        instance = interface_id.removeprefix("eni-")
        await self._changing("groups", instance, super().give_groups(interface_id, groups))

    async def stop(self, instance_id: str) -> None:
        await self._changing("stop", instance_id, super().stop(instance_id))

    async def start(self, instance_id: str) -> None:
        await self._changing("start", instance_id, super().start(instance_id))

    async def terminate(self, instance_id: str) -> None:
        await self._changing("terminate", instance_id, super().terminate(instance_id))

    async def send(
        self,
        instance_id: str,
        platform: Platform,
        lines: Sequence[str],
        comment: str,
        within: timedelta,
    ) -> str:
        sending = super().send(instance_id, platform, lines, comment, within)

        async def accepted() -> str:
            name = await sending
            self.sent.append((instance_id, comment))
            return name

        what = next((word for word in SCRIPTS if word in comment), "script")
        try:
            return await self._changing(what, instance_id, accepted())
        finally:
            sending.close()

    async def _reading(self, verb: str, about: str, work: Coroutine[Any, Any, _T]) -> _T:
        return await self._over(verb, about, work, reads=True)

    async def _changing(self, verb: str, about: str, work: Coroutine[Any, Any, _T]) -> _T:
        return await self._over(verb, about, work, reads=False)

    async def _over(
        self, verb: str, about: str, work: Coroutine[Any, Any, _T], *, reads: bool
    ) -> _T:
        try:
            # Another driver in the same loop has its turn, as before each call of Azure.
            await asyncio.sleep(0)
            returned: _T = self._wire.aws(verb, about, lambda: _at_once(work), reads=reads)
            return returned
        finally:
            work.close()


def _at_once(work: Coroutine[Any, Any, _T]) -> _T:
    """What a coroutine returns that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        returned: _T = end.value
        return returned
    raise AssertionError(f"{work} waits")


def stable(answer: Response | None) -> str:
    """An answer without its numbers: times and percentages are no news."""
    body = answer.body if answer is not None else None
    return _DIGITS.sub("0", json.dumps(body, default=str))


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
