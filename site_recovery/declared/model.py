"""The base of all config models: frozen, with camelCase keys, and unknown keys refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from site_recovery.declared.wording import said

BROKEN_RULE = "broken_rule"
"""The type of validation errors whose message includes a way out."""

DEFAULTS_TO = "defaultsTo"
"""The key in a field's JSON schema that describes its default in words."""

T = TypeVar("T")
C = TypeVar("C", bound=Collection[str])


class Model(BaseModel):
    """A part of the config. Keys are camelCase in the config and in dumps, snake_case in code."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=False,
        serialize_by_alias=True,
        validate_default=True,
    )


def defaults_to(text: str) -> JsonDict:
    """Describe the default of a field that depends on something else, for the config reference.

    Args:
        text: the description, in Markdown.

    Returns:
        A value for the field's `json_schema_extra`.
    """
    return {DEFAULTS_TO: text}


def broken(what: str, way_out: str) -> PydanticCustomError:
    """A validation error that says how to correct the value.

    Both texts have no full stop at the end, as in `site_recovery.problems.Problem`.
    """
    return PydanticCustomError(BROKEN_RULE, "{what}. {way_out}", {"what": what, "way_out": way_out})


def rule(holds: Callable[[T], bool], what: str, way_out: str) -> AfterValidator:
    """Make a validator from a predicate. `{value}` in `what` is replaced by the refused value."""

    def check(value: T) -> T:
        if not holds(value):
            raise broken(what.format(value=said(value)), way_out)
        return value

    return AfterValidator(check)


def _refuse_twice(values: C) -> C:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise broken(f"it has {said(value)} twice", "Remove one of the two")
        seen.add(value)
    return values


DISTINCT = AfterValidator(_refuse_twice)
"""For a list or tuple of texts in which a second entry of the same text would mean nothing."""


def form(pattern: str, what: str, way_out: str) -> AfterValidator:
    """A validator for text of a form; the arguments are as in `rule`."""
    compiled = re.compile(pattern)

    def holds(text: str) -> bool:
        return compiled.fullmatch(text) is not None

    return rule(holds, what, way_out)
