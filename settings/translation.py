"""Validation errors as problems that a person can act on."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from site_recovery.config_paths import path
from site_recovery.declared.model import BROKEN_RULE
from site_recovery.problems import Problem

_QUOTED = re.compile(r"'([^']*)'")

_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "list_type": "a list",
}

_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
    "string_too_short": ("min_length", "at least this many characters:"),
    "string_too_long": ("max_length", "at most this many characters:"),
    "too_short": ("min_length", "at least this many entries:"),
    "too_long": ("max_length", "at most this many entries:"),
}


def suggestion(word: str, known: Iterable[str]) -> str:
    """The way out for an unknown word: the most similar known word, or all known words."""
    known = sorted(known)
    near = get_close_matches(word.lower(), [k.lower() for k in known], n=1, cutoff=0.6)
    if near:
        return f"Write {next(k for k in known if k.lower() == near[0])!r}, if that is meant"
    return f"Known: {', '.join(known)}" if known else "There is none yet"


def problems(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """The errors of a validation, each with its config path and a way out."""
    return [_problem(details, model) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails, model: type[BaseModel]) -> Problem:
    kind, context, location = details["type"], details.get("ctx", {}), details["loc"]
    place, value = path(*location), details["input"]
    if kind == BROKEN_RULE:
        return Problem(place, context["what"], context["way_out"])
    if kind == "missing":
        return Problem(place, "it is missing", f"Add {path(location[-1])} to the stack's config")
    if kind == "extra_forbidden":
        known = _keys(model, location[:-1])
        word = str(location[-1])
        return Problem(place, f"unknown key {word!r}", suggestion(word, known))
    if kind in ("enum", "literal_error"):
        known = _QUOTED.findall(context["expected"])
        return Problem(place, f"{_short(value)} is not known here", _one_of(value, known))
    if kind in _KINDS:
        quote = "; quote it" if kind == "string_type" and isinstance(value, int | float) else ""
        return Problem(
            place, f"{_short(value)} is {_kind(value)}", f"It must be {_KINDS[kind]}{quote}"
        )
    if kind in _BOUNDS:
        name, bound = _BOUNDS[kind]
        return Problem(place, f"{_short(value)} is out of bounds", f"Use {bound} {context[name]}")
    return Problem(place, f"{_short(value)}: {details['msg']}", "Correct it")


def _one_of(value: Any, known: list[str]) -> str:
    choices = f"Use one of {', '.join(known)}" if len(known) > 1 else f"Use {known[0]}"
    near = suggestion(value, known) if isinstance(value, str) else ""
    return f"{choices}. {near}" if near.startswith("Write") else choices


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _kind(value: Any) -> str:
    kinds: tuple[tuple[Any, str], ...] = (
        (type(None), "empty"),
        (bool, "true or false"),
        (int | float, "a number"),
        (str, "text"),
        (list, "a list"),
        (dict, "a mapping"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "something else")


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
