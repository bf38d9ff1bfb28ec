"""docs/messages.md has every message of the program, and none that it does not say."""

from __future__ import annotations

import difflib
import re

import pytest

from tests.docs.markdown import ROOT, tables
from tests.docs.spoken import GAP, LONG, Message, fits, messages, texts

PAGE = ROOT / "docs" / "messages.md"
HEAD = ["message", "meaning", "way out"]
ROWS = [row for table in tables(PAGE) if table[0] == HEAD for row in table[1:]]
PATTERNS = [pattern for row in ROWS for pattern in re.findall(r"``? ?(.+?) ?``?(?= · |$)", row[0])]
SAID = sorted(texts())
MESSAGES = sorted(set(messages()), key=lambda message: message.place)


def nearest(pattern: str) -> str:
    """The text of the code that is most like a pattern."""
    near = difflib.get_close_matches(pattern, SAID, n=1, cutoff=0.3)
    return near[0] if near else "nothing like it"


def test_the_page_has_messages_and_the_code_too() -> None:
    assert len(PATTERNS) > 100
    assert len(MESSAGES) > 100


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_message_of_the_page_is_said_somewhere(pattern: str) -> None:
    assert len(pattern.replace(GAP, "").strip()) > LONG, "too short to tell messages apart"
    assert any(fits(pattern, text) for text in SAID), (
        f"docs/messages.md: nothing in the code says `{pattern}`. "
        f"Correct the row, or remove it. Nearest in the code: `{nearest(pattern)}`"
    )


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.text[:60])
def test_a_message_of_the_program_is_in_the_page(message: Message) -> None:
    assert any(fits(pattern, message.text) for pattern in PATTERNS), (
        f"docs/messages.md: no row for `{message.text}` ({message.place}). "
        "Add one to the table of its part, or correct the row that had its old text"
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_a_row_says_what_to_do(row: list[str]) -> None:
    assert len(row) == len(HEAD)
    assert all(row)


def test_no_message_has_two_rows() -> None:
    assert len(PATTERNS) == len(set(PATTERNS))
