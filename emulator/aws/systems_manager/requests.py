"""Checks of requests against the service's published model, which botocore contains."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator

from emulator.aws.refusals import Refusal


@cache
def _model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("ssm")


def check(operation: str, request: Mapping[str, Any]) -> None:
    """Refuse what the model of an operation does not allow, with all errors at once.

    Raises:
        Refusal: `ValidationException`, with the service's text.
    """
    shape = _model().operation_model(operation).input_shape
    if shape is None:
        return
    # The parser of botocore's types knows what is required, of which type, and what is unknown.
    report = ParamValidator().validate(dict(request), shape)
    if report.has_errors():
        raise Refusal("ValidationException", report.generate_report())
    found = list(_problems(shape, request, ""))
    if found:
        count = f"{len(found)} validation error{'s' * (len(found) > 1)} detected"
        raise Refusal("ValidationException", f"{count}: {'; '.join(found)}")


def _problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    described: Any = shape  # botocore's stubs have no subclasses of shapes
    kind = shape.type_name
    if kind == "structure":
        for name, member in value.items():
            inner = name[:1].lower() + name[1:]
            yield from _problems(
                described.members[name], member, f"{path}.{inner}" if path else inner
            )
    elif kind == "list":
        yield from _length(shape, value, path)
        for number, member in enumerate(value, 1):
            yield from _problems(described.member, member, f"{path}.{number}.member")
    elif kind == "map":
        yield from _length(shape, value, path)
        for key, member in value.items():
            yield from _problems(described.value, member, f"{path}.{key}.member")
    elif kind == "string":
        yield from _length(shape, value, path)
        yield from _text(shape, value, path)
    elif kind == "integer" and value > shape.metadata.get("max", value):
        yield _failed(path, value, f"have value less than or equal to {shape.metadata['max']}")


def _length(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if len(value) > shape.metadata.get("max", len(value)):
        yield _failed(path, value, f"have length less than or equal to {shape.metadata['max']}")


def _text(shape: Shape, value: str, path: str) -> Iterator[str]:
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield _failed(path, value, f"satisfy enum value set: [{', '.join(allowed)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and _compiled(pattern).fullmatch(value) is None:
        yield _failed(path, value, f"satisfy regular expression pattern: {pattern}")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:  # the model's are Java's
        return re.compile(".*", re.DOTALL)


def _failed(path: str, value: Any, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {constraint}"
