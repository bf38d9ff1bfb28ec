"""A fleet file that several stacks share, and the stack that goes first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import settings
from settings.fleet_file import merged
from site_recovery.config_paths import path, split
from site_recovery.phases import Phase
from site_recovery.problems import Problem
from tests.settings import configs

FLEET = """
machines:
  web-01: {instanceId: i-00000000000000001, target: {vmSize: Standard_D2s_v3, vmName: web}}
  web-02: {target: {diskType: Premium_LRS}}
waves:
  web:
    phase: protected
    machines: [web-01, web-02]
    window: {from: 22:00, to: "04:00"}
    cutover: {at: 2026-07-04T20:00:00+02:00}
convergence:
  requireApproval: true
"""


def stack(folder: Path, fleet: str, **own: Any) -> settings.Reading:
    """Read a stack whose config has no machines and waves but these."""
    (folder / "fleet.yaml").write_text(fleet, "utf-8")
    config = configs.modernized() | {"fleetFile": "fleet.yaml", "machines": {}, "waves": {}}
    return settings.read({**config, **own}, folder=folder)


def problems(reading: settings.Reading) -> dict[str, str]:
    return {p.path: f"{p.what}. {p.way_out}" for p in reading.problems}


def test_a_stack_adds_what_only_it_knows_and_overrides_what_differs(tmp_path: Path) -> None:
    reading = stack(
        tmp_path,
        FLEET,
        machines={
            "web-01": {"target": {"vmSize": "Standard_D4s_v3"}},
            "web-02": {"instanceId": "i-00000000000000002"},
        },
        waves={"web": {"phase": "test-failover"}},
        convergence={"wait": "1h"},
    )
    assert reading.problems == ()
    assert reading.settings is not None
    own = reading.settings
    assert own.machines["web-01"].target.vm_size == "Standard_D4s_v3"
    assert own.machines["web-01"].target.vm_name == "web"
    assert own.machines["web-02"].instance_id == "i-00000000000000002"
    assert own.waves["web"].phase is Phase.TEST_FAILOVER
    assert own.waves["web"].machines == ["web-01", "web-02"]
    assert own.waves["web"].window is not None
    assert own.waves["web"].window.from_ == "22:00"
    assert own.convergence.require_approval
    assert own.convergence.wait.total_seconds() == 3600


def test_a_list_of_the_stack_takes_the_place_of_the_other(tmp_path: Path) -> None:
    reading = stack(tmp_path, FLEET, waves={"web": {"machines": ["web-01"]}})
    assert problems(reading) == {
        "fleet.yaml: machines.web-02.instanceId": "it is missing. Add the key 'instanceId' to the stack's config"
    }


@pytest.mark.parametrize(
    ("fleet", "own", "place", "words"),
    [
        # In the file.
        ("waves: {web: {phase: testfailover, machines: [a]}}", {}, "fleet.yaml: waves.web.phase", "is not known"),
        ("waves: {web: {phase: protected, machines: [b]}}", {}, "fleet.yaml: waves.web.machines[0]", "'b'"),
        ("waves: {web: {phase: protected, machines: [a], oops: 1}}", {}, "fleet.yaml: waves.web.oops", "unknown key"),
        ("waves: {web: {phase: protected, machines: [a], after: }}", {}, "fleet.yaml: waves.web.after", "is empty"),
        ("waves: {web: {machines: [a]}}", {}, "fleet.yaml: waves.web.phase", "is missing"),
        # In the stack's own config, over the file.
        ("waves: {web: {phase: protected, machines: [a]}}", {"web": {"phase": "tested"}}, "waves.web.phase", "is not known"),
        ("waves: {web: {phase: protected, machines: [a]}}", {"web": {"machines": ["b"]}}, "waves.web.machines[0]", "'b'"),
        ("waves: {web: {phase: protected, machines: [a]}}", {"new": {"machines": []}}, "waves.new.phase", "is missing"),
        # The file itself.
        ("wave: {}", {}, "fleet.yaml: wave", "Write 'waves'"),
        ("experience: classic", {}, "fleet.yaml: experience", "fleet file"),
        ("- waves", {}, "fleet.yaml", "is not a mapping"),
        ("waves: {a: 1", {}, "fleet.yaml", "is not YAML"),
        ("waves: {}\nwaves: {}", {}, "fleet.yaml", "line 2"),
        ("waves: [1]", {}, "fleet.yaml: waves", "mapping"),
    ],
)  # fmt: skip
def test_a_problem_is_told_where_it_stands(
    tmp_path: Path, fleet: str, own: dict[str, Any], place: str, words: str
) -> None:
    machine = {"a": {"instanceId": "i-00000000000000001"}}
    reading = stack(tmp_path, fleet, machines=machine, **({"waves": own} if own else {}))
    found = problems(reading)
    assert place in found, found
    assert words in found[place]
    assert reading.settings is None


def test_what_aws_says_of_a_machine_is_told_there_too(tmp_path: Path) -> None:
    reading = stack(tmp_path, FLEET)
    asked = Problem("machines.web-01.instanceId", "there is no such instance", "Correct it")
    own = Problem("target.vault", "it is not new", "Name another")
    assert [p.path for p in reading.merged.placed([asked, own])] == [
        "fleet.yaml: machines.web-01.instanceId",
        "target.vault",
    ]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    config = configs.valid() | {"fleetFile": "../fleets/all.yaml"}
    found = problems(settings.read(config, folder=tmp_path))
    assert "cannot be read: No such file" in found["fleetFile"]
    assert "../fleets/all.yaml" in found["fleetFile"]


LEAVES = st.integers() | st.lists(st.integers(), max_size=2)
KEYS = st.sampled_from("abc")
VALUES = st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)
NAMES = st.dictionaries(KEYS, VALUES, max_size=3)


@given(own=NAMES, shared=NAMES)
def test_every_value_of_the_stack_stays_and_the_file_fills_the_rest(
    own: dict[str, Any], shared: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "fleet.yaml").write_text(json.dumps({"waves": shared}), "utf-8")
    both = merged({"fleetFile": "fleet.yaml", "waves": own}, folder).config["waves"]

    def lies_over(whole: Any, upper: Any, lower: Any) -> bool:
        if not isinstance(upper, dict):
            return bool(whole == upper)
        below = lower if isinstance(lower, dict) else {}
        return set(whole) == {*upper, *below} and all(
            lies_over(whole[key], upper[key], below.get(key))
            if key in upper
            else whole[key] == below[key]
            for key in whole
        )

    assert lies_over(both, own, shared)


STEPS = st.one_of(st.integers(0, 99), st.from_regex(r"[A-Za-z][\w. -]*", fullmatch=True))


@given(st.from_regex(r"[A-Za-z][\w:-]*", fullmatch=True), st.lists(STEPS))
def test_a_path_leads_back_to_its_location(first: str, rest: list[str | int]) -> None:
    assert split(path(first, *rest)) == (first, *rest)


# -- the stack that goes first ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("promotion", "place", "words"),
    [
        ({"after": "sta ging"}, "promotion.after", "is not the name of a stack"),
        ({"after": "a/b"}, "promotion.after", "<organization>/<project>/<stack>"),
        ({"after": "staging", "except": ["piolt"]}, "promotion.except[0]", "'pilot'"),
        ({"except": ["pilot"]}, "promotion.after", "is missing"),
        ({"after": "staging", "outputsFile": "none.json"}, "promotion.outputsFile", "No such file"),
        ({"after": "staging", "outputsFile": "text.json"}, "promotion.outputsFile", "is not JSON"),
        ({"after": "staging", "outputsFile": "other.json"}, "promotion.outputsFile", "--stack staging > other.json"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_it_is_told(
    tmp_path: Path, promotion: dict[str, Any], place: str, words: str
) -> None:
    (tmp_path / "text.json").write_text("<html>")
    (tmp_path / "other.json").write_text('{"url": "https://example.com"}')
    config = configs.changed("promotion", value=promotion)
    found = problems(settings.read(config, folder=tmp_path))
    assert list(found) == [place]
    assert words in found[place]


def test_without_it_no_stack_goes_first() -> None:
    assert settings.load(configs.valid()).promotion.after is None
