"""What parts of a config have to be, so that an inventory can read and extend them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_MAPPING, _LIST = "a mapping", "a list"
_TYPES: Mapping[str, type] = {_MAPPING: dict, _LIST: list}
_SHAPES = {
    "source": _MAPPING,
    "machines": _MAPPING,
    "machines.*": _MAPPING,
    "machines.*.target": _MAPPING,
    "machines.*.target.tags": _MAPPING,
    "waves": _MAPPING,
    "waves.*": _MAPPING,
    "waves.*.machines": _LIST,
    "waves.*.recoveryPlan": _MAPPING,
    "waves.*.recoveryPlan.groups": _LIST,
}


def wrong(parts: Mapping[str, Any]) -> str | None:
    """The first part that is of another kind, such as `waves.pilot is not a mapping`, or None.

    What is empty is of every kind.
    """
    for path, kind in _SHAPES.items():
        for place, value in _values(parts, path.split("."), ()):
            if value is not None and not isinstance(value, _TYPES[kind]):
                return f"{'.'.join(place)} is not {kind}"
    return None


def _values(
    part: Any, path: list[str], place: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not path:
        yield place, part
    elif isinstance(part, dict):
        keys = list(part) if path[0] == "*" else [key for key in path[:1] if key in part]
        for key in keys:
            yield from _values(part[key], path[1:], (*place, str(key)))
