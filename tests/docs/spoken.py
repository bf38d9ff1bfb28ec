"""Finds the texts that the program can show to a user, in its syntax trees."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.docs.markdown import ROOT

PROGRAM = (
    *("settings", "site_recovery", "dynamic_providers", "components"),
    *("recover", "report", "handover"),
)
"""Packages whose messages must all be in the guide."""
BESIDE = ("permissions", "toolchain", "emulator/processes.py", "emulator/record.py")
"""More code that shows messages to the user."""
GAP = "…"
LONG = 7
"""A text with at most this many characters of its own is only a frame for other texts."""

_MAKERS = {"Problem", "Blocked", "broken", "rule"}
"""Calls whose arguments are a message, besides the errors that are raised."""
_BASES = {"MigrationError", "ServiceError", "SettingsError"}
_TEMPLATE = re.compile(r"\{\w+(?:![rs])?\}")


@dataclass(frozen=True)
class Message:
    """A message, and where the code makes it.

    Attributes:
        place: file and line.
        text: the message, with `…` for what differs from case to case.
    """

    place: str
    text: str


class Source:
    """A file of the code."""

    def __init__(self, file: Path) -> None:
        self.name = str(file.relative_to(ROOT))
        self.nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))

    @cached_property
    def values(self) -> dict[str, list[ast.expr]]:
        """What is assigned to each name, anywhere in the file."""
        found: dict[str, list[ast.expr]] = defaultdict(list)
        for node in self.nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        found[target.id].append(node.value)
        return found

    def texts(self) -> Iterator[str]:
        """Every text in the file. A text with gaps is one text, its parts are not."""
        joined = (node for node in self.nodes if isinstance(node, ast.JoinedStr))
        parts = {id(part) for node in joined for part in node.values}
        for node in self.nodes:
            text = None if id(node) in parts else _text(node)
            if text:
                yield text

    def messages(self, makers: set[str]) -> Iterator[Message]:
        """The message of each problem, refusal and error that is made from a literal text."""
        for node in self.nodes:
            if isinstance(node, ast.Call) and _name(node.func) in makers:
                found = map(self._sentences, _arguments(node))
                for text in next(filter(None, found), []):
                    yield Message(f"{self.name}:{node.lineno}", text)

    def _sentences(self, node: ast.expr) -> list[str]:
        """The possible texts of an argument. A single word is a place in the config and no message."""
        match node:
            case ast.IfExp(body=body, orelse=orelse):
                return self._sentences(body) + self._sentences(orelse)
            case ast.Name(id=name):
                values = (v for v in self.values[name] if not isinstance(v, ast.Name))
                return [text for value in values for text in self._sentences(value)]
            case _:
                text = _text(node) or ""
                return [text] if " " in text and len(text.replace(GAP, "").strip()) > LONG else []


def sources(paths: Iterable[str]) -> list[Source]:
    """The files of packages, and files by their names."""
    files: list[Path] = []
    for path in paths:
        at = ROOT / path
        files += sorted(at.rglob("*.py")) if at.is_dir() else [at]
    return [Source(file) for file in files]


def messages(program: list[Source]) -> list[Message]:
    """Every message that a program makes from a literal text, sorted by place."""
    makers = _MAKERS | _errors(program)
    found = {message for source in program for message in source.messages(makers)}
    return sorted(found, key=lambda message: message.place)


def fits(pattern: str, text: str) -> bool:
    """Whether a text contains all parts of a pattern, in their order."""
    at = 0
    for part in filter(None, (part.strip() for part in pattern.split(GAP))):
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def _errors(program: list[Source]) -> set[str]:
    """The names in `_BASES`, and those of all subclasses."""
    classes = [
        node for source in program for node in source.nodes if isinstance(node, ast.ClassDef)
    ]
    names = set(_BASES)
    while True:
        more = {c.name for c in classes if any(_name(base) in names for base in c.bases)} - names
        if not more:
            return names
        names |= more


def _arguments(call: ast.Call) -> list[ast.expr]:
    """A call's arguments without the way out: the last one, if there are several."""
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    first = [named[key] for key in ("what", "message") if key in named]
    wrong = call.args[:-1] if _name(call.func) in _MAKERS and len(call.args) > 1 else call.args
    return [*first, *wrong]


def _text(node: ast.AST) -> str | None:
    match node:
        case ast.Constant(value=str(value)):
            return _TEMPLATE.sub(GAP, value)
        case ast.JoinedStr(values=values):
            return "".join(_text(value) or GAP for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            sides = _text(left), _text(right)
            return None if sides == (None, None) else "".join(side or GAP for side in sides)
        case _:
            return None


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
