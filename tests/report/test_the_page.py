"""The page of a report, as the file that it is."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from report import page
from report.live import Live
from report.model import Report, report
from tests.report.fleets import Vault, of_size, protected, recorded, wave_resource

HOSTILE = "<img src=x onerror=alert(1)>'\"&"


class Read(HTMLParser):
    """The tags, the texts and the headings of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("machines", [0, 1, 10, 60])
def test_the_page_fetches_nothing(machines: int) -> None:
    made = of_size(machines) if machines else report(recorded(), Live({}, problem="nothing"))
    text = page.rendered(made)
    read = Read(text)
    fetching = {"src", "href", "action", "data", "poster", "srcset"}
    assert [tag for tag in read.tags if fetching & set(tag[1])] == []
    assert {"link", "img", "iframe", "object"}.isdisjoint(tag for tag, _ in read.tags)
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_what_a_service_says_stays_text() -> None:
    outcome = {"status": "failed", "reason": "job-failed", "message": HOSTILE}
    checks = {"web-01": {"passed": False, "messages": [HOSTILE]}}
    record = recorded(
        wave_resource(
            "web", "test-failover", ["web-01"], outcomes={"web-01": outcome}, checks=checks
        )
    )
    vault = Vault()
    protected(vault, "web-01", 2)

    read = Read(page.rendered(report(record, vault.seen(record))))

    assert read.text.count(HOSTILE) == 3, "the message, and the check in both of its places"
    assert "img" not in {tag for tag, _ in read.tags}


def test_the_headings_go_down_one_at_a_time() -> None:
    read = Read(page.rendered(of_size(30)))
    steps = zip(read.headings, read.headings[1:], strict=False)
    assert read.headings[0] == 1
    assert read.headings.count(1) == 1
    assert all(below <= above + 1 for above, below in steps)


def test_every_cell_of_a_heading_says_what_it_heads() -> None:
    read = Read(page.rendered(of_size(30)))
    headings = [attributes for tag, attributes in read.tags if tag == "th"]
    assert len(headings) > 30
    assert all(attributes.get("scope") for attributes in headings)


def test_every_machine_is_in_its_lane_in_the_table_and_in_the_timeline() -> None:
    made = of_size(30)
    read = Read(page.rendered(made))
    for number, machine in enumerate(made.machines):
        places = [tag for tag, attributes in read.tags if attributes.get("data-m") == str(number)]
        assert "li" in places, machine.name
        assert places.count("tr") >= 2, machine.name


def test_a_machine_has_all_its_addresses_beside_the_name_of_its_virtual_machine() -> None:
    made = of_size(30)
    text = re.sub(r"<[^>]+>", " ", page.rendered(made))
    several = [machine for machine in made.machines if len(machine.addresses) > 1]
    assert several
    for machine in several:
        together = [machine.azure_vm or machine.test_vm, *machine.addresses]
        assert " ".join(together) in " ".join(text.split())


def test_a_thousand_machines_are_less_than_two_megabytes() -> None:
    assert len(page.rendered(of_size(1000)).encode()) < 2_000_000


def test_the_file_is_written_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "report" / "dev.html"
    first, second = of_size(2), of_size(3)
    page.write(first, file)
    page.write(second, file)
    assert file.read_text("utf-8") == page.rendered(second)
    assert [path.name for path in file.parent.iterdir()] == ["dev.html"]


def test_a_page_without_a_vault_says_so_and_why() -> None:
    made: Report = report(
        recorded(wave_resource("web", "protected", ["web-01"])),
        Live({}, problem="Azure refused: run az login."),
    )
    read = Read(page.rendered(made))
    assert "The vault was not read: Azure refused: run az login. What follows" in read.text
    assert "Operations" not in read.text
    assert "Used so far" not in read.text
