"""The texts that the code can say, read from its syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.docs.markdown import ROOT

PROGRAM = ("settings", "site_recovery", "dynamic_providers")
"""The packages of which every message is in the guide."""
BESIDE = ("components", "emulator", "permissions", "toolchain")
"""Packages that say something to the user too."""
GAP = "…"
LONG = 7
"""Characters of a text that are more than a frame for other texts."""

_MAKERS = {"Problem", "Blocked", "broken", "rule"}
"""What makes a message of its arguments, beside the errors that are raised."""
_BASES = {"MigrationError", "ServiceError", "SettingsError"}
_TEMPLATE = re.compile(r"\{\w+(?:![rs])?\}")


@dataclass(frozen=True)
class Message:
    """A message where the code makes it.

    Attributes:
        place: file and line.
        text: with `…` for what differs from case to case.
    """

    place: str
    text: str


@cache
def _trees(packages: tuple[str, ...]) -> list[tuple[Path, ast.Module]]:
    files = [file for package in packages for file in sorted((ROOT / package).rglob("*.py"))]
    return [(file, ast.parse(file.read_text("utf-8"))) for file in files]


def texts() -> set[str]:
    """Every text in the code of all packages."""
    found: set[str] = set()
    for _, tree in _trees((*PROGRAM, *BESIDE)):
        parts = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for part in node.values
        }
        for node in ast.walk(tree):
            text = _text(node) if id(node) not in parts else None
            if text:
                found.add(text)
    return found


def messages() -> Iterator[Message]:
    """What is wrong, of each problem, refusal and error that the program makes of a plain text."""
    trees = _trees(PROGRAM)
    makers = _MAKERS | _errors(tree for _, tree in trees)
    for file, tree in trees:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or _name(node.func) not in makers:
                continue
            found = (_sentences(argument, tree) for argument in _arguments(node))
            for what in next(filter(None, found), []):
                yield Message(f"{file.relative_to(ROOT)}:{node.lineno}", what)


def fits(pattern: str, text: str) -> bool:
    """Whether a text has all that a pattern says, in its order."""
    at = 0
    for part in filter(None, (part.strip() for part in pattern.split(GAP))):
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def _errors(trees: Iterator[ast.Module]) -> set[str]:
    """The names of `_BASES` and of all classes under them."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names = set(_BASES)
    while True:
        more = {c.name for c in classes if any(_name(base) in names for base in c.bases)} - names
        if not more:
            return names
        names |= more


def _arguments(call: ast.Call) -> list[ast.expr]:
    """A call's arguments without the way out, which is the last of several."""
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    first = [named[key] for key in ("what", "message") if key in named]
    wrong = call.args[:-1] if _name(call.func) in _MAKERS and len(call.args) > 1 else call.args
    return [*first, *wrong]


def _sentences(node: ast.AST, tree: ast.Module) -> list[str]:
    """The texts of several words that an argument can be; a place in the config is one word."""
    match node:
        case ast.IfExp(body=body, orelse=orelse):
            return _sentences(body, tree) + _sentences(orelse, tree)
        case ast.Name(id=name):
            values = [
                assigned.value
                for assigned in ast.walk(tree)
                if isinstance(assigned, ast.Assign)
                and any(isinstance(t, ast.Name) and t.id == name for t in assigned.targets)
                and not isinstance(assigned.value, ast.Name)
            ]
            return [text for value in values for text in _sentences(value, tree)]
        case _:
            text = _text(node) or ""
            return [text] if " " in text and len(text.replace(GAP, "").strip()) > LONG else []


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
