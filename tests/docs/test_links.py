"""The targets of all links in the guides exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.markdown import GUIDES, ROOT, headings, tables

_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
_FILE = re.compile(
    r"`((?:components|dynamic_providers|docs|emulator|settings|site_recovery|tests|toolchain)"
    r"/[\w./]*)`"
)
_TARGET = re.compile(r"(?:^ {4,}|`|\(|[;&] )make ([a-z][a-z-]*)")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.relative_to(ROOT)))
def test_links_files_and_make_targets_exist(guide: Path) -> None:
    text = guide.read_text("utf-8")
    for path, anchor in _LINK.findall(text):
        target = (guide.parent / path).resolve() if path else guide
        assert target.exists(), path
        assert not anchor or anchor in headings(target), anchor
    for path in _FILE.findall(text):
        assert (ROOT / path).exists(), path
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for code in re.findall(r"`[^`\n]+`|^ {4}\S.*$", text, re.MULTILINE):
        for target_name in _TARGET.findall(code):
            assert target_name in targets, target_name


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.relative_to(ROOT)))
def test_every_row_of_a_table_has_the_columns_of_its_head(guide: Path) -> None:
    for table in tables(guide):
        assert {len(row) for row in table} == {len(table[0])}, table[0]


def test_every_guide_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {path for path, _ in _LINK.findall(index.read_text("utf-8"))}
    assert {guide.name for guide in index.parent.glob("*.md")} - {index.name} <= linked


def test_the_readme_is_one_page() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 250


def test_every_folder_of_tests_is_in_a_ring() -> None:
    rings = [t for t in tables(ROOT / "docs" / "contributing.md") if t[0][0] == "ring"]
    told = {
        name for [_, *rows] in rings for row in rows for name in re.findall(r"tests/(\w+)/", row[1])
    }
    assert told == {path.parent.name for path in (ROOT / "tests").glob("*/*.py")}
