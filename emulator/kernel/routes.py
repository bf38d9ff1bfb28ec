"""A route table: which handler answers which operation. Paths are matched case-insensitively."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from emulator.kernel.wire import Request, Response

Handler: TypeAlias = Callable[..., Response]


@dataclass(frozen=True)
class Route:
    """One operation of the contract.

    Attributes:
        method: the HTTP verb.
        template: the path with `{parameters}`, each of which matches one segment.
        operation_id: the operation's id in the published contract, or a name of our own
            that begins with an underscore for what is not part of ARM.
        api_versions: the api-versions it answers; empty if it needs none.
        changes: whether the operation changes something (these are audited).
        handler: called as `handler(world, request, **parameters)`.
    """

    method: str
    template: str
    operation_id: str
    api_versions: frozenset[str]
    changes: bool
    handler: Handler


class Routes:
    """The routes of one service; `include` adds those of another."""

    def __init__(self, api_versions: Iterable[str] = ()) -> None:
        self._api_versions = frozenset(api_versions)
        self._routes: list[Route] = []
        self._index: dict[tuple[str, int], list[tuple[re.Pattern[str], Route]]] = {}

    def route(
        self, method: str, template: str, operation_id: str, *, changes: bool | None = None
    ) -> Callable[[Handler], Handler]:
        """Register a handler, as a decorator. GET and HEAD are not audited unless `changes` is
        True."""

        def register(handler: Handler) -> Handler:
            alters = method not in ("GET", "HEAD") if changes is None else changes
            self._add(Route(method, template, operation_id, self._api_versions, alters, handler))
            return handler

        return register

    def include(self, other: Routes) -> None:
        """Add all routes of another table."""
        for route in other.all():
            self._add(route)

    def all(self) -> list[Route]:
        """Every route, in the order of registration."""
        return list(self._routes)

    def find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        """The route of a request with its path parameters, or None."""
        path = request.path.rstrip("/") or "/"
        for pattern, route in self._index.get((request.method, path.count("/")), []):
            match = pattern.fullmatch(path)
            if match:
                return route, match.groupdict()
        return None

    def methods(self, path: str) -> list[str]:
        """The verbs that are answered at a path."""
        path = path.rstrip("/") or "/"
        return sorted(
            method
            for (method, depth), routes in self._index.items()
            if depth == path.count("/") and any(pattern.fullmatch(path) for pattern, _ in routes)
        )

    def _add(self, route: Route) -> None:
        pattern = re.compile(
            re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(route.template)), re.IGNORECASE
        )
        self._routes.append(route)
        depth = route.template.count("/")
        entries = self._index.setdefault((route.method, depth), [])
        entries.append((pattern, route))
        # A literal segment wins over a parameter at the same place.
        entries.sort(key=lambda entry: entry[1].template.count("{"))
