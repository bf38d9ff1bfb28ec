"""Writes the reference of the config from the settings models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from settings import Settings
from site_recovery.declared.durations import write
from site_recovery.declared.model import DEFAULTS_TO

REQUIRED = "required"
NONE = "-"
"""Shown as the default of an optional key that has none."""

_ENTRIES = {
    "machines": "<machine>",
    "waves": "<wave>",
    "machines.<machine>.target.interfaces": "<interface>",
    "machines.<machine>.target.disks": "<disk>",
}
"""Placeholder for the names of entries, by the key of their mapping."""
_HEAD = ("key", "value", "default", "meaning")
_TABLE = re.compile(r"(<!-- keys of ([\w ]+) -->\n).*?(<!-- end of keys -->)", re.DOTALL)
_GENERAL = "the stack"


@dataclass(frozen=True)
class Row:
    """A key of the config.

    Attributes:
        key: its full path, such as `waves.<wave>.phase`.
        value: the values that it accepts. Markdown, like `default` and `meaning`.
    """

    key: str
    value: str
    default: str
    meaning: str

    @property
    def part(self) -> str:
        """The part of the config that the key belongs to, such as `waves`."""
        head, dot, _ = self.key.partition(".")
        return head if dot else _GENERAL


def page(text: str) -> str:
    """Replace the tables of keys in a page.

    A table is between `<!-- keys of PART -->` and `<!-- end of keys -->`. The part `the stack` has
    all top-level keys.

    Raises:
        ValueError: the page lacks the place of a part, or has a place for an unknown part.
    """
    tables: dict[str, list[str]] = {}
    for row in rows():
        tables.setdefault(row.part, [_line(_HEAD), _line(["---"] * len(_HEAD))]).append(
            _line([f"`{row.key}`", row.value, row.default, row.meaning])
        )
    places = [part for _, part, _ in _TABLE.findall(text)]
    if sorted(places) != sorted(tables):
        raise ValueError(f"the page has places for {places}, the config has {list(tables)}")
    return _TABLE.sub(lambda at: "\n".join((at[1], *tables[at[2]], "", at[3])), text)


def rows() -> Iterator[Row]:
    """The rows for all keys that have a value, and for all parts with a description."""
    return _rows(Settings, None, "")


def _rows(model: type[BaseModel], given: BaseModel | None, prefix: str) -> Iterator[Row]:
    """The keys of a model.

    Args:
        model: a part of the config.
        given: the default value of the whole part, which provides the defaults of its keys; or
            None.
        prefix: the path before the keys.
    """
    schema = model.model_json_schema()
    for name, field in model.model_fields.items():
        alias = field.alias or name
        key = f"{prefix}{alias}"
        node: Mapping[str, Any] = schema["properties"][alias]
        default = getattr(given, name) if given else field.get_default(call_default_factory=True)
        part, place = _part(field.annotation)
        if part is None:
            value = _value(field, node, schema.get("$defs", {}))
            yield Row(key, value, _default(node, default), field.description or "")
            continue
        if field.description:
            kind = "list" if place == "[]" else "mapping"
            yield Row(key, kind, _default(node, default), field.description)
        inside = default if isinstance(default, BaseModel) else None
        yield from _rows(part, inside, f"{key}{place.format(_ENTRIES.get(key))}.")


def _part(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The model of a key's value, or None; and the part of the path that leads into it."""
    if isinstance(annotation, type):
        return (annotation, "") if issubclass(annotation, BaseModel) else (None, "")
    inside = [argument for argument in get_args(annotation) if argument is not NoneType]
    match get_origin(annotation):
        case origin if origin is dict:
            return _part(inside[1])[0], ".{}"
        case origin if origin is list:
            return _part(inside[0])[0], "[]"
        case origin if origin is Annotated:
            return _part(inside[0])
        case _:
            return _part(inside[0]) if inside else (None, "")


def _value(field: FieldInfo, node: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """The values that a key accepts, from its JSON schema."""
    if field.title:
        return field.title
    # Pydantic generates the title of a field's own node. The title of a type inside it is ours.
    title = "text"
    for one in node.get("anyOf", ()):
        if one.get("type") != "null":
            node, title = one, one.get("title", title)
    if "$ref" in node:
        node = definitions[node["$ref"].rsplit("/", 1)[-1]]
    match node:
        case {"enum": values}:
            return _one_of([f"`{_quoted(value)}`" for value in values])
        case {"type": "boolean"}:
            return "`true` or `false`"
        case {"type": "integer", "minimum": low, "maximum": high}:
            return f"{low} to {high}"
        case {"type": "integer", "minimum": low}:
            return f"{low} or more"
        case {"type": "array"}:
            return "list of names"
        case {"type": "object"}:
            return "names and texts"
        case _:
            return str(title)


def _default(node: Mapping[str, Any], default: Any) -> str:
    if DEFAULTS_TO in node:
        return str(node[DEFAULTS_TO])
    match default:
        case None:
            return NONE
        case BaseModel():
            return "`{}`"
        case _ if default is PydanticUndefined:
            return REQUIRED
        case timedelta():
            return f"`{write(default)}`"
        case bool():
            return f"`{str(default).lower()}`"
        case Enum():
            return f"`{default.value}`"
        case _:
            return f"`{default}`"


def _quoted(text: str) -> str:
    """A text as it has to be written in YAML: in quotes if it would not be read as text."""
    return text if yaml.safe_load(text) == text else f'"{text}"'


def _one_of(values: list[str]) -> str:
    *rest, last = values
    return f"{', '.join(rest)} or {last}" if rest else last


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
