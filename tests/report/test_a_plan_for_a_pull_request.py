"""What a preview says, as the comment of a pull request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from report.plan import Plan, markdown, read
from site_recovery.convergence.review_data import Hold, MachineRow, OperationReview, WaveReview
from site_recovery.convergence.review_text import WIDTH, stack_line, wave_block

CLEANUP = OperationReview("test failover cleanup", 106, False)
FAILOVER = OperationReview("unplanned failover", 468, True)
COMPLETION = OperationReview("complete migration", 90, True)
WEB_02 = MachineRow(
    "web-02", "test failover running", "failed-over", (CLEANUP, FAILOVER), downtime_seconds=540
)
DB_01 = MachineRow("db-01", "failed over", "migrated", (COMPLETION,))
WEB_03 = replace(
    WEB_02,
    machine="web-03",
    operations=(CLEANUP,),
    blocked=(Hold("not-approved", "unplanned failover needs an approval. Let it be approved."),),
    downtime_seconds=None,
)
WEB = WaveReview("web", "failed-over", (WEB_02,), unchanged=1)
DATA = WaveReview("data", "migrated", (DB_01,))
IDLE = WaveReview("idle", "protected", unchanged=7)


def preview(*waves: WaveReview, **more: Any) -> dict[str, Any]:
    """What `pulumi preview --json` prints."""
    steps = [{"op": "update", "newState": {"inputs": {"review": wave.data()}}} for wave in waves]
    steps += [{"op": "same", "newState": {"inputs": {}}}, {"op": "delete"}]
    return {"steps": steps, "changeSummary": {"same": 60, "update": 2}, **more}


def plan(*waves: WaveReview, **more: Any) -> Plan:
    return read("prod", preview(*waves, **more))


def test_the_title_sums_the_stack_up() -> None:
    text = markdown(plan(WEB, DATA, IDLE))
    assert text.splitlines()[:2] == [
        "<!-- plan of prod -->",
        "### `prod`: 1 failover, 1 completion, nothing blocked; expected downtime 9 min for web-02",
    ]
    assert "idle" not in text
    assert "Resources: 2 to update." in text


def test_each_wave_has_a_table_with_a_row_for_each_machine() -> None:
    text = markdown(plan(WEB, DATA))
    assert (
        "| web-02 | test failover running → failed-over | test failover cleanup, unplanned failover "
        "| 10 min | **IRREVERSIBLE** |  |"
    ) in text
    assert "#### `data` → `migrated`: 1 completion, nothing blocked" in text


def test_what_cannot_be_undone_is_said_once_however_many_machines_do_it() -> None:
    many = replace(WEB, machines=tuple(replace(WEB_02, machine=f"w{n}") for n in range(20)))
    for text in (markdown(plan(many)), stack_line(plan(many).review)):
        assert " ".join(text.split()).count("there is no failback to AWS") == 1
    assert "failback" not in wave_block(many)


def test_a_refused_preview_says_why_and_what_is_blocked() -> None:
    error = "these machines cannot be taken where the config says\n  - web-03: it needs an approval"
    told = plan(
        replace(WEB, machines=(WEB_02, WEB_03)),
        diagnostics=[
            {"severity": "info", "message": "a line"},
            {"severity": "error", "message": error},
        ],
    )
    text = markdown(told)
    assert "### `prod`: refused" in text
    assert error in text
    assert "`not-approved` |" in text
    assert told.data()["refused"] is True


def test_the_data_can_be_read_again() -> None:
    told = plan(WEB, DATA)
    assert read("prod", {"steps": [], "diagnostics": []}).review.waves == {}
    waves = told.data()["waves"]
    assert waves["web"]["machines"][0]["operations"][1]["irreversible"] is True
    assert told.review.waves == {"web": WEB, "data": DATA}


def test_a_large_wave_fits_into_a_comment_and_its_machines_share_rows() -> None:
    rows = tuple(replace(WEB_02, machine=f"web-{n:04}") for n in range(1000))
    text = markdown(plan(replace(WEB, machines=rows)))
    assert len(text) < 65_536
    assert "| web-0000, web-0001 and 998 more |" in text


def test_on_a_terminal_no_line_is_longer_than_80_columns_with_its_indent() -> None:
    long = MachineRow(
        "a-machine-with-a-very-long-name-that-nobody-wants",
        "initial replication 63 %",
        "test-failover",
        (OperationReview("test failover", 472, False), FAILOVER),
        waits=(Hold("window-closed", "its window opens Sat 2026-01-10 22:00 Europe/Berlin"),),
    )
    block = wave_block(replace(WEB, machines=(WEB_02, WEB_03, long)))
    assert max(map(len, block.splitlines())) <= WIDTH
    assert "held: window-closed" in block
    assert "BLOCKED: not-approved" in block


def test_a_column_bar_in_a_text_does_not_break_the_table() -> None:
    odd = replace(WEB_02, now="a|b")
    assert "a\\|b → failed-over" in markdown(plan(replace(WEB, machines=(odd,))))
