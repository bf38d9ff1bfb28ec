from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from toolchain import walk
from toolchain.layout import Layout, checkout


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

    lines = walk.end(layout, configs.set).lines

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

    assert walk.end(layout, configs.set) == walk.Ended()
    assert configs.phases("dev") == {"web": "test-failover", "new": "failed-over"}


def test_after_the_end_a_change_is_the_users_own(layout: Layout, configs: Configs) -> None:
    configs.write("dev", web="test-failover")
    walk.begin(layout, "dev")
    walk.end(layout, configs.set)
    configs.set("dev", "web", "protected")

    assert walk.end(layout, configs.set) == walk.Ended()
    assert configs.phases("dev") == {"web": "protected"}


BROKEN = [b"config: [", "config: {x: caf\u00e9}".encode("latin-1")]


@pytest.mark.parametrize("content", BROKEN)
def test_a_config_that_cannot_be_read_is_left_to_the_program_to_report(
    content: bytes, layout: Layout
) -> None:
    (layout.root / "Pulumi.dev.yaml").write_bytes(content)

    walk.begin(layout, "dev")

    assert walk.end(layout, lambda *_: pytest.fail("nothing to put back")) == walk.Ended()


def test_phases_are_noted_once_the_config_can_be_read(layout: Layout, configs: Configs) -> None:
    (layout.root / "Pulumi.dev.yaml").write_text("config: [")
    walk.begin(layout, "dev")
    configs.write("dev", web="test-failover")
    walk.begin(layout, "dev")
    configs.set("dev", "web", "migrated")

    walk.end(layout, configs.set)

    assert configs.phases("dev") == {"web": "test-failover"}


@pytest.mark.parametrize("content", BROKEN)
def test_phases_stay_noted_while_the_config_cannot_be_read(
    content: bytes, layout: Layout, configs: Configs
) -> None:
    for stack in ("dev", "dev-modernized"):
        configs.write(stack, web="test-failover")
        walk.begin(layout, stack)
        configs.set(stack, "web", "migrated")
    (layout.root / "Pulumi.dev-modernized.yaml").write_bytes(content)

    [problem] = walk.end(layout, configs.set).problems

    assert problem.startswith("Pulumi.dev-modernized.yaml: its phases were not put back: ")
    assert "run `make down` again" in problem
    assert configs.phases("dev") == {"web": "test-failover"}
    configs.write("dev-modernized", web="migrated")
    assert walk.end(layout, configs.set).problems == []
    assert configs.phases("dev-modernized") == {"web": "test-failover"}


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_a_note_that_was_not_written_to_its_end_is_said_once(
    content: str, layout: Layout, configs: Configs
) -> None:
    configs.write("dev", web="migrated")
    layout.walk.mkdir(parents=True)
    (layout.walk / "dev.json").write_text(content)

    [line] = walk.end(layout, configs.set).lines

    assert "the phases in Pulumi.dev.yaml stay as they are" in line
    assert walk.end(layout, configs.set) == walk.Ended()
    assert configs.phases("dev") == {"web": "migrated"}


def test_a_phase_that_cannot_be_set_stops_no_other_stack(layout: Layout, configs: Configs) -> None:
    for stack in ("dev", "dev-modernized"):
        configs.write(stack, web="test-failover")
        walk.begin(layout, stack)
        configs.set(stack, "web", "migrated")

    def set_phase(stack: str, wave: str, phase: str) -> None:
        if stack == "dev":
            raise walk.NotSetError("no space left")
        configs.set(stack, wave, phase)

    [problem] = walk.end(layout, set_phase).problems

    assert problem.startswith("Pulumi.dev.yaml: its phases were not put back: no space left. ")
    assert configs.phases("dev-modernized") == {"web": "test-failover"}
    assert walk.end(layout, configs.set).problems == []
    assert configs.phases("dev") == {"web": "test-failover"}


def test_the_phases_of_a_stack_that_is_gone_are_put_back(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    layout.local.mkdir()
    layout.passphrase.write_text("toy")
    layout.engine_record.write_bytes(checkout().engine_record.read_bytes())
    (layout.root / "Pulumi.yaml").write_text("{name: ec2-to-azure, runtime: python}")
    file = layout.root / "Pulumi.dev.yaml"
    before = "config:\n  # why\n  ec2-to-azure:waves:\n    web:\n      phase: test-failover\n"
    file.write_text(before)
    walk.begin(layout, "dev")
    file.write_text(before.replace("test-failover", "migrated"))
    monkeypatch.setattr(walk, "checkout", lambda: layout)

    assert walk.main(["end"]) == 0, capsys.readouterr().err

    assert "wave web is test-failover again" in capsys.readouterr().out
    assert before in file.read_text()


@pytest.mark.parametrize("fails", ["", "toolchain.walk"])
def test_the_clouds_are_stopped_even_if_phases_cannot_be_put_back(
    fails: str, layout: Layout
) -> None:
    python = layout.python
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$2 $3"\n[ "$2" != "{fails}" ]\n')
    python.chmod(0o755)
    layout.state.mkdir()
    makefile = checkout().root / "Makefile"

    done = subprocess.run(
        ["make", "--file", makefile, "down"],
        cwd=layout.root,
        env={key: value for key, value in os.environ.items() if not key.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines() == ["toolchain.walk end", "emulator down"]
    assert (done.returncode != 0) is bool(fails)
    assert not layout.state.exists()
