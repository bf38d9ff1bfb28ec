"""`$filter` of list operations: `name eq 'value'` terms joined by `and`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emulator.kernel.wire import ArmError, Request

_TERM = re.compile(r"\s*(\w+)\s+(eq|ge|gt|le|lt)\s+'([^']*)'\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Term:
    """One comparison; `name` is as the service writes it."""

    name: str
    operator: str
    value: str


def parse(request: Request, names: Collection[str]) -> list[Term]:
    """The terms of the request's filter; all must hold.

    Raises:
        ArmError: 400 `InvalidFilter` for another syntax or an unknown name.
    """
    text = request.query.get("$filter", "").strip()
    if not text:
        return []
    known = {name.lower(): name for name in names}
    terms = []
    for part in re.split(r"\s+and\s+", text, flags=re.IGNORECASE):
        match = _TERM.fullmatch(part)
        if match is None or match[1].lower() not in known:
            raise ArmError(
                400,
                "InvalidFilter",
                f"The filter '{part}' is not valid: \"name eq 'value'\" joined by 'and' is, with "
                f"the names {', '.join(known.values())}.",
            )
        terms.append(Term(known[match[1].lower()], match[2].lower(), match[3]))
    return terms


def keeps(terms: list[Term], properties: Mapping[str, Any]) -> bool:
    """Whether properties satisfy every term; text is compared without case."""
    return all(compare(term, str(properties.get(term.name) or "")) for term in terms)


def moment(term: Term) -> datetime:
    """A term's value as a time.

    Raises:
        ArmError: 400 `InvalidFilter` for a value that is no time, or has no time zone.
    """
    try:
        found = datetime.fromisoformat(term.value)
    except ValueError as error:
        raise ArmError(
            400, "InvalidFilter", f"'{term.value}' is not a time for '{term.name}'."
        ) from error
    if found.tzinfo is None:
        raise ArmError(400, "InvalidFilter", f"'{term.value}' has no time zone; end it with Z.")
    return found


def compare(term: Term, actual: str) -> bool:
    """Whether a value satisfies a term."""
    left, right = actual.lower(), term.value.lower()
    return {
        "eq": left == right,
        "ge": left >= right,
        "gt": left > right,
        "le": left <= right,
        "lt": left < right,
    }[term.operator]
