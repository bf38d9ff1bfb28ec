"""The rules of policies: conditions over a resource as a request would make it.

Source: "Azure Policy definition structure: policy rules". Done are logical operators, fields with
aliases and `[*]`, `value`, `count` of a field, and the operators below; of functions, `parameters`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

Condition: TypeAlias = Mapping[str, Any]
Resource: TypeAlias = Mapping[str, Any]

DENY = "deny"
DENY_ACTION = "denyaction"
EFFECTS = (DENY, DENY_ACTION, "audit", "disabled")
_LOGICAL = ("allOf", "anyOf", "not")
_PARAMETER = re.compile(r"\[\s*parameters\('([^']+)'\)\s*\]", re.IGNORECASE)
_TAG = re.compile(r"tags(?:\['(.+)'\]|\.(.+))", re.IGNORECASE)
_TOP = ("id", "name", "fullname", "type", "location", "kind", "tags", "identity.type")


class RuleError(Exception):
    """A rule that is not valid, or that is not evaluated here."""


@dataclass
class Evaluation:
    """The evaluation of one rule for one resource.

    Attributes:
        expressions: the conditions that were evaluated, as `evaluatedExpressions` has them.
    """

    resource: Resource
    parameters: Mapping[str, Any]
    expressions: list[dict[str, Any]] = field(default_factory=list)

    def holds(self, condition: Condition, current: Mapping[str, Any] | None = None) -> bool:
        """Whether a condition is true.

        Args:
            condition: a part of a rule.
            current: by path, the element that `count` is looking at.

        Raises:
            RuleError: it cannot be evaluated.
        """
        current = current or {}
        if "allOf" in condition:
            return all(self.holds(each, current) for each in condition["allOf"])
        if "anyOf" in condition:
            return any(self.holds(each, current) for each in condition["anyOf"])
        if "not" in condition:
            return not self.holds(condition["not"], current)
        operator, wanted = _operator(condition)
        wanted = self._resolved(wanted)
        if "count" in condition:
            number = self._count(condition["count"], current)
            return self._noted(
                "Count", condition["count"].get("field", ""), number, operator, wanted
            )
        if "value" in condition:
            value = self._resolved(condition["value"])
            return self._noted("Value", str(condition["value"]), value, operator, wanted)
        name = str(self._resolved(condition["field"]))
        found = list(self._values(name, current))
        if "[*]" in name and not any(name.startswith(path) for path in current):
            # A field of all elements holds if it holds for each of them.
            results = [self._noted("Field", name, each, operator, wanted) for each in found]
            return all(results)
        return self._noted("Field", name, found[0] if found else None, operator, wanted)

    def effect(self, rule: Mapping[str, Any]) -> str:
        """The effect of a rule, in lower case."""
        return str(self._resolved(rule["then"]["effect"])).lower()

    def _count(self, count: Mapping[str, Any], current: Mapping[str, Any]) -> int:
        name, where = str(count["field"]), count.get("where")
        elements = list(self._values(name, current))
        if where is None:
            return len(elements)
        return sum(self.holds(where, {**current, name: element}) for element in elements)

    def _resolved(self, value: Any) -> Any:
        match = _PARAMETER.fullmatch(value) if isinstance(value, str) else None
        if match is not None:
            names = {name.lower(): its for name, its in self.parameters.items()}
            if match.group(1).lower() not in names:
                raise RuleError(f"the parameter '{match.group(1)}' has no value")
            return names[match.group(1).lower()]
        return value

    def _values(self, name: str, current: Mapping[str, Any]) -> Iterator[Any]:
        for path, element in current.items():
            if name == path:
                yield element
                return
            if name.startswith(f"{path}."):
                yield from _walk(element, name.removeprefix(f"{path}.").split("."))
                return
        tag = _TAG.fullmatch(name)
        if tag is not None:
            tags = {key.lower(): value for key, value in (self.resource.get("tags") or {}).items()}
            wanted = (tag.group(1) or tag.group(2)).lower()
            yield from ([tags[wanted]] if wanted in tags else ())
        elif name.lower() in _TOP:
            yield from _walk(self.resource, name.split("."))
        else:
            own = f"{self.resource['type']}/"
            if name.lower().startswith(own.lower()):
                yield from _walk(self.resource, name[len(own) :].split("."))

    def _noted(self, kind: str, name: str, value: Any, operator: str, wanted: Any) -> bool:
        result = _OPERATORS[operator](value, wanted)
        self.expressions.append(
            {
                "result": str(result),
                "expressionKind": kind,
                "expression": name,
                "path": _path(name, str(self.resource["type"])) if kind == "Field" else name,
                "expressionValue": value,
                "targetValue": wanted,
                "operator": operator[0].upper() + operator[1:],
            }
        )
        return result


def check(rule: object, parameters: Sequence[str]) -> None:
    """Check that a rule can be evaluated.

    Raises:
        RuleError: it cannot.
    """
    if not isinstance(rule, dict) or "if" not in rule or "effect" not in (rule.get("then") or {}):
        raise RuleError("it needs 'if' and 'then' with an 'effect'")
    effect = rule["then"]["effect"]
    if _PARAMETER.fullmatch(str(effect)) is None and str(effect).lower() not in EFFECTS:
        raise RuleError(f"the effect '{effect}' is not one of {', '.join(EFFECTS)}")
    _check(rule["if"], {name.lower() for name in parameters})


def _check(condition: object, parameters: set[str]) -> None:
    if not isinstance(condition, dict):
        raise RuleError("a condition is an object")
    for logical in _LOGICAL:
        if logical in condition:
            inner = condition[logical]
            for each in [inner] if logical == "not" else inner:
                _check(each, parameters)
            return
    _, wanted = _operator(condition)
    if not {"field", "value", "count"} & set(condition):
        raise RuleError("a condition needs 'field', 'value' or 'count'")
    count = condition.get("count")
    if count is not None:
        if "field" not in count:
            raise RuleError("'count' needs a 'field'")
        if "where" in count:
            _check(count["where"], parameters)
    for text in (wanted, condition.get("field"), condition.get("value")):
        if isinstance(text, str) and text.startswith("[") and not text.startswith("[["):
            match = _PARAMETER.fullmatch(text)
            if match is None or match.group(1).lower() not in parameters:
                raise RuleError(f"the expression '{text}' is not evaluated here")


def _operator(condition: Condition) -> tuple[str, Any]:
    names = {name.lower(): name for name in _OPERATORS}
    for key, wanted in condition.items():
        if key.lower() in names:
            return names[key.lower()], wanted
    raise RuleError(f"no operator that is known among {', '.join(condition)}")


def _walk(value: Any, segments: Sequence[str]) -> Iterator[Any]:
    """The values at a path. `properties` is left out of aliases, at every level."""
    if not segments:
        yield value
        return
    name, every = segments[0].removesuffix("[*]"), segments[0].endswith("[*]")
    inner = _member(value, name)
    if inner is None and isinstance(value, Mapping):
        inner = _member(value.get("properties"), name)
    if inner is None:
        return
    for each in inner if every and isinstance(inner, list) else [inner]:
        yield from _walk(each, segments[1:])


def _member(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        return None
    return next((its for key, its in value.items() if key.lower() == name.lower()), None)


def _path(name: str, kind: str) -> str:
    """Where a field is in the resource, in the way of `evaluatedExpressions`."""
    if name.lower().startswith(f"{kind}/".lower()):
        return f"properties.{name[len(kind) + 1 :]}"
    return name


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return str(value).lower() == str(wanted).lower()
    if isinstance(value, str) and isinstance(wanted, str):
        return value.lower() == wanted.lower()
    return bool(value == wanted)


def _like(value: Any, wanted: Any) -> bool:
    return fnmatchcase(str(value or "").lower(), str(wanted).lower())


def _within(value: Any, wanted: Any) -> bool:
    return any(_same(value, each) for each in wanted)


def _contains(value: Any, wanted: Any) -> bool:
    if isinstance(value, str):
        return str(wanted).lower() in value.lower()
    return any(_same(each, wanted) for each in value or ())


def _has_key(value: Any, wanted: Any) -> bool:
    return isinstance(value, Mapping) and _member(value, str(wanted)) is not None


def _exists(value: Any, wanted: Any) -> bool:
    return (value is not None) == (str(wanted).lower() == "true")


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": _same,
    "notEquals": lambda value, wanted: not _same(value, wanted),
    "like": _like,
    "notLike": lambda value, wanted: not _like(value, wanted),
    "in": _within,
    "notIn": lambda value, wanted: not _within(value, wanted),
    "contains": _contains,
    "notContains": lambda value, wanted: not _contains(value, wanted),
    "containsKey": _has_key,
    "notContainsKey": lambda value, wanted: not _has_key(value, wanted),
    "exists": _exists,
    "less": lambda value, wanted: value is not None and value < wanted,
    "lessOrEquals": lambda value, wanted: value is not None and value <= wanted,
    "greater": lambda value, wanted: value is not None and value > wanted,
    "greaterOrEquals": lambda value, wanted: value is not None and value >= wanted,
}
