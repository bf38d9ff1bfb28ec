"""Measures how many reads the emulator answers per second, in process and over HTTP.

The emulator runs on one core, and its processor time is measured, so other load on the machine
hardly matters. Figures of different machines cannot be compared, so each one has a ratio to a
baseline of the same run. In process, the baseline parses and dumps the same bytes with the json
module of the standard library. Over HTTP, it is an application behind the same server that answers
with the same bytes and does nothing else.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import uvicorn

from benchmarks.fleet import Fleet, protected
from emulator.http import Application, configuration

MACHINES = 1000
"""The size of the vault that is read."""


@dataclass(frozen=True)
class Measured:
    """The result for one kind of read.

    Attributes:
        name: what was read.
        kilobytes: the size of a response.
        a_second: responses per second of processor time.
        baseline: the same for the baseline.
    """

    name: str
    kilobytes: float
    a_second: float
    baseline: float

    @property
    def ratio(self) -> float:
        """The rate divided by that of the baseline."""
        return self.a_second / self.baseline


def measured(machines: int, seconds: float) -> dict[str, list[Measured]]:
    """The rates by way: in process and over HTTP. This process stays on one core afterwards.

    Args:
        machines: how many machines the vault has.
        seconds: how long each measurement takes.
    """
    _on_one_core()
    fleet = protected(machines)
    return {"in process": in_process(fleet, seconds), "over HTTP": over_http(fleet, seconds)}


def table(results: dict[str, list[Measured]]) -> str:
    """The results as Markdown."""
    lines = [
        "| read | KB | in process, per second | ratio | over HTTP, per second | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for inside, over in zip(*results.values(), strict=True):
        cells = [inside.name, f"{inside.kilobytes:,.1f}"]
        for one in (inside, over):
            cells += [f"{one.a_second:,.0f}", f"{one.ratio:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def in_process(fleet: Fleet, seconds: float) -> list[Measured]:
    """Measure without sockets. The baseline parses and dumps the same responses."""
    world = fleet.site.world
    found = []
    for name, target in fleet.reads.items():
        request = fleet.request(target)

        def read(request: Any = request) -> bytes:
            response = world.handle(request)
            assert response.status == 200, response.body
            return response.content()

        content = read()

        def dump_and_parse(content: bytes = content) -> object:
            return json.dumps(json.loads(content))

        rate, baseline = _rate(read, seconds), _rate(dump_and_parse, seconds)
        found.append(Measured(name, len(content) / 1000, rate, baseline))
    return found


def over_http(fleet: Fleet, seconds: float) -> list[Measured]:
    """Measure over loopback, with a client in another process that uses one connection."""
    world = fleet.site.world
    found = []
    with _served(Application(world)) as port:
        for name, target in fleet.reads.items():
            content = world.handle(fleet.request(target)).content()
            rate = _asked(port, target, fleet.site.token, seconds)
            with _served(_Echo(content)) as other:
                baseline = _asked(other, target, fleet.site.token, seconds)
            found.append(Measured(name, len(content) / 1000, rate, baseline))
    return found


class _Echo:
    """The simplest ASGI application: it answers every request with the same bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        await receive()
        length = str(len(self._content)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._content})


@contextmanager
def _served(application: Any) -> Iterator[int]:
    """Serve an application with the emulator's server and settings. Yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    settings = configuration(None, port=0)  # type: ignore[arg-type]  # the world is replaced
    settings.app = application
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _asked(port: int, target: str, token: str, seconds: float) -> float:
    """Responses per second of this process's time, to sequential requests of another process."""
    context = get_context("spawn")
    here, there = context.Pipe()
    asking = context.Process(target=_ask, args=(there, port, target, token, seconds))
    asking.start()
    here.recv()
    begun = time.process_time()
    here.send("go")
    answers = int(here.recv())
    spent = time.process_time() - begun
    asking.join()
    return answers / spent


def _ask(back: Connection, port: int, target: str, token: str, seconds: float) -> None:
    if hasattr(os, "sched_setaffinity"):
        # Leave the emulator's core to it, if there is another one.
        cores = set(range(os.cpu_count() or 1))
        os.sched_setaffinity(0, cores - {0} or cores)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {token}"}

    def read() -> None:
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"answered {response.status}: {content[:300]!r}")

    read()
    back.send("ready")
    back.recv()
    answers, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        read()
        answers += 1
    back.send(answers)
    connection.close()


def _rate(work: Callable[[], object], seconds: float) -> float:
    """How often the work runs per second of this process's time, after a warm-up."""
    for _ in range(5):
        work()
    done, begun, end = 0, time.process_time(), time.perf_counter() + seconds
    while time.perf_counter() < end:
        work()
        done += 1
    return done / (time.process_time() - begun)


def _on_one_core() -> None:
    """Keep the emulator on one core; the clients that it starts may use the others."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
