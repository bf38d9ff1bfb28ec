"""Reads the parts of the guides that the tests check."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDES = (
    ROOT / "README.md",
    ROOT / "Pulumi.README.md",
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
)

_CELLS = re.compile(r"(?<!\\)\|")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^ {4,}(\S.*)$", re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")


def tables(guide: Path) -> list[list[list[str]]]:
    """Every table of a guide: rows of cells, the head first."""
    found: list[list[list[str]]] = []
    inside = False
    for line in guide.read_text("utf-8").splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        if not inside:
            found.append([])
        inside = True
        cells = [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line)[1:-1]]
        if not all(set(cell) <= set("-:") for cell in cells):
            found[-1].append(cells)
    return found


def headings(guide: Path) -> set[str]:
    """The anchors of a guide's headings, as GitHub makes them."""
    prose = _FENCED.sub("", guide.read_text("utf-8"))
    lines = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def blocks(guide: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [text for name, text in _FENCED.findall(guide.read_text("utf-8")) if name == language]


def parts(text: str, level: str) -> dict[str, str]:
    """What stands below each heading of a level, such as `###`, up to the next of any level."""
    found = re.split(rf"^{level} (.+)$", text, flags=re.MULTILINE)[1:]
    return {
        title: re.split(r"^#+ ", body, maxsplit=1, flags=re.MULTILINE)[0]
        for title, body in zip(found[::2], found[1::2], strict=True)
    }


def commands(guide: Path, program: str) -> list[list[str]]:
    """Every command of a program that a guide gives, in blocks and in sentences, as arguments."""
    text = guide.read_text("utf-8")
    fenced = [line for _, block in _FENCED.findall(text) for line in block.splitlines()]
    prose = _FENCED.sub("", text)
    lines = [*fenced, *_INDENTED.findall(prose), *_INLINE.findall(prose)]
    starts = (line.strip().removeprefix("$ ") for line in lines)
    return [
        shlex.split(line, comments=True) for line in starts if f"{line} ".startswith(f"{program} ")
    ]
