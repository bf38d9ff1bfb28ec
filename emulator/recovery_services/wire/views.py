"""The representation of each kind of resource as the result of an operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from emulator.kernel.resources import ResourceId, public
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.wire.paths import Collection

View: TypeAlias = Callable[[World, Document], Document]
Computed: TypeAlias = Callable[[World, str], Document]

_views: dict[str, View] = {}
_computed: dict[str, Computed] = {}


def view(collection: Collection) -> Callable[[View], View]:
    """Register the decorated function, which returns the full view of a collection's document."""

    def register(shows: View) -> View:
        _views[collection.kind] = shows
        return shows

    return register


def computed(kind: str) -> Callable[[Computed], Computed]:
    """Register the decorated function, which returns resources of a kind that is not stored."""

    def register(shows: Computed) -> Computed:
        _computed[kind.lower()] = shows
        return shows

    return register


def shown(world: World, resource_id: str) -> Document | None:
    """The resource of an id as GET returns it; None if it does not exist (any more)."""
    kind = ResourceId.parse(resource_id).kind
    if kind in _computed:
        return _computed[kind](world, resource_id)
    document = world.store.get(kind, resource_id)
    if document is None:
        return None
    return _views[kind](world, document) if kind in _views else public(document)
