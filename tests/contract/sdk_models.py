"""The SDK's models as the contract, for machines without the published OpenAPI.

They contain less: no statuses, no query parameters, and nothing about the vaults themselves, which
belong to another SDK. The rest is checked just as strictly: unknown members, members that are
missing or have a wrong type, and read-only members in a request.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache, lru_cache
from types import GenericAlias, NoneType
from typing import Any

from azure.mgmt.recoveryservicessiterecovery import models, operations
from azure.mgmt.recoveryservicessiterecovery.models import _models

_GROUP = "Operations"


@lru_cache(maxsize=1)
def published() -> dict[str, Operation]:
    """The operations of the SDK by operation id."""
    found = {}
    for group, members in inspect.getmembers(operations, inspect.isclass):
        for name, method in inspect.getmembers(members, inspect.isfunction):
            if name.startswith("_"):
                continue
            words = name.removeprefix("begin_").split("_")
            identifier = f"{group.removesuffix(_GROUP)}_{''.join(map(str.capitalize, words))}"
            found[identifier] = _operation(identifier, name, inspect.signature(method))
    return found


@dataclass(frozen=True)
class Operation:
    """One operation of the SDK.

    Attributes:
        id: its operation id.
        long_running: whether the SDK polls it.
        listing: whether its response is a page of a list.
        takes: the class of its request body, or None.
        gives: the class of its response, or of the entries of a list, or None.
    """

    id: str
    long_running: bool
    listing: bool
    takes: Any
    gives: Any

    def violations_of_request(self, query: Mapping[str, str], body: Any) -> list[str]:
        """The violations of the contract in a request; a body of None means that it has none."""
        found = [] if "api-version" in query else ["query: api-version is required"]
        if (body is None) != (self.takes is None):
            return [*found, "body: there is none" if self.takes is None else "body: it is required"]
        return found + ([] if body is None else sorted(_violations(self.takes, body, "body", True)))

    def violations_of_response(
        self, status: int, headers: Mapping[str, str], body: Any, *, polled: bool = False
    ) -> list[str]:
        """The violations of the contract in a response; `polled` if it answers a poll."""
        found = []
        if status == 202:
            known = {name.lower() for name in headers}
            if not self.long_running:
                found.append("status: 202 without a long-running operation")
            if "location" not in known or not known & {"retry-after", "x-ms-retry-after-ms"}:
                found.append("headers: Location or Retry-After is missing")
        if status >= 400:
            return found
        if status != 200 or self.gives is None:
            return [*found, "body: there is none"] if body is not None else found
        if self.long_running and not polled:
            return [*found, "status: 200 although the SDK polls"]
        if self.listing:
            if not isinstance(body, dict) or not set(body) <= {"value", "nextLink"}:
                return [*found, "body: it is no page of a list"]
            page = GenericAlias(list, (self.gives,))
            return found + sorted(_violations(page, body["value"], "body.value", False))
        return found + sorted(_violations(self.gives, body, "body", False))


def _operation(identifier: str, method: str, signature: inspect.Signature) -> Operation:
    takes = None
    for parameter in signature.parameters.values():
        for choice in typing.get_args(parameter.annotation):
            if inspect.isclass(choice) and choice.__module__ == _models.__name__:
                takes = choice
    answer = signature.return_annotation
    listing = typing.get_origin(answer) is not None and "Paged" in str(answer)
    inside = typing.get_args(answer)
    gives = inside[0] if inside else answer
    if isinstance(gives, str | typing.ForwardRef):
        text = gives if isinstance(gives, str) else gives.__forward_arg__
        gives = getattr(models, text.rpartition(".")[2])
    return Operation(
        identifier,
        method.startswith("begin_"),
        listing,
        takes,
        None if gives in (None, NoneType) else gives,
    )


@dataclass(frozen=True)
class _Member:
    type: Any
    required: bool
    read_only: bool


@cache
def _members(model: type) -> dict[str, _Member]:
    hints = typing.get_type_hints(model, {**vars(_models), "_models": models})
    found = {}
    for name, hint in hints.items():
        field = inspect.getattr_static(model, name, None)
        if hasattr(field, "_rest_name_input"):
            wire = field._rest_name_input or name
            visibility = field._visibility or []
            required = NoneType not in typing.get_args(hint)
            found[wire] = _Member(hint, required, visibility == ["read"])
    return found


def _violations(kind: Any, value: Any, at: str, sent: bool) -> Iterator[str]:
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        choices = [choice for choice in inside if choice is not NoneType]
        known = [choice for choice in choices if not _is_enum(choice)]
        yield from _violations(known[0], value, at, sent)
    elif origin is list:
        if not isinstance(value, list):
            yield f"{at}: {value!r} is not of type 'array'"
            return
        for place, item in enumerate(value):
            yield from _violations(inside[0], item, f"{at}[{place}]", sent)
    elif origin is dict or hasattr(kind, "_deserialize"):
        if not isinstance(value, dict):
            yield f"{at}: {value!r} is not of type 'object'"
        elif origin is dict:
            for name, item in value.items():
                yield from _violations(inside[1], item, f"{at}.{name}", sent)
        else:
            yield from _violations_of_model(kind, value, at, sent)
    elif origin is typing.Literal:
        if value not in inside:
            yield f"{at}: {value!r} is none of {', '.join(map(str, inside))}"
    elif not _fits(kind, value):
        yield f"{at}: {value!r} is not of type '{kind.__name__}'"


def _violations_of_model(model: Any, value: dict[str, Any], at: str, sent: bool) -> Iterator[str]:
    derived = _derived(model)
    for discriminator in ("instanceType", "objectType"):
        if discriminator in value and discriminator in _members(model) and derived:
            if value[discriminator] not in derived:
                yield f"{at}: {discriminator} {value[discriminator]!r} is none of {', '.join(derived)}"
                return
            model = derived[value[discriminator]]
    members = _members(model)
    for name, member in members.items():
        if member.required and value.get(name) is None:
            yield f"{at}: {name!r} is a required property"
    for name, item in value.items():
        if item is None:
            continue
        if name not in members:
            yield f"{at}: {name!r} was unexpected"
        elif sent and members[name].read_only:
            yield f"{at}.{name}: it is read-only"
        else:
            yield from _violations(members[name].type, item, f"{at}.{name}", sent)


@cache
def _derived(model: Any) -> dict[str, Any]:
    """All direct and indirect subclasses of a model, by the value of their discriminator."""
    found: dict[str, Any] = {}
    for value, near in getattr(model, "__mapping__", {}).items():
        found[value] = near
        if near is not model and near.__mapping__ is not model.__mapping__:
            found |= _derived(near)
    return found


def _is_enum(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, Enum)


def _fits(kind: Any, value: Any) -> bool:
    if kind is datetime:
        try:
            return bool(datetime.fromisoformat(re.sub(r"Z$", "+00:00", value)))
        except (TypeError, ValueError):
            return False
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return kind is Any or isinstance(value, kind)
