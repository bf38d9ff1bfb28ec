"""Transports of azure-core that reach a world in this process, without sockets.

Give one as `transport=` to any client of an Azure SDK for Python. With a stepped clock, a client
that sleeps between polls moves the clock instead of waiting.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline import Pipeline
from azure.core.pipeline.transport import AsyncHttpTransport, HttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest, HttpResponse
from azure.core.rest._http_response_impl import HttpResponseImpl
from azure.core.rest._http_response_impl_async import AsyncHttpResponseImpl
from azure.core.utils import CaseInsensitiveDict

from emulator.kernel.clock import Clock
from emulator.kernel.wire import Request, Response


class Answering(Protocol):
    """What a transport reaches: a world, or something in front of one."""

    clock: Clock

    def handle(self, request: Request) -> Response:
        """Answer one request."""


class WorldTransport(HttpTransport[HttpRequest, HttpResponse]):
    """Carries the calls of a synchronous client to a world.

    Args:
        world: the world that answers.
        steps: whether a client's sleep advances the world's clock; with a clock that runs by
            itself this must be False, and the sleep is a real one.
    """

    def __init__(self, world: Answering, *, steps: bool = True) -> None:
        self._world = world
        self._steps = steps

    def send(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Answer one request.

        Raises:
            ServiceResponseError: a fault of the emulator dropped the connection.
        """
        response = _answer(self._world, request)
        content = response.content()

        def chunks(
            response: HttpResponse, pipeline: Pipeline[Any, Any], **_: Any
        ) -> Iterator[bytes]:
            yield content

        sent = HttpResponseImpl(
            request=request,
            internal_response=_Sent(),
            status_code=response.status,
            reason="",
            content_type="application/json",
            headers=_headers(response, content),
            stream_download_generator=chunks,
        )
        if not kwargs.get("stream"):
            sent.read()
        return sent

    def sleep(self, duration: float) -> None:
        """Advance a stepped clock by the duration; with any other clock, wait in real time."""
        if self._steps:
            self._world.clock.advance(timedelta(seconds=duration))
        else:
            super().sleep(duration)

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncWorldTransport(AsyncHttpTransport[HttpRequest, AsyncHttpResponse]):
    """Carries the calls of an asynchronous client to a world. Otherwise like `WorldTransport`."""

    def __init__(self, world: Answering, *, steps: bool = True) -> None:
        self._world = world
        self._steps = steps

    async def send(self, request: HttpRequest, **kwargs: Any) -> AsyncHttpResponse:
        """Answer one request.

        Raises:
            ServiceResponseError: a fault of the emulator dropped the connection.
        """
        response = _answer(self._world, request)
        content = response.content()

        async def chunks(
            response: AsyncHttpResponse, pipeline: Pipeline[Any, Any], **_: Any
        ) -> AsyncIterator[bytes]:
            yield content

        sent = AsyncHttpResponseImpl(
            request=request,
            internal_response=_AsyncSent(),
            status_code=response.status,
            reason="",
            content_type="application/json",
            headers=_headers(response, content),
            stream_download_generator=chunks,
        )
        if not kwargs.get("stream"):
            await sent.read()
        return sent

    async def sleep(self, duration: float) -> None:
        """Advance a stepped clock by the duration; with any other clock, wait in real time."""
        if self._steps:
            self._world.clock.advance(timedelta(seconds=duration))
        else:
            await super().sleep(duration)

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def __aexit__(self, *exception: object) -> None:
        await self.close()


class _Sent:
    """The stand-in for a synchronous response that azure-core closes after reading it."""

    def close(self) -> None:
        """Nothing to close."""


class _AsyncSent:
    """The same for an asynchronous response."""

    async def close(self) -> None:
        """Nothing to close."""


def _answer(world: Answering, request: HttpRequest) -> Response:
    content = request.content
    body = content if isinstance(content, bytes) else str(content or "").encode()
    headers = {"host": urlsplit(request.url).netloc, **request.headers}
    response = world.handle(Request.of(request.method, request.url, headers, body))
    if response.dropped:
        raise ServiceResponseError("Connection aborted: the emulator dropped the connection.")
    return response


def _headers(response: Response, content: bytes) -> CaseInsensitiveDict:
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(content)),
        **response.headers,
    }
    return CaseInsensitiveDict(headers)
