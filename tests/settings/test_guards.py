"""The guards of a wave in the config."""

from __future__ import annotations

from typing import Any

import pytest

import settings
from site_recovery.declared.guards import Day
from site_recovery.guards import Guards
from tests.settings import configs

NIGHT = {"from": "22:00", "to": "04:00", "timezone": "Europe/Berlin"}


def with_waves(**more: dict[str, Any]) -> dict[str, Any]:
    config = configs.valid()
    for wave, keys in more.items():
        config["waves"][wave] |= keys
    return config


def problems(config: dict[str, Any]) -> dict[str, str]:
    return {p.path: f"{p.what}. {p.way_out}" for p in settings.read(config).problems}


def test_a_wave_without_guards_has_none() -> None:
    assert settings.load(configs.valid()).guards_of("pilot") == Guards()


def test_a_wave_has_its_own_guards_and_those_of_the_stack() -> None:
    config = with_waves(pilot={"maxRpoMinutes": 5, "after": ["data"]}, data={"window": NIGHT})
    config["convergence"] = {
        "requireApproval": True,
        "window": {**NIGHT, "days": ["sunday"]},
        "maxFailoversPerUp": 10,
        "maxRpoMinutes": 15,
    }
    stack = settings.load(config)
    pilot, data = stack.guards_of("pilot"), stack.guards_of("data")
    assert (pilot.require_approval, pilot.max_rpo_minutes, data.max_rpo_minutes) == (True, 5, 15)
    assert (pilot.after, data.after) == (("data",), ())
    assert pilot.max_failovers_of_stack == 10
    assert pilot.window is not None
    assert data.window is not None
    assert pilot.window.days == (Day.SUNDAY,)
    assert len(data.window.days) == 7


def test_an_approval_names_who_what_and_by_which_ticket() -> None:
    approval = {"by": "ada", "ticket": "CHG-7", "for": "failed-over"}
    found = settings.load(with_waves(pilot={"approval": approval})).guards_of("pilot").approval
    assert found is not None
    assert (found.by, found.ticket, found.for_) == ("ada", "CHG-7", "failed-over")


@pytest.mark.parametrize(
    ("keys", "place", "words"),
    [
        ({"approval": {"by": "ada", "for": "migrated"}}, "approval.ticket", "it is missing"),
        (
            {"approval": {"by": " ", "ticket": "C", "for": "migrated"}},
            "approval.by",
            "it is empty",
        ),
        (
            {"approval": {"by": "ada", "ticket": "C", "for": "protected"}},
            "approval.for",
            "'protected'",
        ),
        ({"window": {"from": 1320, "to": "04:00"}}, "window.from", "1320 is not a time of day"),
        ({"window": {**NIGHT, "timezone": "Berlin"}}, "window.timezone", "there is no time zone"),
        ({"window": {**NIGHT, "days": ["sat"]}}, "window.days[0]", "'sat'"),
        ({"maxFailoversPerUp": 0}, "maxFailoversPerUp", "0 is out of bounds"),
        ({"maxRpoMinutes": 0}, "maxRpoMinutes", "0 is out of bounds"),
        ({"after": ["dta"]}, "after[0]", "there is no wave 'dta'. Write 'data'"),
        ({"after": ["pilot"]}, "after[0]", "a wave cannot go after itself"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(keys: dict[str, Any], place: str, words: str) -> None:
    found = problems(with_waves(pilot=keys))
    assert words in found[f"waves.pilot.{place}"]


def test_waves_that_wait_for_each_other_are_refused_once() -> None:
    found = problems(with_waves(pilot={"after": ["data"]}, data={"after": ["pilot"]}))
    [(place, text)] = found.items()
    assert place == "waves.pilot.after"
    assert "pilot, data, pilot" in text


def test_a_wave_that_waits_for_a_circle_is_in_none() -> None:
    config = with_waves(pilot={"after": ["data"]}, data={"after": ["pilot"]})
    config["machines"]["app-01"] = {"instanceId": "i-00000000000000009"}
    config["waves"]["app"] = {"phase": "protected", "machines": ["app-01"], "after": ["pilot"]}
    assert set(problems(config)) == {"waves.pilot.after"}
