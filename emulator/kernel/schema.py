"""Shapes of request bodies: which members a service reads, ignores and refuses.

A shape is `str`, `bool`, `int` or `float`; a dict of member names and their shapes; a list with
the shape of its elements; or one of `ANY`, `IGNORED`, `MapOf(shape)` and `OneOf(values)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from emulator.kernel.wire import ArmError, Request

Shape: TypeAlias = Any


class _Marker:
    """A shape without parameters."""

    def __init__(self, meaning: str) -> None:
        self.meaning = meaning


ANY = _Marker("taken as it is")
IGNORED = _Marker("a read-only member: accepted, and left out")


@dataclass(frozen=True)
class MapOf:
    """An object with members of any name, all of one shape."""

    shape: Shape


class OneOf:
    """One of these strings, compared case-insensitively. The spelling of the request is kept."""

    def __init__(self, *values: str) -> None:
        self.values = values


class SchemaError(Exception):
    """A body that does not have the required shape.

    Attributes:
        path: where, such as `properties.addressSpace`.
        member: the member's name.
        unknown: True when the shape has no such member at all.
    """

    def __init__(self, path: str, message: str, *, unknown: bool = False) -> None:
        super().__init__(message)
        self.path = path
        self.member = path.rpartition(".")[2]
        self.unknown = unknown


def read(value: Any, shape: Shape, path: str = "") -> Any:
    """The value without read-only members and nulls, and with the proper case of known members.

    Raises:
        SchemaError: for the first member that is unknown or of a wrong type.
    """
    if shape is ANY:
        return value
    if isinstance(shape, dict):
        return _read_object(value, shape, path)
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise _mismatch(path, value, "an array")
        return [read(item, shape[0], f"{path}[{place}]") for place, item in enumerate(value)]
    if isinstance(shape, MapOf):
        if not isinstance(value, dict):
            raise _mismatch(path, value, "an object")
        return {
            name: read(item, shape.shape, f"{path}.{name}")
            for name, item in value.items()
            if item is not None
        }
    if isinstance(shape, OneOf):
        if not isinstance(value, str) or value.lower() not in map(str.lower, shape.values):
            allowed = ", ".join(shape.values)
            raise SchemaError(path, f"The value '{value}' at '{path}' is not one of: {allowed}.")
        return value
    return _read_scalar(value, shape, path)


def _read_object(value: Any, shape: dict[str, Shape], path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mismatch(path, value, "an object")
    names = {name.lower(): name for name in shape}
    result = {}
    for given, item in value.items():
        name = names.get(given.lower())
        below = f"{path}.{given}" if path else given
        if name is None:
            raise SchemaError(
                below, f"Could not find member '{given}'. Path '{below}'.", unknown=True
            )
        if item is not None and shape[name] is not IGNORED:
            result[name] = read(item, shape[name], below)
    return result


def _read_scalar(value: Any, shape: type, path: str) -> Any:
    if shape is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif shape is int:
        fits = not isinstance(value, bool) and (
            isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        )
    else:
        fits = isinstance(value, shape)
    if not fits:
        raise _mismatch(path, value, f"of type {shape.__name__}")
    return int(value) if shape is int else value


def _mismatch(path: str, value: Any, wanted: str) -> SchemaError:
    return SchemaError(
        path, f"Error converting value {value!r}. Path '{path}': it must be {wanted}."
    )


def body(request: Request, shape: Shape) -> dict[str, Any]:
    """A request's body, checked against its shape.

    Raises:
        ArmError: 400 `InvalidRequestContent` for a body of another shape, as ARM answers.
    """
    try:
        content: dict[str, Any] = read(request.json(), shape)
    except SchemaError as error:
        raise ArmError(
            400,
            "InvalidRequestContent",
            f"The request content was invalid and could not be deserialized: {error}",
        ) from error
    return content
