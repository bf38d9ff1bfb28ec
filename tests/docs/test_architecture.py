"""The table of decisions in docs/architecture.md is what the planner does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from site_recovery.observation import Observed, Stage
from site_recovery.phases import Phase
from site_recovery.planning import Blocked, Do, Rules, Satisfied, Step, Wait, next_step
from tests.docs.markdown import ROOT, tables

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
COLUMNS: tuple[Phase | None, ...] = (*Phase, None)
TABLE = next(
    table
    for table in tables(ROOT / "docs" / "architecture.md")
    if table[0][0].startswith("observed")
)
CELLS = [
    (Stage(row[0]), desired, cell)
    for row in TABLE[1:]
    for desired, cell in zip(COLUMNS, row[1:], strict=True)
]


def written(step: Step) -> str:
    match step:
        case Do(operation):
            return str(operation)
        case Wait():
            return "*wait*"
        case Satisfied():
            return "-"
        case Blocked():
            return "**refused**"


def test_the_table_has_every_stage_and_every_phase() -> None:
    assert sorted(row[0] for row in TABLE[1:]) == sorted(Stage)
    assert [cell.strip("`") for cell in TABLE[0][1:-1]] == [str(phase) for phase in Phase]


@pytest.mark.parametrize(("stage", "desired", "cell"), CELLS)
def test_each_cell_is_what_the_planner_decides(
    stage: Stage, desired: Phase | None, cell: str
) -> None:
    day = datetime(2026, 1, 5, tzinfo=UTC)
    tested = Observed(stage, ALL, azure_vm_id="/vm", last_test_failover=day)
    assert written(next_step(desired, tested, Rules())) == cell.removesuffix(f" {GATED}")


@pytest.mark.parametrize(("stage", "desired", "cell"), CELLS)
def test_the_gate_stands_where_the_table_marks_it(
    stage: Stage, desired: Phase | None, cell: str
) -> None:
    never_tested = Observed(stage, ALL, azure_vm_id="/vm")
    step = next_step(desired, never_tested, Rules(require_test_failover=True))
    assert isinstance(step, Blocked) == (cell.endswith(GATED) or cell == "**refused**")
