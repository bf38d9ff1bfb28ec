"""The shape of a JSON body: which members it has, and of which types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_NAMED_BY_USERS = ("tags", "userAssignedIdentities")
"""Objects whose members have names of anybody's choice: their values alone have a shape."""


def lacking(shown: Any, given: Any, at: str = "") -> Iterator[str]:
    """What a body lacks of the shape that is shown: members, entries, types.

    A null has no shape: where one side has it, the other may have anything. Parts of two
    replication providers are not compared: they are different classes of the contract.

    Args:
        shown: the body whose shape is wanted.
        given: the body that should have it; it may have more.
        at: the place that is compared.
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
    """The JSON type of a value, whole and other numbers being one."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
