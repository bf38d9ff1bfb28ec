"""Lists in pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.aws.refusals import Refusal


def page(
    name: str, entries: list[dict[str, Any]], request: Mapping[str, Any], size: int
) -> dict[str, Any]:
    """The page of a list that a request asks for.

    Args:
        name: the member of the answer that holds the entries.
        entries: all of them.
        request: its `MaxResults` and `NextToken`, both optional.
        size: the page's length when the request names none.

    Raises:
        Refusal: `InvalidNextToken`.
    """
    token = request.get("NextToken") or "0"
    if not token.isdecimal() or int(token) > len(entries):
        raise Refusal("InvalidNextToken", "The specified token is not valid.")
    first = int(token)
    last = first + int(request.get("MaxResults") or size)
    answer: dict[str, Any] = {name: entries[first:last]}
    if last < len(entries):
        answer["NextToken"] = str(last)
    return answer
