"""Terraform's language, in the layout of `terraform fmt`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_INDENT = "  "


class Expression(str):
    """An expression instead of a text, such as `azurerm_managed_disk.web_01_os_disk.id`."""


@dataclass(frozen=True)
class Block:
    """A block: its type, its labels, its arguments and the blocks inside, in this order."""

    type: str
    labels: tuple[str, ...] = ()
    arguments: Mapping[str, Any] | None = None
    blocks: Sequence[Block] = ()


def rendered(block: Block) -> str:
    """A block as text, with a line break at its end."""
    return "\n".join(_block(block)) + "\n"


def comment(text: str) -> str:
    """A line of comment."""
    return f"# {' '.join(text.split())}\n"


def _block(block: Block) -> list[str]:
    head = " ".join([block.type, *map(_text, block.labels)])
    inside = _arguments(block.arguments or {})
    for each in block.blocks:
        inside += ["", *_block(each)] if inside else _block(each)
    if not inside:
        return [f"{head} {{}}"]
    return [f"{head} {{", *(f"{_INDENT}{line}" if line else "" for line in inside), "}"]


def _arguments(arguments: Mapping[str, Any]) -> list[str]:
    """One argument a line, and a map as a part of its own below them."""
    lines = _aligned(
        (name, _value(value)) for name, value in arguments.items() if not isinstance(value, Mapping)
    )
    for name, value in arguments.items():
        if isinstance(value, Mapping):
            entries = _aligned((_value(key), _value(its)) for key, its in value.items())
            lines += [""] if lines else []
            lines += [f"{name} = {{", *(f"{_INDENT}{entry}" for entry in entries), "}"]
    return lines


def _aligned(pairs: Iterable[tuple[str, str]]) -> list[str]:
    listed = list(pairs)
    width = max((len(name) for name, _ in listed), default=0)
    return [f"{name:<{width}} = {value}" for name, value in listed]


def _value(value: Any) -> str:
    match value:
        case Expression():
            return str(value)
        case str():
            return _text(value)
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            return json.dumps(value)


def _text(text: str) -> str:
    """A text in quotes, in which nothing is a template."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
