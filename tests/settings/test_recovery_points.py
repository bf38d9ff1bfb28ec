"""A failover gets the kind of recovery point that the config asks for, or the config is refused."""

from __future__ import annotations

from typing import Any

import pytest

from settings import load
from tests.settings import configs
from tests.settings.test_preflight import ec2, examine

APPLICATION = {"consistency": "application", "recoveryPointWait": "90m"}
CONSISTENT = "latest-application-consistent"


def fails_over(
    cutover: dict[str, Any], where: tuple[str, str] = ("waves", "data"), **policy: int
) -> dict[str, Any]:
    config = configs.changed(*where, "cutover", value=cutover)
    configs.put(config, "waves", "pilot", "cutover", value={"mode": "latest"})
    return configs.put(config, "replication", value=policy)


@pytest.mark.parametrize("where", [("waves", "data"), ("machines", "db-01")], ids=str)
@pytest.mark.parametrize(
    ("cutover", "policy", "minutes"),
    [
        ({"consistency": "application"}, {}, 60),
        ({**APPLICATION, "recoveryPointWait": "2h"}, {"appConsistentFrequencyMinutes": 121}, 121),
        ({}, {"crashConsistentFrequencyMinutes": 31}, 31),
        ({"mode": "stop-first"}, {"crashConsistentFrequencyMinutes": 60}, 60),
    ],
)
def test_a_fenced_machine_waits_as_long_as_points_are_apart(
    where: tuple[str, str], cutover: dict[str, Any], policy: dict[str, int], minutes: int
) -> None:
    report = configs.report(fails_over({"recoveryPointWait": "30m", **cutover}, where, **policy))
    text = report[f"{where[0]}.{where[1]}.cutover.recoveryPointWait"]
    assert f"only every {minutes} minutes" in text
    assert f"at least {minutes}m" in text


@pytest.mark.parametrize(
    ("cutover", "policy"),
    [
        (APPLICATION, {}),
        (APPLICATION, {"appConsistentFrequencyMinutes": 90}),
        ({"mode": "latest"}, {"crashConsistentFrequencyMinutes": 60}),
        ({}, {"crashConsistentFrequencyMinutes": 30, "appConsistentFrequencyMinutes": 720}),
    ],
)
def test_one_that_waits_long_enough_is_taken(
    cutover: dict[str, Any], policy: dict[str, int]
) -> None:
    load(fails_over(cutover, ("waves", "data"), **policy))


def test_points_that_are_never_made_are_not_waited_for() -> None:
    report = configs.report(fails_over(APPLICATION, appConsistentFrequencyMinutes=0))
    [(place, text)] = report.items()
    assert place == "waves.data.cutover.consistency"
    assert "replication.appConsistentFrequencyMinutes is 0" in text


def test_without_a_fence_the_wave_says_which_point_is_taken() -> None:
    report = configs.report(fails_over({"mode": "latest", "consistency": "application"}))
    [(place, text)] = report.items()
    assert place == "waves.data.cutover.consistency"
    assert f"recoveryPoint: {CONSISTENT}" in text


def test_behind_a_fence_the_wave_does_not_say_which_point_is_taken() -> None:
    config = configs.changed("waves", "data", "recoveryPoint", value=CONSISTENT)
    [(place, text)] = configs.report(config).items()
    assert place == "waves.data.recoveryPoint"
    assert "db-01, web-02" in text
    configs.put(config, "machines", "db-01", "cutover", value=APPLICATION)
    assert "web-02 fails over" in configs.report(config)[place]
    configs.put(config, "machines", "web-02", "cutover", value={"mode": "latest"})
    load(config)
    configs.put(config, "replication", "appConsistentFrequencyMinutes", value=0)
    assert set(configs.report(config)) == {place, "machines.db-01.cutover.consistency"}


def test_linux_has_no_application_consistent_points() -> None:
    config = configs.put(configs.modernized(), "machines", "web-01", "cutover", value=APPLICATION)
    linux = {"platform": "linux", "os": "rhel-8.4"}
    [problem] = examine(config, ec2(web_01=linux)).problems
    assert problem.path == "machines.web-01.cutover.consistency"
    assert "runs linux" in problem.what
    assert examine(config, ec2()).problems == ()
