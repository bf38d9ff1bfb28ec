"""Python source of resources of azure-native, from the inputs that the provider reads."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Mapping
from typing import Any

from pulumi import _types

_WIDTH = 100
_INDENT = "    "


class Reference(str):
    """An expression of Python instead of a text."""


def declaration(
    variable: str, token: str, name: str, inputs: Mapping[str, Any], references: Mapping[str, str]
) -> str:
    """A statement that declares a resource.

    Args:
        variable: the name of its variable.
        token: its type token, such as `azure-native:compute:Disk`.
        name: its name.
        inputs: the inputs by their names at the provider.
        references: expressions for texts among the inputs, by the texts.
    """
    _, module, kind = token.split(":")
    arguments = _renamed(inputs, _args_of(module, kind), references)
    lines = [f"{_INDENT}{_literal(name)},"]
    lines += [
        f"{_INDENT}{key}={rendered(value, len(_INDENT) + len(key) + 1, 1)},"
        for key, value in arguments.items()
    ]
    lines.append(f"{_INDENT}opts=pulumi.ResourceOptions(protect=True),")
    return "\n".join([f"{variable} = {module}.{kind}(", *lines, ")"])


def rendered(value: Any, used: int = 0, depth: int = 0) -> str:
    """A value as an expression: on one line if it fits, else one entry a line.

    Args:
        value: of JSON, or a `Reference`.
        used: how many columns of its first line are taken.
        depth: how far its lines are indented.
    """
    short = _literal(value)
    if used + len(short) < _WIDTH - 1 or not isinstance(value, dict | list) or not value:
        return short
    inner = _INDENT * (depth + 1)
    if isinstance(value, dict):
        entries = [
            f"{_literal(key)}: {rendered(its, len(inner) + len(key) + 4, depth + 1)}"
            for key, its in value.items()
        ]
        begin, end = "{", "}"
    else:
        entries = [rendered(each, len(inner), depth + 1) for each in value]
        begin, end = "[", "]"
    lines = "".join(f"{inner}{entry},\n" for entry in entries)
    return f"{begin}\n{lines}{_INDENT * depth}{end}"


def _literal(value: Any) -> str:
    match value:
        case Reference():
            return str(value)
        case str():
            quoted = repr(value)
            return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in value else quoted
        case dict():
            return "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_literal, value)) + "]"
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return repr(value)


def _args_of(module: str, kind: str) -> type:
    """The class of a resource's inputs.

    It is called `InitArgs` where a part of another resource is described by a class of that name,
    as of a security group or a public address within a subnet.
    """
    package = importlib.import_module(f"pulumi_azure_native.{module}")
    found: type = getattr(package, f"{kind}InitArgs", None) or getattr(package, f"{kind}Args")
    return found


def _renamed(value: Any, of: type | None, references: Mapping[str, str]) -> Any:
    """A value with the names that a program uses.

    Args:
        value: of the provider.
        of: the SDK's class of inputs that describes it; None if it is no such object.
        references: see `declaration`.
    """
    if isinstance(value, str):
        found = references.get(value.lower())
        return value if found is None else Reference(found)
    if isinstance(value, list):
        return [_renamed(each, of, references) for each in value]
    if not isinstance(value, dict):
        return value
    if of is None:
        # Such as tags: the names are the user's own.
        return {name: _renamed(its, None, references) for name, its in value.items()}
    names = {wire: name for name, wire in _types.input_type_py_to_pulumi_names(of).items()}
    types = _types.input_type_types(of)
    return {
        names[name]: _renamed(its, _input_class(types[name]), references)
        for name, its in value.items()
        if name in names
    }


def _input_class(annotation: Any) -> type | None:
    """The class of inputs in an annotation, such as `Sequence[Input[DiskArgs]]`; None if none."""
    if isinstance(annotation, type) and _types.is_input_type(annotation):
        return annotation
    for inner in typing.get_args(annotation):
        found = _input_class(inner)
        if found is not None:
            return found
    return None
