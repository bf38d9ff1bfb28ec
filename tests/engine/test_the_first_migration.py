"""`docs/first-migration.md`, followed step by step on the local clouds.

Nothing of the guide is repeated here: its commands, its config and its phases are read from it. Two
things are put in: where the clouds are, and the ids of their machine. Modernized experience only, which
is the one that the guide is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml

from tests.docs.markdown import commands
from tests.engine.clouds import Clouds
from tests.engine.guide import GUIDE, STACK, Reader, Step, steps
from tests.warm_python import warm_program
from toolchain.layout import checkout

pytestmark = pytest.mark.engine

GROUP = f"rg-migration-{STACK}"
MACHINES = f"{GROUP}-machines"
STEPS = steps()
LOCAL = yaml.safe_load((checkout().root / "Pulumi.dev-modernized.yaml").read_text("utf-8"))[
    "config"
]
SOURCE = LOCAL["ec2-to-azure:source"]
IDS = {
    "<subscription id>": LOCAL["azure-native:subscriptionId"],
    "<vpc-...>": SOURCE["vpcId"],
    "<subnet-...>": SOURCE["replicationAppliance"]["subnetId"],
    "<3 to 24 letters and digits, unique in all of Azure>": "stmigrationstaging",
}
# Hours pass in seconds here, so look often; and a slow computer lets many hours pass.
HASTE = {"ec2-to-azure:convergence": {"poll": "100ms", "wait": "168h"}}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("checkout"), warm_program())


@pytest.fixture(scope="module")
def clouds(reader: Reader) -> Iterator[Clouds]:
    running = Clouds(reader.layout.clouds)
    try:
        yield running
    finally:
        running.stop()


def follow(reader: Reader, step: Step) -> str:
    """Do what a step says, and return what its last command printed."""
    if step.phase:
        waves = reader.declared()["ec2-to-azure:waves"]
        reader.declare(
            {
                "ec2-to-azure:waves": {
                    name: wave | {"phase": step.phase} for name, wave in waves.items()
                }
            }
        )
    text = ""
    for command in step.commands:
        code, text = reader.run(command)
        assert code == 0, f"{command}\n{text}"
    return text


def test_the_guide_has_its_steps_in_order() -> None:
    assert list(STEPS) == list(range(1, 14))
    assert [STEPS[n].phase for n in range(9, 13)] == [
        "test-failover",
        "protected",
        "failed-over",
        "migrated",
    ]


def test_every_command_of_the_guide_belongs_to_a_step() -> None:
    rehearsal = {"make up STACK=dev-modernized"}
    given = {" ".join(command) for command in commands(GUIDE, "make")} - rehearsal
    assert given == {command for step in STEPS.values() for command in step.commands}


def test_a_preview_of_the_file_as_it_comes_lists_what_is_missing(
    reader: Reader, clouds: Clouds
) -> None:
    reader.open_shell(STEPS[2].opening, {"<backend>": '"$PULUMI_BACKEND_URL"'})

    (command,) = STEPS[4].commands
    code, text = reader.run(command)

    assert code != 0
    said = " ".join(text.split())
    assert STEPS[4].shown
    for line in STEPS[4].shown:
        assert line in said


def test_filled_in_it_previews_and_leaves_the_clouds_alone(reader: Reader, clouds: Clouds) -> None:
    before = clouds.changes()
    reader.declare(STEPS[2].config)
    machines = {
        name: machine | {"instanceId": clouds.instance_id(name)}
        for name, machine in reader.declared()["ec2-to-azure:machines"].items()
    }
    reader.fill_in(IDS)
    reader.declare({"ec2-to-azure:machines": machines, **HASTE})
    follow(reader, STEPS[3])

    follow(reader, STEPS[4])

    assert clouds.changes() == before


def test_the_landing_zone_has_an_appliance_that_is_registered(
    reader: Reader, clouds: Clouds
) -> None:
    follow(reader, STEPS[5])

    assert len(clouds.servers()) == 1
    assert len(clouds.fabrics(GROUP)) == 1


@pytest.mark.parametrize(
    ("number", "machines"),
    [
        (8, set()),
        (9, {"web-01-test"}),
        (10, set()),
        (11, {"web-01"}),
        (12, {"web-01"}),
    ],
)
def test_the_machine_migrates(
    reader: Reader, clouds: Clouds, number: int, machines: set[str]
) -> None:
    if number == 8:
        packages = LOCAL["ec2-to-azure:replication"]["agent"]
        reader.declare(
            {
                "ec2-to-azure:replication": {"agent": packages, "registrationTimeout": "24h"},
                **STEPS[8].config,
            }
        )

    follow(reader, STEPS[number])

    assert set(clouds.virtual_machines(MACHINES)) == machines


def test_then_a_preview_shows_nothing_left_to_do(reader: Reader) -> None:
    _, text = reader.run(STEPS[12].commands[-1])

    assert "unchanged" in text
    assert not re.search(r"\d+ to (?:create|update|replace|delete)|IRREVERSIBLE", text), text


def test_the_rest_is_removed_and_the_machine_stays(reader: Reader, clouds: Clouds) -> None:
    follow(reader, STEPS[13])

    assert clouds.servers() == {}
    assert set(clouds.virtual_machines(MACHINES)) == {"web-01"}
