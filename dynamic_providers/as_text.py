"""Values of a resource that the engine handles as one text.

SDK, engine and provider handle each value in the inputs and outputs of a resource by itself, a
dozen times in a command, and the engine writes it into its log each time. A text is one value,
whatever it says. Pulumi compares JSON in texts value by value when it shows a difference.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BeforeValidator, SerializerFunctionWrapHandler, WrapSerializer

_T = TypeVar("_T")


def as_text(value: Any) -> str | None:
    """A JSON value as the text of a field of type `AsText`; None for none."""
    if value is None:
        return None
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _read(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _written(value: Any, written: SerializerFunctionWrapHandler) -> str | None:
    return as_text(written(value))


AsText: TypeAlias = Annotated[_T, BeforeValidator(_read), WrapSerializer(_written)]
"""A field of `Inputs` or `Outputs` that the engine has as JSON in a text.

It also takes the value itself, as older versions of the program recorded it. The value may not be a
text.
"""
