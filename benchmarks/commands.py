"""Measures what a `pulumi` command costs on this computer, for fleets of several sizes.

    python -m benchmarks.commands [--machines 10 100 200] [--experience classic] [--of-a-wave 50]

A stack of N machines on local clouds of its own is brought to `protected`. Then a preview and an
`up` that find nothing to do are measured, and before its first `up` a preview. Measured are the
processor time of the engine with all processes that it starts, and the memory of the largest one.

The baseline is measured in the same run, on the same engine: a program with as many dynamic
resources and nothing else, whose provider does nothing (`benchmarks/bare_program`). So is the same
program with as many dynamic resources as the stack has resources of any kind: what SDK and engine
need for that number, whatever a program does. The ratios leave out the stand-in providers of the
local clouds, which a user of real clouds does not have. The local clouds themselves are never
counted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from tempfile import TemporaryDirectory

import yaml

from benchmarks.process_tree import Cost, measured
from emulator.aws.estate import IMAGES
from emulator.aws.fleet import PROFILE
from emulator.providers.install import install
from site_recovery.batches import batches
from tests.engine.clouds import Clouds
from tests.engine.harness import Pythons, Running, Stack
from toolchain.environment import backend
from toolchain.layout import checkout

STAND_INS = "stand-in providers"
_BARE_PROGRAM = Path(__file__).parent / "bare_program"
_BARE_STACK = "bare"
_SERVER = "c5.4xlarge"
"""A configuration server for up to 200 machines."""
_AT_ONCE = 20
"""Instances that are started with one call."""
_KINDS = {
    "child.py program": "program",
    "pulumi-language-python-exec": "program",
    "pulumi.dynamic": "dynamic providers",
    "emulator.providers": STAND_INS,
    "language_host/server.py": "language host",
    "pulumi-language-python": "language host",
}
_Start = Callable[[Sequence[str]], Running]


@dataclass(frozen=True)
class Measured:
    """What one command cost.

    Attributes:
        command: the command, and what it finds.
        machines: the machines of the stack.
        resources: its dynamic resources, which are also those of the baseline.
        of_any_kind: all its resources.
        ours: the cost with this project's program.
        bare: the cost with the baseline's program.
        as_many: the cost with the baseline's program and `of_any_kind` dynamic resources.
    """

    command: str
    machines: int
    resources: int
    of_any_kind: int
    ours: Cost
    bare: Cost
    as_many: Cost

    @property
    def ratio(self) -> float:
        """The processor time divided by that of the baseline, without the stand-in providers."""
        return self.ours.cpu(without=(STAND_INS,)) / self.bare.cpu()

    @property
    def ratio_to_as_many(self) -> float:
        """The same, divided by that of the baseline with resources of any kind."""
        return self.ours.cpu(without=(STAND_INS,)) / self.as_many.cpu()

    @property
    def memory_ratio(self) -> float:
        """The memory of the largest process, divided by that of the baseline."""
        return self.ours.peak(without=(STAND_INS,)) / self.bare.peak()


def main(arguments: list[str] | None = None) -> int:
    """Measure and print. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commands")
    parser.add_argument("--machines", type=int, nargs="+", default=[10, 100, 200])
    parser.add_argument("--experience", choices=("classic", "modernized"), default="classic")
    parser.add_argument("--of-a-wave", type=int, default=50, help="machines of a wave")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    found: list[Measured] = []
    for machines in options.machines:
        measured_now = measure(machines, options.experience, options.of_a_wave)
        found += measured_now
        if not options.json:
            print(table(measured_now), flush=True)
    if options.json:
        print(json.dumps([asdict(one) for one in found]))
    return 0


def measure(machines: int, experience: str = "classic", of_a_wave: int = 50) -> list[Measured]:
    """Measure the commands of one stack and of its baseline.

    Args:
        machines: how many machines the stack has.
        experience: `classic` or `modernized`.
        of_a_wave: how many of them are in a wave.

    Raises:
        RuntimeError: a command failed; the text is what it printed.
    """
    up = ("up", "--yes", "--skip-preview")
    with (
        TemporaryDirectory() as folder,
        _stack(Path(folder), machines, experience, of_a_wave) as stack,
    ):

        def ours(command: Sequence[str]) -> Running:
            return stack.start(*command)

        def costs(start: _Start) -> list[Cost]:
            first = _cost(start, ["preview"])
            _cost(start, up)
            return [first, _cost(start, ["preview"]), _cost(start, up)]

        found = costs(ours)
        types = [one["type"] for one in stack.resources() if not _is_pulumis_own(one["type"])]
        resources = sum(one.startswith("pulumi-python:") for one in types)
        bare, as_many = (
            costs(_bare(Path(folder) / f"bare-{number}", stack.environment, number))
            for number in (resources, len(types))
        )
        names = ("preview of a new stack", "preview, nothing to do", "up, nothing to do")
        return [
            Measured(name, machines, resources, len(types), *each)
            for name, *each in zip(names, found, bare, as_many, strict=True)
        ]


def _is_pulumis_own(kind: str) -> bool:
    """Whether a type is that of the stack itself or of a provider."""
    return kind.startswith("pulumi:")


