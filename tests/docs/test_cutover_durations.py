"""docs/cutover.md says how long the steps of a cutover take, and by whom, as the code does."""

from __future__ import annotations

from site_recovery.cutover_durations import USUAL
from site_recovery.usual_durations import in_words
from tests.docs.markdown import ROOT, tables


def test_the_guide_has_every_duration_with_its_source() -> None:
    [rows] = [
        table for table in tables(ROOT / "docs/cutover.md") if table[0] == ["step", "usually", "by"]
    ]
    told = {tuple(row) for row in rows}
    wanted = {(step.value, in_words(each.takes), each.source) for step, each in USUAL.items()}
    assert wanted <= told
