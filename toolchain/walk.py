"""The phases of local stacks: `make down` puts them back to what they were before the walk.

    python -m toolchain.walk begin --stack dev   note the phases of a stack, once
    python -m toolchain.walk end                 put them back, for every stack that was noted

A person who tries the local clouds changes the phases of waves in `Pulumi.<stack>.yaml`. `make down`
removes the migrated machines, so the phases would ask the next, new machines for steps that were never
rehearsed. Other changes of the config stay.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from toolchain import environment
from toolchain.layout import Layout, checkout

_WAVES = "ec2-to-azure:waves"

SetPhase = Callable[[str, str, str], None]
"""Sets the phase of a wave in the config file of a stack: stack, wave, phase."""


def begin(layout: Layout, stack: str) -> None:
    """Note the phases of a stack, unless that was done since the last `end`."""
    note = layout.walk / f"{stack}.json"
    if not note.exists():
        layout.walk.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(_phases(layout, stack)), "utf-8")


def end(layout: Layout, set_phase: SetPhase) -> list[str]:
    """Put the phases of all noted stacks back, and forget them.

    Returns:
        One line for each phase that had changed.
    """
    lines = []
    for note in sorted(layout.walk.glob("*.json")):
        stack, now = note.stem, _phases(layout, note.stem)
        for wave, phase in json.loads(note.read_text("utf-8")).items():
            if wave in now and now[wave] != phase:
                set_phase(stack, wave, phase)
                lines.append(
                    f"Pulumi.{stack}.yaml: the phase of wave {wave} is {phase} again, because its "
                    f"machines are gone (it was {now[wave]})"
                )
        note.unlink()
    return lines


def _phases(layout: Layout, stack: str) -> dict[str, str]:
    """The phase of each wave in the config file of a stack; nothing if the file has none."""
    try:
        content: Any = yaml.safe_load(_file(layout, stack).read_text("utf-8"))
        waves = content["config"][_WAVES]
        return {name: str(wave["phase"]) for name, wave in waves.items() if "phase" in wave}
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError):
        # The program reports what is wrong with the file.
        return {}


def _file(layout: Layout, stack: str) -> Path:
    return layout.root / f"Pulumi.{stack}.yaml"


def _with_pulumi(layout: Layout) -> SetPhase:
    """Pulumi's own command, which keeps the comments of the file."""
    variables = {
        **os.environ,
        **environment.tools(layout, os.environ),
        **environment.pulumi(layout),
    }

    def set_phase(stack: str, wave: str, phase: str) -> None:
        command = ["pulumi", "config", "set", "--stack", stack, "--path"]
        subprocess.run(
            [*command, f'{_WAVES}["{wave}"].phase', phase],
            cwd=layout.root,
            env=variables,
            check=True,
        )

    return set_phase


def main(arguments: list[str]) -> int:
    """Note phases or put them back. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m toolchain.walk")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("begin", help="note the phases of a stack").add_argument(
        "--stack", required=True
    )
    actions.add_parser("end", help="put the noted phases back")
    chosen = parser.parse_args(arguments)
    layout = checkout()
    if chosen.action == "begin":
        begin(layout, chosen.stack)
        return 0
    try:
        lines = end(layout, _with_pulumi(layout))
    except (environment.NotReadyError, subprocess.CalledProcessError) as error:
        print(f"The phases of the local stacks were not put back: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines), end="\n" if lines else "")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
