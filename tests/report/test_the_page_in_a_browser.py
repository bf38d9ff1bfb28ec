"""The page in a real Chromium without a screen: what its script does, how it looks, how fast it is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from report import page
from report.live import Live
from report.model import Place, Report, report
from site_recovery.convergence.outcome import Status
from tests.report.fleets import of_size, recorded, wave_resource

_BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
_END_SECONDS = 5
_AA = 4.5
"""The contrast of text that WCAG 2.2 asks for (1.4.3, level AA)."""

_CONTRASTS = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
canvas.canvas.width = canvas.canvas.height = 1;
// Draws the colours on top of each other: whatever notation they have, a pixel is left.
const pixel = (...colours) => {
  for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const light = (rgb) => {
  const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.closest('script, .bar, .hidden')) continue;
  if (element.closest('[aria-hidden]')) continue;
  const behind = [];
  for (let up = element; up; up = up.parentElement) {
    behind.unshift(getComputedStyle(up).backgroundColor);
  }
  const ground = pixel('white', ...behind);
  const ink = pixel(getComputedStyle(element).color);
  const [dark, bright] = [light(ground), light(ink)].sort((a, b) => a - b);
  found.push([(bright + 0.05) / (dark + 0.05), walker.currentNode.data.trim()]);
}
return found.sort((a, b) => a[0] - b[0]).slice(0, 5);
"""


