"""The report on a terminal and as data."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from rich.console import Console

from report import data, terminal
from report.__main__ import main
from report.live import Live
from report.model import Report, report
from report.words import NOTHING, span
from tests.report.fleets import Vault, of_size, protected, recorded, wave_resource

UNSEEN = Live({}, problem="Azure refused: run az login.")


def printed(made: Report, width: int = 80) -> list[str]:
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        console.print(terminal.shown(made, width))
    return captured.get().splitlines()


def one(name: str, phase: str = "protected") -> Report:
    vault = Vault()
    protected(vault, name, 3)
    record = recorded(wave_resource("web", phase, [name]))
    return report(record, vault.seen(record))


def test_eighty_columns_show_where_each_machine_is() -> None:
    lines = printed(of_size(12))
    assert max(map(len, lines)) <= 80
    for machine in of_size(12).machines:
        [row] = [line for line in lines if line.strip().startswith(f"{machine.name} ")][:1]
        assert machine.where in row


@pytest.mark.parametrize("width", [80, 120])
def test_every_address_of_a_machine_in_azure_is_there(width: int) -> None:
    made = of_size(12)
    text = " ".join(printed(made, width))
    shown = [address for machine in made.machines for address in machine.addresses]
    assert max(len(machine.addresses) for machine in made.machines) == 2
    assert all(address in text for address in shown)


def test_no_name_is_cut_however_long_it_is() -> None:
    name = "a-machine-with-a-name-as-long-as-azure-allows-one-to-be-64-less1"
    lines = printed(one(name))
    assert max(map(len, lines)) <= 80
    start = next(number for number, line in enumerate(lines) if line.lstrip().startswith("a-mach"))
    cells = [line[1 : line.index("  ", 1)] for line in lines[start : start + 4] if line.strip()]
    assert "".join(cell.strip() for cell in cells).startswith(name[:20])


def test_a_wide_terminal_shows_tests_and_usage_too() -> None:
    narrow, wide = (" ".join(printed(of_size(6), width)) for width in (80, 120))
    assert "last test" not in narrow
    assert "last test" in wide
    assert "replicated" in wide


def test_what_is_blocked_is_told_with_the_way_out() -> None:
    made = one("web-01", "failed-over")
    text = "\n".join(printed(made))
    assert "web-01 blocked (not-tested)" in text
    assert "→ " in text


def test_a_vault_that_was_not_seen_is_said_first() -> None:
    made = report(recorded(wave_resource("web", "protected", ["web-01"])), UNSEEN)
    text = " ".join(" ".join(printed(made)).split())
    assert "The vault was not read: Azure refused: run az login. What follows" in text
    assert "Used so far" not in text


def test_the_data_are_json_and_have_what_the_terminal_shows() -> None:
    made = of_size(9)
    told = json.loads(json.dumps(data.of(made)))
    assert told["live"] is True
    assert sum(told["counts"].values()) == 9
    [wave] = [wave for wave in told["waves"] if wave["name"] == "pilot"]
    [machine] = [each for each in wave["machines"] if each["name"] == wave["machines"][0]["name"]]
    assert machine["desired"] == "migrated"
    assert machine["usage"]["replicationDays"] > 0
    assert {run["operation"] for run in wave["operations"]} > {"unplanned failover"}
    assert told["usage"]["currency"] == "EUR"


def overview(*reports: Report, failed: Sequence[tuple[str, str]] = ()) -> str:
    console = Console(width=120, highlight=False)
    with console.capture() as captured:
        console.print(terminal.overview(reports, failed))
    return captured.get()


def test_one_table_shows_all_stacks_and_those_that_cannot_be_read() -> None:
    text = overview(of_size(30), failed=[("prod", "it cannot be read")])
    [row] = [line for line in text.splitlines() if line.strip().startswith("dev")]
    assert "30" in row.split()
    assert "prod: it cannot be read" in text
    assert "1 of 2 stacks could be read." in text


def test_the_last_row_adds_the_stacks_up() -> None:
    text = overview(of_size(30), one("web-01", "migrated"))
    rows = [line.split() for line in text.splitlines() if line.split()]
    [alone, other, together] = [
        [0 if cell == NOTHING else int(cell) for cell in row[1:]]
        for row in rows
        if row[0] in ("dev", "all")
    ]
    assert together == [sum(pair) for pair in zip(alone, other, strict=True)]
    assert together[1] == 31


@pytest.mark.parametrize(
    "option", [["--watch"], ["--page", "page.html"], ["--prices", "prices.yaml"]]
)
def test_what_shows_one_stack_refuses_several(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["status", "--stack", "a", "--stack", "b", *option])
    assert f"{option[0]} shows one stack" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (95, "1 min 35 s"),
        (1500, "25 min"),
        (3600, "1 h"),
        (12000, "3 h 20 min"),
        (86400, "1 d"),
        (190000, "2 d 4 h"),
    ],
)
def test_lengths_of_time_have_their_two_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_status_of_no_stack_says_how_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["status"])
    assert "name a stack with --stack, or show all of them with --all" in capsys.readouterr().err
