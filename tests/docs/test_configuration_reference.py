"""The README's reference of the config has every key, and no other, with its true default."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from settings import Settings
from settings.durations import write
from tests.docs.markdown import ROOT, tables

REQUIRED = "required"
NAMED_AFTER_ANOTHER = {"target.machinesResourceGroup": "`<resourceGroup>-machines`"}
"""Defaults that follow from another key."""
ENTRIES = {"machines": "<machine>", "waves": "<wave>"}


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str | None]]:
    """Every key that holds a value, with its default as the reference writes it.

    None stands for a key that may be left out and has no value then.
    """
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        part, place = _part(field.annotation)
        if part is not None:
            yield from keys(part, f"{key}{place.format(ENTRIES.get(key))}.")
        else:
            default = field.get_default(call_default_factory=True)
            yield key, NAMED_AFTER_ANOTHER.get(key, _written(default))


def _part(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The model that a key's value is made of, if it is, and how its place goes on."""
    if isinstance(annotation, type):
        return (annotation, "") if issubclass(annotation, BaseModel) else (None, "")
    inside = [argument for argument in get_args(annotation) if argument is not types.NoneType]
    if not inside:
        return None, ""
    if get_origin(annotation) is dict:
        return _part(inside[1])[0], ".{}"
    return _part(inside[0])[0], "[]" if get_origin(annotation) is list else ""


def _written(default: Any) -> str | None:
    match default:
        case None:
            return None
        case _ if default is PydanticUndefined:
            return REQUIRED
        case timedelta():
            return f"`{write(default)}`"
        case bool():
            return f"`{str(default).lower()}`"
        case _:
            return f"`{default}`"


KEYS = dict(keys(Settings))
DOCUMENTED = {
    row[0].strip("`"): row
    for table in tables(ROOT / "README.md")
    if table[0][0] == "key"
    for row in table[1:]
}


def test_every_key_is_in_the_reference_and_nothing_else_is() -> None:
    assert set(DOCUMENTED) == set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_the_reference_gives_the_default(key: str) -> None:
    _, _, default, meaning = DOCUMENTED[key]
    if KEYS[key] is None:
        assert default not in (REQUIRED, "")
    else:
        assert default == KEYS[key]
    assert meaning
