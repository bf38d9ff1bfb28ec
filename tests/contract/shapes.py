"""Compares the shapes of JSON bodies: their members and types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_NAMED_BY_USERS = ("tags", "userAssignedIdentities")
"""Objects with arbitrary keys. Only the shape of their values is compared."""


def lacking(shown: Any, given: Any, at: str = "") -> Iterator[str]:
    """The members, entries and types that a body lacks compared with another.

    If one side has null, the other may have anything. Parts of different replication providers are
    not compared, because they are different classes of the contract.

    Args:
        shown: the body with the expected shape.
        given: the body to check. It may have additional members.
        at: the path of the compared parts.
    """
    if shown is None or given is None:
        return
    if kind(shown) != kind(given):
        yield f"{at}: {kind(shown)} is shown, {kind(given)} is given"
    elif isinstance(shown, dict):
        if shown.get("instanceType") != given.get("instanceType"):
            return
        for name, value in shown.items():
            if name in given:
                users = name in _NAMED_BY_USERS
                yield from lacking(
                    list(value.values()) if users else value,
                    list(given[name].values()) if users else given[name],
                    f"{at}.{name}",
                )
            else:
                yield f"{at}.{name}: it is shown, and not given"
    elif isinstance(shown, list) and shown:
        if not given:
            yield f"{at}: entries are shown, none are given"
        else:
            yield from lacking(shown[0], given[0], f"{at}[]")


def kind(value: Any) -> str:
    """The JSON type of a value. Integers and floats have the same type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
