"""`make up MACHINES=200`: the config of a stack with all machines of a large local estate."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

import settings
from emulator.aws.fleet import FLEET, LEAST, MOST, fleet
from site_recovery.aws.support_matrix import matrix
from site_recovery.fleet import ExperienceName
from toolchain import local_stack
from toolchain.layout import Layout

_ROOT = Path(__file__).parents[2]
_EXPERIENCES = ("classic", "modernized")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    for name in ("Pulumi.dev.yaml", "Pulumi.dev-modernized.yaml"):
        shutil.copy(_ROOT / name, tmp_path / name)
    return Layout(tmp_path)


def estate(machines: int) -> dict[str, Any]:
    return {
        "machines": {
            machine.name: f"i-{number:017x}" for number, machine in enumerate(fleet(machines))
        }
    }


def written(layout: Layout, stack: str, experience: str, machines: int) -> dict[str, Any]:
    assert local_stack.write(layout, stack, experience, estate(machines))
    content = yaml.safe_load((layout.root / f"Pulumi.{stack}.yaml").read_text("utf-8"))
    return dict(content["config"])


@pytest.mark.parametrize("experience", _EXPERIENCES)
def test_every_machine_that_can_be_migrated_is_in_one_wave(layout: Layout, experience: str) -> None:
    config = written(layout, "local-200", experience, 200)
    machines = config["ec2-to-azure:machines"]
    waves = config["ec2-to-azure:waves"]
    assert len(machines) == 200
    assert "arm-01" not in machines
    assert [name for wave in waves.values() for name in wave["machines"]] == list(machines)
    assert {wave["phase"] for wave in waves.values()} == {"protected"}
    assert len(waves) == 8


@pytest.mark.parametrize("experience", _EXPERIENCES)
@pytest.mark.parametrize("machines", [LEAST, 120, 200])
def test_the_config_is_valid(layout: Layout, experience: str, machines: int) -> None:
    config = written(layout, f"local-{machines}", experience, machines)
    texts = {
        key: json.dumps(value) if isinstance(value, dict | list) else value
        for key, value in config.items()
    }
    reading = settings.read(settings.stack_config("ec2-to-azure", texts))
    assert reading.problems == ()


def test_two_stacks_share_no_name_in_azure(layout: Layout) -> None:
    names = [
        {
            config["ec2-to-azure:target"][key]
            for key in ("resourceGroup", "vault", "cacheStorageAccount")
        }
        for config in (
            written(layout, "local-200", "classic", 200),
            written(layout, "local-200-modernized", "modernized", 200),
        )
    ]
    assert not names[0] & names[1]


def test_a_file_that_exists_is_kept(layout: Layout) -> None:
    path = layout.root / "Pulumi.local-20.yaml"
    path.write_text("config: {}\n")
    assert not local_stack.write(layout, "local-20", "classic", estate(20))
    assert path.read_text() == "config: {}\n"


def test_a_large_fleet_has_the_small_one_in_it_and_no_address_twice() -> None:
    largest = fleet(MOST)
    assert largest[: len(FLEET)] == FLEET == fleet()
    assert len(largest) == MOST + 1  # and one that cannot be migrated
    assert len({machine.private_ip for machine in largest}) == len(largest)
    assert {machine.image.partition("-")[0] for machine in fleet(200)[len(FLEET) :]} == {
        "windows",
        "rhel",
    }


@pytest.mark.parametrize("experience", ["classic", "modernized"])
def test_every_machine_of_a_large_fleet_runs_a_system_that_can_be_migrated(
    experience: ExperienceName,
) -> None:
    others = [machine for machine in fleet(200) if machine not in FLEET]
    systems = {machine.image for machine in others}
    table = matrix().of(experience)
    assert [system for system in sorted(systems) if table.row(system) is None] == []
