"""The operator: the person who does the manual steps, twice a minute of service time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias
from weakref import WeakKeyDictionary

from emulator.guests import machine
from emulator.kernel.store import Document
from emulator.kernel.world import World

Visit: TypeAlias = Callable[[World], None]

_KIND = "guest/operator"
_ROUND = "operator goes round"
_EVERY = timedelta(seconds=30)

_visits: WeakKeyDictionary[World, list[Visit]] = WeakKeyDictionary()


def on_round(world: World, visit: Visit) -> None:
    """Register something that the operator does on every round."""
    visits = _visits.setdefault(world, [])
    visits.append(visit)
    world.on(_ROUND, _go_round)
    if world.store.get(_KIND, "operator") is None:
        with world.store.transaction():
            world.store.put(_KIND, "operator", {"since": world.now.isoformat()})
            world.schedule(timedelta(), _ROUND, {})


def _go_round(world: World, payload: Document) -> None:
    # On each round the operator notices which machines stopped, as missing heartbeats would show.
    machine.look(world)
    for visit in _visits[world]:
        visit(world)
    # After a long pause it is enough to look once.
    behind = world.clock.now() - world.now
    world.schedule(max(_EVERY, behind), _ROUND, {})
