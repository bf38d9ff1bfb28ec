"""The route that a packet takes.

Source: Amazon VPC, "Route tables and route priority".
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from site_recovery.reachability.network import Match, Route, RouteTable, Verdict, shown


@dataclass(frozen=True)
class Way:
    """The route to a remote end.

    Attributes:
        verdict: whether there is a working one, and which.
        route: the route that applies; None if there is none.
    """

    verdict: Verdict
    route: Route | None = None


def way(table: RouteTable, end: IPv4Network) -> Way:
    """The route of a table to a remote end.

    The most specific route applies, even a blackhole. Of equally specific ones the local route
    has priority, then a static one, then a propagated one. If only a part of the remote end has a
    route, that route applies.
    """
    whole = [route for route in table.routes if route.destination.match(end) is Match.ALL]
    if whole:
        return _chosen(table, min(whole, key=lambda route: _rank(route, end)), end)
    parts = [
        route
        for route in table.routes
        if route.destination.match(end) is Match.PART and not route.blackhole
    ]
    if parts:
        route = min(parts, key=lambda each: each.destination.name)
        words = f"{_words(table, route)}, which is only a part of {shown(end)}"
        return Way(Verdict(True, words), route)
    return Way(Verdict(False, f"route table {table.table_id} has no route to {shown(end)}"))


def _chosen(table: RouteTable, route: Route, end: IPv4Network) -> Way:
    if route.blackhole:
        words = f"{_words(table, route)}, a blackhole: no way to {shown(end)}"
        return Way(Verdict(False, words), route)
    return Way(Verdict(True, _words(table, route)), route)


def _rank(route: Route, end: IPv4Network) -> tuple[int, bool, bool, str]:
    return (
        -route.destination.prefix(end),
        route.target != "local",
        route.propagated,
        route.target,
    )


def _words(table: RouteTable, route: Route) -> str:
    return f"route table {table.table_id} sends {route.destination.name} to {route.target}"
