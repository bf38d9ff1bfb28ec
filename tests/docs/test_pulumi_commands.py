"""Each row of the guide to Pulumi's commands has its engine test, and each test its row."""

from __future__ import annotations

from tests.docs.markdown import ROOT, tables
from tests.engine import (
    test_a_stack_is_renamed,
    test_machines_leave_and_move,
    test_pulumi_commands,
)

GUIDE = ROOT / "docs" / "pulumi-commands.md"
ROWS = [row for table in tables(GUIDE) if table[0][0] == "command" for row in table[1:]]


def test_the_guide_has_the_commands_that_are_tested() -> None:
    modules = (test_pulumi_commands, test_a_stack_is_renamed, test_machines_leave_and_move)
    tested = [
        row
        for module in modules
        for row in (getattr(test, "row", None) for test in vars(module).values())
        if isinstance(row, str)
    ]
    assert len(tested) == len(set(tested))
    assert sorted(row[0].strip("`") for row in ROWS) == sorted(tested)


def test_each_row_says_what_happens() -> None:
    assert len(ROWS) > 15
    assert [row for row in ROWS if len(row) != 2 or not all(row)] == []
