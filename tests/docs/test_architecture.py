"""docs/architecture.md lists the folders that exist, and its table agrees with the planner."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from site_recovery.observation import Observed, Stage
from site_recovery.phases import Phase
from site_recovery.planning import Rules, next_step
from site_recovery.steps import Blocked, DeleteKept, Do, RollBack, Satisfied, Step, Wait
from tests.docs.markdown import ROOT, blocks, tables

ALL = frozenset(
    {
        "TestFailover",
        "TestFailoverCleanup",
        "UnplannedFailover",
        "CompleteMigration",
        "DisableProtection",
    }
)
GATED = "†"
CHANGED = ", changed"
COLUMNS: tuple[Phase | None, ...] = (*Phase, None)
PAGE = ROOT / "docs" / "architecture.md"
TABLE = next(table for table in tables(PAGE) if table[0][0].startswith("observed"))
CELLS = [
    (row[0], desired, cell)
    for row in TABLE[1:]
    for desired, cell in zip(COLUMNS, row[1:], strict=True)
]


def observed(row: str, *, tested: bool) -> Observed:
    """The observed state that a row of the table describes."""
    return Observed(
        Stage(row.removesuffix(CHANGED)),
        ALL,
        azure_vm_id="/vm",
        last_test_failover=datetime(2026, 1, 5, tzinfo=UTC) if tested else None,
        test_checked=tested,
        differs=("size",) if row.endswith(CHANGED) else (),
    )


def written(step: Step) -> str:
    match step:
        case Do(operation):
            return str(operation)
        case Wait():
            return "*wait*"
        case RollBack():
            return "*roll back*"
        case DeleteKept():
            return "*delete*"
        case Satisfied():
            return "-"
        case Blocked():
            return "**refused**"


def test_the_table_has_every_stage_and_every_phase() -> None:
    rows = {row[0].removesuffix(CHANGED) for row in TABLE[1:]}
    assert sorted(rows) == sorted(Stage)
    assert [cell.strip("`") for cell in TABLE[0][1:-1]] == [str(phase) for phase in Phase]


@pytest.mark.parametrize(("row", "desired", "cell"), CELLS)
def test_each_cell_is_what_the_planner_decides(row: str, desired: Phase | None, cell: str) -> None:
    step = next_step(desired, observed(row, tested=True), Rules())
    assert written(step) == cell.removesuffix(f" {GATED}")


@pytest.mark.parametrize(("row", "desired", "cell"), CELLS)
def test_the_gate_stands_where_the_table_marks_it(
    row: str, desired: Phase | None, cell: str
) -> None:
    step = next_step(desired, observed(row, tested=False), Rules(require_test_failover=True))
    assert isinstance(step, Blocked) == (cell.endswith(GATED) or cell == "**refused**")


def drawn() -> set[str]:
    """The folders in the page's listing, by their indentation."""
    [listing] = [text for text in blocks(PAGE, "") if text.startswith("__main__.py")]
    folders: set[str] = set()
    path: list[str] = []
    for line in listing.splitlines():
        name = line.split()[0]
        if name.endswith("/"):
            depth = (len(line) - len(line.lstrip())) // 2
            path = [*path[:depth], name.rstrip("/")]
            folders.add("/".join(path))
    return folders


def test_the_rooms_are_the_folders_that_exist() -> None:
    tops = [top for top in ROOT.iterdir() if (top / "__init__.py").exists()]
    modules = [found for top in tops if top.name != "tests" for found in top.rglob("__init__.py")]
    folders = {module.parent.relative_to(ROOT).as_posix() for module in modules}
    missing, gone = sorted(folders - drawn()), sorted(drawn() - folders)
    assert not missing, f"give each a line under Rooms in docs/architecture.md: {missing}"
    assert not gone, f"take these out of Rooms in docs/architecture.md: {gone}"
