"""The world over HTTP: an ASGI application, and the server that runs it on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, TypeAlias

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log = logging.getLogger(__name__)

MAX_BODY_BYTES = 4 * 1024 * 1024
_SETTLE_SECONDS = 1.0
_TRANSPORT = "emulator.transport"


class Application:
    """An ASGI application that answers from a world.

    Args:
        world: the world.
        settle_seconds: how often, in real seconds, due events are run if no request comes.
    """

    def __init__(self, world: World, settle_seconds: float = _SETTLE_SECONDS) -> None:
        self._world = world
        self._settle_seconds = settle_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request, or the server's lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            response = _too_large()
        else:
            headers = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in scope["headers"]
            }
            target = scope["raw_path"] + b"?" + scope["query_string"]
            request = Request.of(
                scope["method"],
                target.decode("latin-1"),
                headers,
                body,
                scope.get("scheme", "http"),  # optional in ASGI
            )
            response = self._world.handle(request)
        if response.dropped and _TRANSPORT in scope:
            scope[_TRANSPORT].abort()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await _send(response, send, empty=scope["method"] == "HEAD")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._time_passes():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    @contextlib.asynccontextmanager
    async def _time_passes(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._settle_forever())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _settle_forever(self) -> None:
        while True:
            await asyncio.sleep(self._settle_seconds)
            try:
                self._world.settle()
            except sqlite3.Error as error:
                _log.error("time does not pass while the state cannot be written: %s", error)


class _DroppableProtocol(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
    """Hands its transport to the application, which may have to break the connection."""

    app: Any

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport for every request on this connection."""
        super().connection_made(transport)
        application = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope[_TRANSPORT] = transport
            await application(scope, receive, send)

        self.app = with_transport


def configuration(world: World, port: int, certificate: Path | None = None) -> uvicorn.Config:
    """The uvicorn configuration that serves a world on loopback.

    Args:
        world: the world.
        port: the TCP port, which must be free.
        certificate: a PEM file with the server's certificate and key; None serves plain http.
    """
    return uvicorn.Config(
        Application(world),
        host="127.0.0.1",
        port=port,
        http=_DroppableProtocol,
        log_level="warning",
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
        lifespan="on",
        ssl_certfile=certificate,
    )


def serve(
    world: World,
    port: int,
    certificate: Path | None = None,
    listener: socket.socket | None = None,
) -> None:
    """Serve a world until the process is told to end.

    Args:
        world: the world.
        port: the TCP port, which must be free.
        certificate: a PEM file with the server's certificate and key; None serves plain http.
        listener: a socket that listens on that port already; None opens one.
    """
    server = uvicorn.Server(configuration(world, port, certificate))
    server.run(None if listener is None else [listener])


async def _body(receive: Receive) -> bytes | None:
    """The request's body, or None if it is too large."""
    content = bytearray()
    more = True
    while more:
        message = await receive()
        content += message.get("body", b"")
        if len(content) > MAX_BODY_BYTES:
            return None
        more = message.get("more_body", False)
    return bytes(content)


async def _send(response: Response, send: Send, *, empty: bool) -> None:
    content = response.content()
    headers = {"Cache-Control": "no-cache", **response.headers}
    if content:
        headers["Content-Type"] = "application/json; charset=utf-8"
    if response.status != 204:
        headers["Content-Length"] = str(len(content))
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [
                (name.encode("latin-1"), value.encode("latin-1", "replace"))
                for name, value in headers.items()
            ],
        }
    )
    await send({"type": "http.response.body", "body": b"" if empty else content})


def _too_large() -> Response:
    response = ArmError(
        413,
        "RequestContentTooLarge",
        f"The request content size exceeds the maximum size of {MAX_BODY_BYTES} bytes.",
    ).response()
    # The unread rest of the body must not be read as the next request.
    response.headers["Connection"] = "close"
    return response
