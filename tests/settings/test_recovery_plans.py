"""A wave's recovery plan in the config."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import settings
from tests.settings import configs

RUNBOOK = (
    "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Automation/automationAccounts/a"
    "/runbooks/warm-up"
)


def with_plan(groups: Any) -> dict[str, Any]:
    config = configs.changed("waves", "data", "recoveryPlan", value={"groups": groups})
    return configs.put(config, "waves", "data", "cutover", value={"mode": "latest"})


def problems(groups: Any) -> dict[str, str]:
    return {p.path: f"{p.what}. {p.way_out}" for p in settings.read(with_plan(groups)).problems}


def test_a_list_is_a_group_and_a_mapping_has_actions() -> None:
    wave = settings.load(
        with_plan(
            [
                ["db-01"],
                {
                    "machines": ["web-02"],
                    "pre": [{"manual": "check the database"}],
                    "post": [{"runbook": {"id": RUNBOOK, "timeout": "30m"}}],
                },
            ]
        )
    ).waves["data"]
    assert wave.recovery_plan is not None
    first, second = wave.recovery_plan.groups
    assert (first.machines, first.pre, first.post) == (["db-01"], [], [])
    assert second.pre[0].manual == "check the database"
    assert second.post[0].runbook is not None
    assert second.post[0].runbook.timeout == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("groups", "place", "words"),
    [
        ([["db-01"]], "waves.data.recoveryPlan.groups", "no group names 'web-02'"),
        (
            [["db-01", "web-02"], ["web-01"]],
            "waves.data.recoveryPlan.groups[1]",
            "'web-01' is not a machine of wave 'data'",
        ),
        (
            [["db-01"], ["web-02", "db-01"]],
            "waves.data.recoveryPlan.groups[1]",
            "'db-01' is in the plan more than once",
        ),
        (
            [["db-01"], *[["web-02"]] * 7],
            "waves.data.recoveryPlan.groups",
            "7 groups at most",
        ),
        ([], "waves.data.recoveryPlan.groups", "at least"),
        (
            [{"machines": ["db-01", "web-02"], "pre": [{}]}],
            "waves.data.recoveryPlan.groups[0].pre[0]",
            "either manual or a runbook",
        ),
        (
            [{"machines": ["db-01", "web-02"], "post": [{"runbook": {"id": "warm-up"}}]}],
            "waves.data.recoveryPlan.groups[0].post[0].runbook.id",
            "not the id of an Automation runbook",
        ),
        (
            [{"machines": ["db-01", "web-02"], "befor": []}],
            "waves.data.recoveryPlan.groups[0].befor",
            "unknown key",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_place(groups: Any, place: str, words: str) -> None:
    assert words in problems(groups)[place]


def test_two_waves_cannot_have_one_plan() -> None:
    # Azure would take both plans for one, and each would run the machines of the other.
    config = with_plan([["db-01", "web-02"]])
    config["waves"]["data-1"] = config["waves"].pop("data")
    config["waves"]["Data-1"] = config["waves"].pop("pilot")
    [problem] = settings.read(config).problems
    assert problem.path == "waves.data-1.recoveryPlan"
    assert "Data-1" in problem.what


def test_waves_whose_names_differ_in_what_a_plan_cannot_have_may_both_have_one() -> None:
    config = with_plan([["db-01", "web-02"]])
    config["waves"]["data-1"] = config["waves"].pop("data")
    config["waves"]["data.1"] = config["waves"].pop("pilot")
    assert settings.read(config).problems == ()


def test_waves_without_a_plan_may_have_such_names() -> None:
    config = configs.valid()
    config["waves"]["data-1"] = config["waves"].pop("data")
    config["waves"]["Data-1"] = config["waves"].pop("pilot")
    assert settings.read(config).problems == ()
