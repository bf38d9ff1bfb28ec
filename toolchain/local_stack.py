"""The config of a stack for a large local estate: `make up MACHINES=200`.

    python -m toolchain.local_stack local-200 [--experience modernized]

It declares every machine that the running local AWS has and that can be migrated, in waves of 25, each
in phase `protected`. The rest is as in `Pulumi.dev.yaml` or `Pulumi.dev-modernized.yaml`. A file that
exists is kept, because a person may have changed its phases.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from toolchain import environment
from toolchain.layout import Layout, NotReadyError, checkout

_TEMPLATES = {"classic": "Pulumi.dev.yaml", "modernized": "Pulumi.dev-modernized.yaml"}
_PROJECT = "ec2-to-azure"
_WAVE = 25
_NO_MACHINE = ("arm-",)
"""What the names of machines begin with that Site Recovery cannot migrate."""


def write(layout: Layout, stack: str, experience: str, estate: Mapping[str, Any]) -> bool:
    """Write `Pulumi.<stack>.yaml`; False if it exists already.

    Args:
        layout: the checkout.
        stack: the name of the stack.
        experience: `classic` or `modernized`.
        estate: the ids of the local AWS, as its control API returns them.
    """
    path = layout.root / f"Pulumi.{stack}.yaml"
    if path.exists():
        return False
    template: dict[str, Any] = yaml.safe_load(
        (layout.root / _TEMPLATES[experience]).read_text("utf-8")
    )
    content = template | {"config": config(template["config"], stack, estate)}
    text = yaml.safe_dump(content, sort_keys=False, width=100)
    path.write_text(
        f"# All machines of a local estate, otherwise as {_TEMPLATES[experience]}, which has comments.\n"
        f"# Change the phases of waves, and run `make up` again as before.\n{text}",
        "utf-8",
    )
    return True


def config(base: Mapping[str, Any], stack: str, estate: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a small local stack, with all machines of the estate and names of its own."""
    target = dict(base[f"{_PROJECT}:target"])
    letters = "".join(letter for letter in stack if letter.isalnum())
    target |= {
        "resourceGroup": f"rg-{stack}",
        "vault": f"rsv-{stack}",
        "cacheStorageAccount": f"st{letters}"[:24],
        "tags": {"project": _PROJECT, "stack": stack},
        "network": _network("vnet-prod", "10.20"),
        "testNetwork": _network("vnet-test", "10.21"),
    }
    known = base[f"{_PROJECT}:machines"]
    machines = {
        name: {**known.get(name, {}), "instanceId": identifier}
        for name, identifier in estate["machines"].items()
        if not name.startswith(_NO_MACHINE)
    }
    source = {
        # Without a type the server has one that is large enough.
        name: {key: value for key, value in part.items() if key != "instanceType"}
        if isinstance(part, dict)
        else part
        for name, part in base[f"{_PROJECT}:source"].items()
    }
    return {
        **base,
        f"{_PROJECT}:source": source,
        f"{_PROJECT}:target": target,
        # As long as the machines with the largest disks need.
        f"{_PROJECT}:convergence": {**base[f"{_PROJECT}:convergence"], "wait": "12h"},
        f"{_PROJECT}:machines": machines,
        f"{_PROJECT}:waves": _waves(machines),
    }


def _network(name: str, prefix: str) -> dict[str, Any]:
    subnet = {"name": "servers", "addressPrefix": f"{prefix}.0.0/17"}
    return {"name": name, "addressSpace": f"{prefix}.0.0/16", "subnet": subnet}


def _waves(machines: Iterable[str]) -> dict[str, Any]:
    names = list(machines)
    return {
        f"wave-{at // _WAVE + 1:02}": {"phase": "protected", "machines": names[at : at + _WAVE]}
        for at in range(0, len(names), _WAVE)
    }


def _estate(layout: Layout) -> dict[str, Any]:
    """The ids of the local AWS.

    Raises:
        NotReadyError: it does not run.
    """
    endpoint = environment.clouds(layout, {})["AWS_ENDPOINT_URL"]
    with urllib.request.urlopen(f"{endpoint}/_emulator/estate", timeout=30) as answer:  # noqa: S310 - on loopback
        found: dict[str, Any] = json.load(answer)
    return found


def main(arguments: list[str]) -> int:
    """Write the config. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m toolchain.local_stack")
    parser.add_argument("stack", help="the name of the stack")
    parser.add_argument("--experience", choices=sorted(_TEMPLATES), default="classic")
    chosen = parser.parse_args(arguments)
    layout = checkout()
    path = Path(f"Pulumi.{chosen.stack}.yaml")
    try:
        written = write(layout, chosen.stack, chosen.experience, _estate(layout))
    except (NotReadyError, urllib.error.URLError) as problem:
        print(f"{path} was not written: {problem}", file=sys.stderr)
        return 1
    print(f"{path}: {'written' if written else 'is there already, and is kept'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
