"""What the tests read out of the guides."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDES = (ROOT / "README.md", ROOT / "Pulumi.README.md", *sorted((ROOT / "docs").glob("*.md")))

_CELLS = re.compile(r"(?<!\\)\|")


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
    lines = re.findall(r"^#+ (.+)$", guide.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}
