from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from toolchain import walk
from toolchain.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


class Configs:
    """The config files of a checkout."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def write(self, stack: str, **phases: str) -> None:
        waves = {wave: {"phase": phase, "machines": []} for wave, phase in phases.items()}
        self._file(stack).write_text(yaml.safe_dump({"config": {"ec2-to-azure:waves": waves}}))

    def phases(self, stack: str) -> dict[str, str]:
        waves = yaml.safe_load(self._file(stack).read_text())["config"]["ec2-to-azure:waves"]
        return {name: wave["phase"] for name, wave in waves.items()}

    def set(self, stack: str, wave: str, phase: str) -> None:
        self.write(stack, **{**self.phases(stack), wave: phase})

    def _file(self, stack: str) -> Path:
        return self._layout.root / f"Pulumi.{stack}.yaml"


@pytest.fixture
def configs(layout: Layout) -> Configs:
    return Configs(layout)


def test_the_phases_of_every_local_stack_are_as_before(layout: Layout, configs: Configs) -> None:
    for stack in ("dev", "dev-modernized"):
        configs.write(stack, web="test-failover", data="protected")
        walk.begin(layout, stack)
        configs.set(stack, "web", "migrated")

    lines = walk.end(layout, configs.set)

    for stack in ("dev", "dev-modernized"):
        assert configs.phases(stack) == {"web": "test-failover", "data": "protected"}
    assert [line.partition(":")[0] for line in lines] == [
        "Pulumi.dev-modernized.yaml",
        "Pulumi.dev.yaml",
    ]
    assert "wave web is test-failover again" in lines[0]


def test_the_first_phases_count_and_not_those_of_a_later_up(
    layout: Layout, configs: Configs
) -> None:
    configs.write("dev", web="test-failover")
    walk.begin(layout, "dev")
    configs.set("dev", "web", "failed-over")
    walk.begin(layout, "dev")

    walk.end(layout, configs.set)

    assert configs.phases("dev") == {"web": "test-failover"}


def test_waves_that_came_or_went_are_left_alone(layout: Layout, configs: Configs) -> None:
    configs.write("dev", web="test-failover", gone="protected")
    walk.begin(layout, "dev")
    configs.write("dev", web="test-failover", new="failed-over")

    assert walk.end(layout, configs.set) == []
    assert configs.phases("dev") == {"web": "test-failover", "new": "failed-over"}


def test_after_the_end_a_change_is_the_users_own(layout: Layout, configs: Configs) -> None:
    configs.write("dev", web="test-failover")
    walk.begin(layout, "dev")
    walk.end(layout, configs.set)
    configs.set("dev", "web", "protected")

    assert walk.end(layout, configs.set) == []
    assert configs.phases("dev") == {"web": "protected"}


def test_a_config_that_cannot_be_read_is_left_to_the_program_to_report(layout: Layout) -> None:
    (layout.root / "Pulumi.dev.yaml").write_text("config: [")

    walk.begin(layout, "dev")

    assert walk.end(layout, lambda *_: pytest.fail("nothing to put back")) == []
