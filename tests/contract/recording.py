"""Records the requests and responses of all emulated worlds."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World


@dataclass(frozen=True)
class Call:
    """One request with its response.

    Attributes:
        operation: the operation id of the route that answered it.
        method: the HTTP verb.
        path: the path as it was sent.
        query: its query parameters.
        sent: the body of the request; None if there was none.
        status: the status of the response.
        headers: the headers of the response.
        answer: the body of the response; None if it was empty.
    """

    operation: str
    method: str
    path: str
    query: Mapping[str, str]
    sent: Any
    status: int
    headers: Mapping[str, str]
    answer: Any

    def __str__(self) -> str:
        return f"{self.operation} ({self.method} {self.path}) -> {self.status}"


@contextlib.contextmanager
def recorded() -> Iterator[list[Call]]:
    """Record the calls made inside this context, in order. Calls without a route are left out."""
    calls: list[Call] = []
    handle = World.handle

    def handle_and_keep(world: World, request: Request) -> Response:
        response = handle(world, request)
        found = world.routes.find(request)
        if found is not None:
            content = response.content()
            calls.append(
                Call(
                    found[0].operation_id,
                    request.method,
                    request.path,
                    dict(request.query),
                    json.loads(request.body) if request.body else None,
                    response.status,
                    dict(response.headers),
                    json.loads(content) if content else None,
                )
            )
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "handle", handle_and_keep)
        yield calls
