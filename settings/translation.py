"""Validation errors as problems that a person can act on."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from site_recovery.config_paths import path
from site_recovery.declared.model import BROKEN_RULE
from site_recovery.declared.wording import another_kind, said, shortened
from site_recovery.problems import Problem

_KEY = "[key]"
"""Where pydantic reports that the key of an entry, not its value, is wrong."""

_QUOTED = re.compile(r"'([^']*)'")

_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
}

_NUMBERS = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}

_LENGTHS = {
    "string_too_short": ("min_length", "at least", "characters"),
    "string_too_long": ("max_length", "at most", "characters"),
    "too_short": ("min_length", "at least", "entries"),
    "too_long": ("max_length", "at most", "entries"),
}


_TARGET = "target"
_CALLED = dict.fromkeys(("nsg", "nsgid", "targetnsg", "targetnsgid"), "networkSecurityGroup")
"""Keys of other tools in lower case, with their names here."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """The way out for an unknown word: the most similar known word, or all known words."""
    known = sorted(known)
    near = get_close_matches(word.lower(), [k.lower() for k in known], n=1, cutoff=0.6)
    if near:
        return f"Write {next(k for k in known if k.lower() == near[0])!r}, if that is meant"
    return f"Known: {', '.join(known)}" if known else "There is none yet"


def problems(
    error: ValidationError, model: type[BaseModel], raw: Mapping[str, Any]
) -> list[Problem]:
    """The errors of a validation, each with its config path and a way out.

    Args:
        error: what pydantic found.
        model: the model of the whole config.
        raw: the config.
    """
    return [
        _problem(details, model, raw)
        for details in error.errors(include_url=False)
        if not _is_a_consequence(details)
    ]


def _as_written(location: Iterable[str | int], raw: Any) -> tuple[str | int, ...]:
    """A location without the keys that the config leaves out: `os: rhel-8` is short for a mapping."""
    found: list[str | int] = []
    part = raw
    for key in location:
        if isinstance(key, str) and (isinstance(part, list | str)):
            continue
        found.append(key)
        try:
            part = part[key]
        except (KeyError, IndexError, TypeError):
            part = None
    return tuple(found)


def _is_a_consequence(details: ErrorDetails) -> bool:
    """Whether a set is too small only because an entry of it is wrong, which is reported itself."""
    return details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]


def _problem(details: ErrorDetails, model: type[BaseModel], raw: Mapping[str, Any]) -> Problem:
    kind, context, location = details["type"], details.get("ctx", {}), details["loc"]
    if location[-1:] == (_KEY,):
        location = location[:-1]
    place, value = path(*_as_written(location, raw)), details["input"]
    if kind == BROKEN_RULE:
        return Problem(place, context["what"], context["way_out"])
    if kind == "missing":
        return Problem(
            place, "it is missing", f"Add the key {location[-1]!r} to the stack's config"
        )
    if kind == "extra_forbidden":
        return _unknown_key(model, location)
    if kind in ("enum", "literal_error"):
        return Problem(place, *_choice(value, _QUOTED.findall(context["expected"])))
    if kind in _KINDS:
        return Problem(place, *another_kind(value, _KINDS[kind]))
    if kind == "bool_parsing":
        return Problem(place, f"{said(value)} is neither true nor false", "Use one of the two")
    if kind in _NUMBERS:
        name, bound = _NUMBERS[kind]
        return Problem(place, f"{said(value)} is out of bounds", f"Use {bound} {context[name]}")
    if kind in _LENGTHS:
        name, bound, unit = _LENGTHS[kind]
        what = f"it has {context.get('actual_length') or len(value) or 'no'} {unit}"
        return Problem(place, what, f"Use {bound} {context[name]}")
    return Problem(place, f"{said(value)}: {details['msg']}", "Correct it")


def _unknown_key(model: type[BaseModel], location: tuple[str | int, ...]) -> Problem:
    word, known = str(location[-1]), _keys(model, location[:-1])
    if len(location) == 1 and re.split(r"[.\[]", word, maxsplit=1)[0] in {*known} - {word}:
        return Problem(
            path(*location),
            f"the key {shortened(word)!r} was set without --path",
            f"Run `pulumi config rm '{word}'`, then `pulumi config set --path '{word}' <value>`",
        )
    called = _CALLED.get(word.lower())
    if called in known:
        way_out = f"It is called {called} here"
    elif called is not None and _TARGET in known:
        way_out = f"It is called {_TARGET}.{called} here"
    else:
        way_out = suggestion(word, known)
    return Problem(path(*location), f"unknown key {shortened(word)!r}", way_out)


def _choice(value: Any, known: list[str]) -> tuple[str, str]:
    choices = f"Use one of {', '.join(known)}" if len(known) > 1 else f"Use {known[0]}"
    if value is None or value == "":
        return "it is empty", choices
    if not isinstance(value, str):
        what, way_out = another_kind(value, "text")
        return what, way_out if str(value) in known else f"{way_out}. {choices}"
    near = suggestion(value, known)
    return (
        f"{said(value)} is not known here",
        f"{choices}. {near}" if near.startswith("Write") else choices,
    )


def _keys(model: type[BaseModel], location: Iterable[str | int]) -> list[str]:
    """The keys that are allowed at a location in the config."""
    annotation: Any = model
    for part in location:
        annotation = _inside(annotation, part)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [field.alias or name for name, field in annotation.model_fields.items()]
    return []


def _inside(annotation: Any, part: str | int) -> Any:
    annotation = _plain(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if part in (field.alias, name):
                return _plain(field.annotation)
        return None
    arguments = get_args(annotation)
    return _plain(arguments[-1]) if arguments else None


def _plain(annotation: Any) -> Any:
    """An annotation without `Annotated` and without `| None`."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType):
            annotation = next(a for a in get_args(annotation) if a is not type(None))
        else:
            return annotation