def table(found: Sequence[Measured]) -> str:
    """The results for people: seconds of processor time, MiB, and ratios."""
    lines = [
        f"{'machines':>8}  {'':24}{'CPU s':>8}{'bare':>8}{'ratio':>7}{'as many':>9}{'ratio':>7}"
        f"{'MiB':>7}{'bare':>6}"
    ]
    for one in found:
        ours, bare = one.ours, one.bare
        lines.append(
            f"{one.machines:>8}  {one.command:24}{ours.cpu(without=(STAND_INS,)):>8.1f}"
            f"{bare.cpu():>8.1f}{one.ratio:>7.2f}{one.as_many.cpu():>9.1f}"
            f"{one.ratio_to_as_many:>7.2f}{ours.peak(without=(STAND_INS,)):>7.0f}"
            f"{bare.peak():>6.0f}"
        )
        for kind, spent in sorted(ours.cpu_seconds.items(), key=lambda part: -part[1]):
            lines.append(
                f"{'':10}  {kind:22}{spent:>8.1f}{bare.cpu_seconds.get(kind, 0):>8.1f}{'':7}"
                f"{one.as_many.cpu_seconds.get(kind, 0):>9.1f}{'':7}"
                f"{ours.peak_mib[kind]:>7.0f}{bare.peak_mib.get(kind, 0):>6.0f}"
            )
    return "\n".join(lines)


@contextmanager
def _stack(folder: Path, machines: int, experience: str, of_a_wave: int) -> Iterator[Stack]:
    """A stack that has not been deployed yet, with its own clouds."""
    pythons = Pythons(checkout().virtual_environment, folder / "home")
    install(pythons.home, pythons.virtual_environment / "bin" / "python")
    clouds = Clouds(folder / "clouds")
    try:
        (folder / "stack").mkdir()
        stack = Stack(folder / "stack", clouds, pythons, pythons, experience)
        stack.fleet = _instances(clouds, machines)
        server = stack.config["ec2-to-azure:source"].get("configurationServer")
        if server is not None:
            server["instanceType"] = _SERVER
        waves = batches(stack.fleet, of_a_wave)
        stack.declare(**{f"wave-{n}": ("protected", names) for n, names in enumerate(waves)})
        yield stack
    finally:
        clouds.stop()


def _instances(clouds: Clouds, count: int) -> dict[str, dict[str, str]]:
    """Start machines in the estate's VPC. Returns their part of the config."""
    ec2 = clouds.ec2()
    like = ec2.describe_instances(InstanceIds=[clouds.instance_id("web-01")])
    pattern = like["Reservations"][0]["Instances"][0]
    subnet = ec2.create_subnet(
        VpcId=pattern["VpcId"],
        CidrBlock="10.10.16.0/20",
        AvailabilityZone=pattern["Placement"]["AvailabilityZone"],
    )
    found: list[str] = []
    while len(found) < count:
        number = min(_AT_ONCE, count - len(found))
        started = ec2.run_instances(
            ImageId=IMAGES["windows-server-2012-r2"],
            InstanceType=pattern["InstanceType"],
            MinCount=number,
            MaxCount=number,
            SubnetId=subnet["Subnet"]["SubnetId"],
            SecurityGroupIds=[group["GroupId"] for group in pattern["SecurityGroups"]],
            IamInstanceProfile={"Name": PROFILE},
            BlockDeviceMappings=[
                {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 50, "VolumeType": "gp2"}}
            ],
        )
        found += [one["InstanceId"] for one in started["Instances"]]
    return {f"vm-{number:04}": {"instanceId": one} for number, one in enumerate(found)}


def _bare(folder: Path, environment: Mapping[str, str], resources: int) -> _Start:
    """The baseline as a project with a stack of its own. Returns what starts its commands."""
    layout = checkout()
    (folder / "state").mkdir(parents=True)
    manifest = {
        "name": "bare",
        "main": str(_BARE_PROGRAM),
        "runtime": {
            "name": "python",
            "options": {"virtualenv": str(layout.virtual_environment)},
        },
    }
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(manifest), "utf-8")
    config = {"config": {"bare:resources": resources}}
    (folder / f"Pulumi.{_BARE_STACK}.yaml").write_text(yaml.safe_dump(config), "utf-8")
    own = {**environment, "PULUMI_BACKEND_URL": backend(folder / "state")}
    # Both the program and the process of its providers import the resource's module.
    own["PYTHONPATH"] = str(layout.root)

    def started(command: Sequence[str]) -> Running:
        process = Popen(
            ["pulumi", *command, "--stack", _BARE_STACK, "--non-interactive"],
            cwd=folder,
            env=own,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
        )
        return Running(process, folder / "no-events")

    _cost(started, ["stack", "init"])
    return started


def _cost(start: _Start, command: Sequence[str]) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed.
    """
    running = start(command)
    cost = measured(running.process, _kind)
    result = running.result()
    if result.code:
        raise RuntimeError(f"pulumi {' '.join(command)} failed:\n{result.text}")
    return cost


def _kind(command_line: list[str]) -> str:
    line = " ".join(command_line)
    return next((kind for part, kind in _KINDS.items() if part in line), "engine" if line else "")


if __name__ == "__main__":
    sys.exit(main())
