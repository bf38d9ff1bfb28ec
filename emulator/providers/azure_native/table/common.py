"""Properties that many azure-native types have."""

from __future__ import annotations

from typing import Any

from emulator.providers.schema import Kind, Property

GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"


def same_id(value: Any) -> Any:
    """Resource ids are the same in any casing."""
    return value.casefold() if isinstance(value, str) and value.startswith("/") else value


def same_place(value: Any) -> Any:
    """`West Europe` and `westeurope` are the same location."""
    return value.replace(" ", "").casefold() if isinstance(value, str) else value


def inner(kind: Kind = "string", **more: Any) -> Property:
    """A property that ARM has under `properties`."""
    return Property(kind, container=("properties",), **more)


PATH_PARAMETER = Property(required=True, replace=True, normal=str.casefold)
LOCATION = Property(replace=True, computed=True, normal=same_place)
TAGS = Property("map", items=Property())
TEXTS = Property("list", items=Property())
ID = Property(normal=same_id)