_OUT_OF_REACH = """
// A section cuts off what is wider than itself, so the page does not scroll to it.
const scrolls = (element) => element && (
  ['auto', 'scroll'].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement)
);
return [...document.querySelectorAll('main td, main th, main li')]
  .filter((each) => each.getBoundingClientRect().right > document.documentElement.clientWidth)
  .filter((each) => !scrolls(each))
  .map((each) => each.textContent.trim());
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    binary = next(filter(None, map(shutil.which, _BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        missing = (
            "chromium-headless-shell and chromium-driver (Debian's packages) are not installed"
        )
        pytest.skip(missing)
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--window-size=1280,1000")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(driver)
    started = webdriver.Chrome(options=options, service=service)
    # The driver ends the process that it started, which may be a script around the browser.
    running = psutil.Process(service.process.pid).children(recursive=True)
    try:
        yield started
    finally:
        started.quit()
        for left in psutil.wait_procs(running, timeout=_END_SECONDS)[1]:
            left.kill()


class Page:
    """A page in the browser."""

    def __init__(self, browser: webdriver.Chrome, file: Path) -> None:
        self.browser = browser
        browser.get(file.as_uri())

    def all(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def run(self, script: str) -> Any:
        return self.browser.execute_script(script)

    def column(self, number: int) -> list[str]:
        """The visible cells of a column of the table of machines, from the top."""
        texts: list[str] = self.run(
            "return [...document.querySelectorAll('#machines tbody tr')]"
            f".filter((row) => !row.hidden).map((row) => row.cells[{number}].textContent.trim())"
        )
        return texts

    def sort_by(self, title: str) -> str:
        """Click on a heading; returns the direction that it says afterwards."""
        [button] = [
            each for each in self.all("#machines thead button") if each.text.startswith(title)
        ]
        self.run("document.getElementById('h-machines').scrollIntoView()")
        button.click()
        heading = button.find_element(By.XPATH, "..")
        return heading.get_attribute("aria-sort") or ""

    def shown(self) -> str:
        return self.one("#shown").text


@pytest.fixture
def opened(browser: webdriver.Chrome, tmp_path: Path) -> Iterator[Any]:
    def open_(made: Report) -> Page:
        file = tmp_path / "report.html"
        page.write(made, file)
        return Page(browser, file)

    yield open_
    entries = browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert entries == [], "the browser has something to say about the page"


def test_a_heading_sorts_up_then_down_by_numbers_and_keeps_what_is_unknown_last(
    opened: Any,
) -> None:
    shown = opened(of_size(40))
    assert shown.sort_by("machine") == "ascending"
    up = shown.column(0)
    assert up == sorted(up)
    assert shown.sort_by("machine") == "descending"
    assert shown.column(0) == up[::-1]

    shown.sort_by("replicated")
    days = [float(text.removesuffix(" d")) for text in shown.column(9)]
    assert days == sorted(days)

    shown.sort_by("RPO")
    ages = shown.column(5)
    assert "-" in ages
    assert ages == [a for a in ages if a != "-"] + [a for a in ages if a == "-"]
    shown.sort_by("RPO")
    assert shown.column(5)[-1] == "-"


def test_a_heading_is_sorted_with_the_keyboard_too(opened: Any) -> None:
    shown = opened(of_size(12))
    button = shown.one("#machines thead button")
    button.send_keys("\n")
    assert shown.column(0) == sorted(shown.column(0))


def test_a_filter_is_about_everything_on_the_page(opened: Any) -> None:
    made = of_size(60)
    shown = opened(made)
    chosen = [machine for machine in made.machines if machine.name.startswith("web")]
    assert 0 < len(chosen) < 60

    shown.one("[name=text]").send_keys("WEB-")

    assert shown.shown() == f"{len(chosen)} of 60 machines"
    assert sorted(shown.column(0)) == sorted(machine.name for machine in chosen)
    for selector in (".lane li", ".timeline tr[data-m]", ".attention tr[data-m]"):
        names = shown.run(
            f"return [...document.querySelectorAll('{selector}')].filter((e) => !e.hidden)"
            ".map((e) => e.querySelector('b, th').firstChild.textContent)"
        )
        assert names, selector
        assert all(name.startswith("web-") for name in names), selector


def test_a_machine_is_found_by_each_of_its_addresses(opened: Any) -> None:
    made = of_size(60)
    shown = opened(made)
    sought = next(machine for machine in made.machines if len(machine.addresses) > 1)
    for address in sought.addresses:
        shown.one("[name=text]").clear()
        shown.one("[name=text]").send_keys(address)
        assert sought.name in shown.column(0)
        assert len(shown.column(0)) < 10


def test_filters_narrow_each_other_and_are_taken_back(opened: Any) -> None:
    made = of_size(60)
    shown = opened(made)
    Select(shown.one("[name=wave]")).select_by_visible_text("web")
    Select(shown.one("[name=place]")).select_by_visible_text(str(Place.PROTECTED))
    expected = [m.name for m in made.machines if m.wave == "web" and m.place is Place.PROTECTED]
    assert expected
    assert shown.column(0) == expected

    Select(shown.one("[name=place]")).select_by_visible_text("anywhere")
    shown.one("[name=attention]").click()
    expected = [m.name for m in made.machines if m.wave == "web" and m.needs_attention]
    assert any(m.status is Status.FAILED for m in made.machines)
    assert shown.column(0) == expected

    shown.one("[name=attention]").click()
    Select(shown.one("[name=wave]")).select_by_visible_text("all")
    assert shown.shown() == "60 of 60 machines"


def test_a_bar_of_the_timeline_says_what_it_is(opened: Any) -> None:
    shown = opened(of_size(10))
    text = shown.run(
        "const bar = document.querySelector('.track .bar.test');"
        "bar.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})); return bar.title;"
    )
    assert text.startswith("test failover succeeded: 2026-03-19 ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_texts_have_the_contrast_that_reading_needs(opened: Any, scheme: str) -> None:
    shown = opened(of_size(60))
    shown.browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    paper = shown.run("return getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(251, 251, 250)", "dark": "rgb(20, 23, 28)"}[scheme]
    worst = shown.run(_CONTRASTS)
    assert worst[0][0] >= _AA, worst


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_is_out_of_reach_at_any_width(opened: Any, width: int) -> None:
    shown = opened(of_size(20))
    shown.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        assert shown.run(_OUT_OF_REACH) == []
    finally:
        shown.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_narrow_window_scrolls_tables_and_lanes_and_not_the_page(opened: Any) -> None:
    shown = opened(of_size(20))
    shown.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 420, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        wide = shown.run("return document.documentElement.scrollWidth")
        assert wide <= 420
    finally:
        shown.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_thousand_machines_are_there_and_filtered(opened: Any) -> None:
    made = of_size(1000)
    shown = opened(made)
    assert len(shown.column(0)) == 1000
    # What to look at does not push the waves away, however many machines it is.
    assert shown.one(".tall").size["height"] < 600
    last = made.machines[-1].name
    shown.one("[name=text]").send_keys(last)
    assert shown.column(0) == [last]


def test_a_page_without_a_vault_and_one_without_waves_work_too(opened: Any) -> None:
    unseen = Live({}, problem="Azure did not answer")
    shown = opened(report(recorded(wave_resource("web", "protected", ["web-01"])), unseen))
    assert "Azure did not answer" in shown.one("[role=status]").text
    assert shown.sort_by("machine") == "ascending"

    empty = opened(report(recorded(), unseen))
    assert "No wave of this stack is recorded yet." in empty.one("main").text
