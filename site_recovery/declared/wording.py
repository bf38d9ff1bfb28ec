"""How messages show a value of the config, and how they say that it is of the wrong kind."""

from __future__ import annotations

import json
import re
from typing import Any

_LONGEST = 60
"""The most characters of a value in a message."""

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
"""A user name with a password in a URL."""

_ANOTHER_KIND = re.compile(r" is a (?:list|mapping), not ")
_TEXT = "Quote it, or add `--type string` to `pulumi config set --path`"


def said(value: Any) -> str:
    """A value as a message shows it: quoted if it is text, on one line, not too long.

    What looks like a password is left out, because messages end up in the logs of pipelines.

    >>> said("web")
    "'web'"
    >>> said("http://ada:secret@proxy:3128")
    "'http://***@proxy:3128'"
    >>> said(True)
    'true'
    """
    if isinstance(value, bool | None):
        return json.dumps(value)
    if value == [None]:
        return "[null]"
    return shortened(_CREDENTIALS.sub("***@", repr(value)))


def shortened(text: str) -> str:
    """The text, or its beginning if it is long."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def another_kind(value: Any, wanted: str) -> tuple[str, str]:
    """What is wrong with a value that is not of the kind that is wanted, and the way out.

    Args:
        value: the value, as JSON or YAML gives it.
        wanted: the kinds that may be there, such as "text" or "a list".
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return "it is empty", f"It must be {wanted}"
    scalar = isinstance(value, bool | int | float)
    if wanted == "a whole number" and isinstance(value, float):
        return f"{said(value)} is not a whole number", f"It must be {wanted}"
    what = f"{said(value)} is {_kind(value)}, not {wanted}"
    if wanted == "text" and scalar:
        return what, _TEXT
    if isinstance(value, str) and _unquoted(value, wanted):
        return what, "Leave the quotes out; `pulumi config set --path` takes it without `--type`"
    return what, f"It must be {wanted}"


def is_of_another_kind(what: str) -> bool:
    """Whether this is what `another_kind` says of a list or a mapping.

    >>> is_of_another_kind(another_kind(["a"], "text")[0])
    True
    """
    return _ANOTHER_KIND.search(what) is not None


def _unquoted(text: str, wanted: str) -> bool:
    """Whether the text would be of the kind that is wanted if it had no quotes."""
    if wanted == "true or false":
        return text.lower() in ("true", "false")
    return wanted == "a whole number" and re.fullmatch(r"-?[0-9]+", text) is not None


def _kind(value: Any) -> str:
    kinds: tuple[tuple[Any, str], ...] = (
        (bool, "true or false"),
        (int | float, "a number"),
        (str, "text"),
        (list, "a list"),
        (dict, "a mapping"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "something else")
