"""Texts, lists and comments of stack files, as every reader of YAML takes them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import SingleQuotedScalarString

_WIDTH = 74
"""The longest line of a comment: with its sign and its indent a terminal shows it in one line."""
_TRUTHS = frozenset({"yes", "no", "on", "off", "y", "n"})


def plain(text: str) -> str:
    """A text that every reader takes for one: those of YAML 1.1 read `yes` as a truth value."""
    return SingleQuotedScalarString(text) if text.lower() in _TRUTHS else text


def flow(values: Mapping[str, Any]) -> CommentedMap:
    """A mapping in braces, on one line."""
    made = CommentedMap(values)
    made.fa.set_flow_style()
    return made


def flow_list(values: Iterable[str]) -> CommentedSeq:
    """A list in brackets, on one line."""
    made = CommentedSeq(map(plain, values))
    made.fa.set_flow_style()
    return made


def comment(declared: CommentedMap, key: str, lines: Iterable[str]) -> None:
    """Put lines above an entry, none of them longer than a person likes to read."""
    parts = [part for line in lines for part in wrapped(line)]
    if parts:
        declared.yaml_set_comment_before_after_key(key, before="\n".join(parts), indent=4)


def wrapped(text: str) -> list[str]:
    """A text in lines; what has no space is not cut. Any line end of any alphabet is a space."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return textwrap.wrap(printable, _WIDTH, break_long_words=False, break_on_hyphens=False)
