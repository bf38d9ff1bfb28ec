"""docs/messages.md has every message of the program, and no message that the code lacks."""

from __future__ import annotations

import difflib
import re
import textwrap
from pathlib import Path

import pytest

from site_recovery.reasons import Reason
from tests.docs import spoken
from tests.docs.markdown import GUIDES, ROOT, blocks, tables
from tests.docs.spoken import GAP, LONG, Source, fits

PAGE = "docs/messages.md"
HEAD = ["message", "meaning", "way out"]
ROWS = [row for table in tables(ROOT / PAGE) if table[0] == HEAD for row in table[1:]]
PATTERNS = [pattern for row in ROWS for pattern in re.findall(r"`([^`]+)`", row[0])]


QUOTES = re.compile(r"^(?: *- |error: )(\S.+?)$|(\[IRREVERSIBLE: .+?\])", re.MULTILINE)
"""Lines of a report, and IRREVERSIBLE marks of a preview, in the examples of the guides."""


@pytest.fixture(scope="module")
def program() -> list[Source]:
    return spoken.sources(spoken.PROGRAM)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.relative_to(ROOT)))
def test_a_report_in_an_example_is_what_the_code_says(guide: Path, program: list[Source]) -> None:
    said = {text.removesuffix(".") for source in program for text in source.texts()}
    others = [table for table in tables(ROOT / PAGE) if table[0][0] == "message of others"]
    said |= {row[0].strip("`") for [_, *rows] in others for row in rows}
    telling = [text for text in said if len(text.replace(GAP, "")) > 2 * LONG]
    for quote in QUOTES.findall("".join(blocks(guide, ""))):
        line = "".join(quote)
        assert any(fits(text, line) for text in telling), (
            f"{guide.name}: the code does not say: {line}"
        )


def test_a_message_of_the_page_is_said_somewhere(program: list[Source]) -> None:
    code = [*program, *spoken.sources(spoken.BESIDE)]
    said = sorted({text for source in code for text in source.texts()})
    wrong = []
    for pattern in PATTERNS:
        if not any(fits(pattern, text) for text in said):
            near = difflib.get_close_matches(pattern, said, n=1, cutoff=0.3)
            wrong.append(f"nothing says `{pattern}`; nearest is `{''.join(near)}`")
    assert not wrong, f"{PAGE}: correct or remove these rows:\n" + "\n".join(wrong)


def test_a_message_of_the_program_is_in_the_page(program: list[Source]) -> None:
    found = spoken.messages(program)
    assert len(found) > 100
    missing = [
        f"`{message.text}` ({message.place})"
        for message in found
        if not any(fits(pattern, message.text) for pattern in PATTERNS)
    ]
    assert not missing, f"{PAGE}: add a row for each, or correct its old one:\n" + "\n".join(
        missing
    )


def test_a_pattern_tells_its_message_from_others() -> None:
    assert len(PATTERNS) > 100
    assert len(PATTERNS) == len(set(PATTERNS))
    assert [p for p in PATTERNS if len(p.replace(GAP, "").strip()) <= LONG] == []


def test_each_row_says_what_it_means_and_what_to_do() -> None:
    assert [row for row in ROWS if not all(row)] == []


def test_each_reason_of_the_outputs_is_explained() -> None:
    [table] = [table for table in tables(ROOT / PAGE) if table[0] == ["reason", "meaning"]]
    assert sorted(row[0].strip("`") for row in table[1:]) == sorted(Reason)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    monkeypatch.setattr(spoken, "ROOT", tmp_path)
    file = tmp_path / "said.py"
    file.write_text(
        textwrap.dedent('''
            class LostError(MigrationError):
                """Not a message."""

            def check(name, few):
                what = f"{name} is not there"
                yield Problem("waves", what, "Put it there")
                yield Problem(f"{name}.machines", "one is too few" if few else "there are many", "")
                yield rule(bool, "{value!r} is not true", "Make it true")
                raise LostError(f"vault {name} is lost: " + name)
        ''')
    )
    return Source(file)


def test_messages_are_read_from_the_code(source: Source) -> None:
    assert {(message.place, message.text) for message in spoken.messages([source])} == {
        ("said.py:7", "… is not there"),
        ("said.py:8", "one is too few"),
        ("said.py:8", "there are many"),
        ("said.py:9", "… is not true"),
        ("said.py:10", "vault … is lost: …"),
    }


@pytest.mark.parametrize(
    ("pattern", "fitting"),
    [("… is … there", True), ("there … is", False), ("is not", True), ("isn't", False)],
)
def test_a_pattern_fits_a_text_that_has_its_parts_in_order(pattern: str, *, fitting: bool) -> None:
    assert fits(pattern, "web-01 is not there") == fitting
