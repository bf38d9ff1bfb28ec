"""Inputs of a resource, of which is remembered what was read: the rest can be named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_NOTHING = (None, False, "", "None")
"""What says no more than that something is not there."""


class Taken:
    """The inputs of a resource, or a part of them.

    Args:
        inputs: as azure-native reads them; they stay as they are.
    """

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        self._rest: dict[str, Any] = _copied(dict(inputs))

    def take(self, path: str) -> Any:
        """A value by its path, such as `sku.name`; None if there is none."""
        inside, name = self._at(path)
        return inside.pop(name, None)

    def take_if(self, path: str, value: str) -> None:
        """Take a text if it is this one, in any case."""
        inside, name = self._at(path)
        if str(inside.get(name)).lower() == value.lower():
            del inside[name]

    def each(self, path: str) -> list[Taken]:
        """The objects of a list; what is not read of them belongs to the rest of this."""
        inside, name = self._at(path)
        found = inside.get(name) or ()
        return [_within(one) for one in found if isinstance(one, dict)]

    def left(self) -> list[str]:
        """The paths of what was not read, in order and each once."""
        return list(dict.fromkeys(_paths(self._rest, "")))

    def _at(self, path: str) -> tuple[dict[str, Any], str]:
        """The object that has the last part of a path, and that part."""
        *above, name = path.split(".")
        inside: Any = self._rest
        for key in above:
            inside = inside.get(key) if isinstance(inside, dict) else None
        return inside if isinstance(inside, dict) else {}, name


def _copied(value: Any) -> Any:
    """A copy in which no two places are the same object."""
    if isinstance(value, dict):
        return {name: _copied(its) for name, its in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


def _within(part: dict[str, Any]) -> Taken:
    made = Taken({})
    made._rest = part
    return made


def _paths(value: Any, at: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, its in value.items():
            yield from _paths(its, f"{at}.{name}" if at else name)
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each, at)
    elif value not in _NOTHING:
        yield at
