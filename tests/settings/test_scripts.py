"""Scripts in the config run on the platform of the machine, or the config is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.settings import configs
from tests.settings.test_preflight import ec2, examine

LINUX = {"linux": ["systemctl is-active nginx"]}
BOTH = {**LINUX, "windows": ["Get-Service W3SVC"]}
A_LINUX = {"platform": "linux", "os": "rhel-8.4"}

PLACES = pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("checks", lambda lines: [{"tcp": 80}, {"azureRunCommand": lines}], "checks[1]"),
        ("cutover", lambda lines: {"quiesce": {"ssm": lines}}, "cutover.quiesce.ssm"),
        (
            "cutover",
            lambda lines: {"quiesce": {"ssm": BOTH, "resume": lines}},
            "cutover.quiesce.resume",
        ),
        ("hooks", lambda lines: {"beforeFailover": [{"ssm": lines}]}, "hooks.beforeFailover[0]"),
    ],
)


def problems(config: dict[str, Any], **facts: dict[str, Any] | None) -> dict[str, str]:
    found = examine(config, ec2(None, **facts)).problems
    return {problem.path: f"{problem.what}. {problem.way_out}" for problem in found}


@PLACES
def test_a_script_of_a_machine_has_lines_for_its_platform(key: str, value: Any, place: str) -> None:
    config = configs.put(configs.modernized(), "machines", "web-01", key, value=value(LINUX))
    [(where, text)] = problems(config).items()
    assert where.startswith(f"machines.web-01.{place}")
    assert "i-00000000000000001 runs windows" in text
    assert "windows" in text.partition(". ")[2]
    assert problems(config, web_01=A_LINUX) == {}


@PLACES
def test_a_script_of_a_wave_has_lines_for_one_of_its_machines(
    key: str, value: Any, place: str
) -> None:
    config = configs.put(configs.modernized(), "waves", "data", key, value=value(LINUX))
    [(where, text)] = problems(config).items()
    assert where.startswith(f"waves.data.{place}")
    assert "no machine of the wave runs linux" in text
    assert problems(config, db_01=A_LINUX) == {}


def test_a_wave_with_a_machine_that_nobody_knows_is_not_judged() -> None:
    config = configs.put(configs.modernized(), "waves", "data", "phase", value="migrated")
    configs.put(config, "waves", "data", "checks", value=[{"azureRunCommand": LINUX}])
    assert problems(config, db_01=None) == {}
