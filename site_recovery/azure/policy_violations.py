"""What Azure Policy says of a request that it denies: which assignments, and what they demand.

Sources: "Resolve errors for policy violations", "Definition structure: policy rule", "deny action
effect" (Microsoft Learn).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_IDENTIFIERS = re.compile(r"Policy identifiers: '(\[.*\])'", re.DOTALL)
_LONGEST = 160
"""The most characters of a value in a message."""

_MUST: Mapping[str, tuple[str, str]] = {
    "equals": ("must not be", "must be"),
    "notequals": ("must be", "must not be"),
    "like": ("must not match", "must match"),
    "notlike": ("must match", "must not match"),
    "match": ("must not match", "must match"),
    "notmatch": ("must match", "must not match"),
    "matchinsensitively": ("must not match", "must match"),
    "notmatchinsensitively": ("must match", "must not match"),
    "in": ("must be none of", "must be one of"),
    "notin": ("must be one of", "must be none of"),
    "contains": ("must not contain", "must contain"),
    "notcontains": ("must contain", "must not contain"),
    "containskey": ("must not have the key", "must have the key"),
    "notcontainskey": ("must have the key", "must not have the key"),
    "less": ("must be at least", "must be less than"),
    "lessorequals": ("must be more than", "must be at most"),
    "greater": ("must be at most", "must be more than"),
    "greaterorequals": ("must be less than", "must be at least"),
}
"""By operator of a condition, what is demanded if the condition held, and if it did not."""


def told(additional_info: object, message: str) -> str:
    """The assignments that deny a request, each with its definition and what it demands.

    Args:
        additional_info: `error.additionalInfo` of the answer.
        message: its message, which names the assignments too, without what they demand.

    Returns:
        The text; empty if the answer names no assignment.
    """
    found = list(_violations(additional_info))
    return "; ".join(found or _identifiers(message))


def denies_an_action(additional_info: object) -> bool:
    """Whether the request is denied whatever it declares: the effect is `denyAction`."""
    return any(
        str(info.get("policyDefinitionEffect")).lower() == "denyaction"
        for info in _infos(additional_info)
    )


def _infos(additional_info: object) -> Iterator[Mapping[str, Any]]:
    for entry in additional_info if isinstance(additional_info, list) else ():
        info = getattr(entry, "info", None)
        if getattr(entry, "type", None) == "PolicyViolation" and isinstance(info, dict):
            yield info


def _violations(additional_info: object) -> Iterator[str]:
    for info in _infos(additional_info):
        name = info.get("policyAssignmentDisplayName") or info.get("policyAssignmentName")
        definition = info.get("policyDefinitionDisplayName") or info.get("policyDefinitionName")
        demands = ", ".join(_demands(info.get("evaluationDetails")))
        yield _named(name, info.get("policyAssignmentId"), definition) + (
            f": {demands}" if demands else ""
        )


def _identifiers(message: str) -> list[str]:
    """The assignments that the message names."""
    match = _IDENTIFIERS.search(message)
    try:
        entries = json.loads(match.group(1)) if match else []
    except ValueError:
        return []
    found = []
    for entry in entries:
        assignment = entry.get("policyAssignment") if isinstance(entry, dict) else None
        if isinstance(assignment, dict):
            definition = (entry.get("policyDefinition") or {}).get("name")
            found.append(_named(assignment.get("name"), assignment.get("id"), definition))
    return found


def _named(name: object, identifier: object, definition: object) -> str:
    return f"assignment {name!r} ({identifier or 'no id'}), definition {definition!r}"


def _demands(details: object) -> Iterator[str]:
    """What the conditions demand that made the rule hold.

    A condition inside `not` did not hold. The service does not tell which those are, so they are told
    only where no other condition says what is wrong.
    """
    listed = details.get("evaluatedExpressions") if isinstance(details, dict) else None
    leaves = [each for each in listed or () if isinstance(each, dict)]
    held = [each for each in leaves if each.get("result") == "True"]
    beside_type = [each for each in held if str(each.get("expression")).lower() != "type"]
    refuted = [each for each in leaves if each.get("result") == "False"]
    chosen, holds = (beside_type, True) if beside_type else (refuted, False)
    for each in chosen or held:
        yield _demand(each, holds=holds or not chosen)


def _demand(leaf: Mapping[str, Any], *, holds: bool) -> str:
    place = leaf.get("path") or leaf.get("expression")
    operator, wanted = str(leaf.get("operator")), leaf.get("targetValue")
    if operator.lower() == "exists":
        there = (str(wanted).lower() == "true") is not holds
        return f"{place} must {'be there' if there else 'not be there'}"
    value = leaf.get("expressionValue")
    is_now = "is missing" if value is None else f"is {_shown(value)}"
    words = _MUST.get(operator.lower())
    if words is None:
        return f"{place} {is_now}, and the rule looks at {operator} {_shown(wanted)}"
    return f"{place} {is_now} and {words[0] if holds else words[1]} {_shown(wanted)}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
