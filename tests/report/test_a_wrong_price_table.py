"""A price table that is wrong takes away the cost, and nothing else of the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from report import prices
from report.__main__ import main
from site_recovery.errors import MigrationError
from tests.report.fleets import wave_resource

IN_CP1252 = "currency: €\nreplication: {perMachineMonth: 25}\n".encode("cp1252")


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a price table as an old editor saves it, and a recorded stack."""
    (tmp_path / "prices.yaml").write_bytes(IN_CP1252)
    monkeypatch.chdir(tmp_path)
    exported = {"resources": [wave_resource("web", "protected", ["web-01"])]}
    monkeypatch.setattr("report.engine.exported", lambda stack: exported)
    return tmp_path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (IN_CP1252, "is not UTF-8 (byte 11 is no part of a character). Save it in UTF-8."),
        (b"currency: [", "is no YAML: "),
        (b"- 1", "the file: Input should be a valid dictionary"),
        (b"1: 2\ncurrency: EUR", "1: Keys should be strings"),
    ],
)
def test_it_is_named_with_what_is_wrong(content: bytes, said: str, checkout: Path) -> None:
    (checkout / "prices.yaml").write_bytes(content)
    with pytest.raises(MigrationError) as refused:
        prices.read(None)
    assert str(refused.value).startswith("prices.yaml: the price table ")
    assert said in str(refused.value)


def test_a_folder_is_no_price_table(checkout: Path) -> None:
    with pytest.raises(MigrationError, match="cannot be read: Is a directory"):
        prices.read(checkout)


def test_the_table_and_the_page_are_there_all_the_same(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--stack", "dev", "--recorded", "--page", "made/dev.html"]) == 1
    said = capsys.readouterr()
    assert "web-01" in said.out
    assert "As a page: made/dev.html" in said.out
    assert (checkout / "made" / "dev.html").is_file()
    assert said.err.startswith("error: prices.yaml: the price table is not UTF-8")


def test_data_for_programs_stay_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--stack", "dev", "--recorded", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["stack"] == "dev"


def test_a_page_that_cannot_be_written_leaves_the_table(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "prices.yaml").unlink()
    (checkout / "page").mkdir()
    assert main(["status", "--stack", "dev", "--recorded", "--page", "page"]) == 1
    said = capsys.readouterr()
    assert "web-01" in said.out
    assert said.err.startswith("error: page: it cannot be written: Is a directory.")
