"""What the arguments of all resources are read with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from handover.terraform.hcl import Block
from handover.terraform.ids import canonical
from handover.terraform.taken import Taken
from handover.terraform.words import word

Said: TypeAlias = dict[str, Any]
"""Arguments of azurerm by their names."""


def optional(value: object, allowed: tuple[str, ...], what: str) -> str | None:
    """A value in azurerm's spelling; None if Azure shows none.

    Raises:
        NotTakenError: azurerm does not take it.
    """
    return None if value is None else word(value, allowed, what)


def place(taken: Taken) -> Said:
    """Where a resource is."""
    return {
        "resource_group_name": taken.take("resourceGroupName"),
        "location": taken.take("location"),
    }


def block(type_: str, /, **arguments: Any) -> Block:
    """A block of the arguments that say something."""
    return Block(type_, arguments=said(arguments))


def said(arguments: Mapping[str, Any]) -> Said:
    """The arguments that say something."""
    return {name: value for name, value in arguments.items() if value not in (None, "", [], {})}


def id_of(value: Any) -> str | None:
    """An id in azurerm's spelling; None if there is none."""
    return canonical(value) if isinstance(value, str) and value else None


def first(values: Any) -> Any:
    """The first value of a list; None if there is none."""
    return next(iter(values or ()), None)


def drop(taken: Taken, *paths: str) -> None:
    """Read what azurerm knows otherwise."""
    for path in paths:
        taken.take(path)
