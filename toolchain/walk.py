"""The phases of local stacks: `make down` puts them back to what they were before the walk.

    python -m toolchain.walk begin --stack dev   note the phases of a stack, once
    python -m toolchain.walk end                 put them back, for every stack that was noted

A person who tries the local clouds changes the phases of waves in `Pulumi.<stack>.yaml`. `make down`
removes the migrated machines, so the phases would ask the next, new machines for steps that were never
rehearsed. Other changes of the config stay. Phases that cannot be put back stay noted, for the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from toolchain import environment, files
from toolchain.layout import Layout, NotReadyError, checkout

_WAVES = "ec2-to-azure:waves"

SetPhase = Callable[[str, str, str], None]
"""Sets the phase of a wave in the config file of a stack: stack, wave, phase. Raises `NotSetError`."""


class NotSetError(Exception):
    """A phase could not be set. The text says why."""


class _UnreadableError(Exception):
    """A config file cannot be read. The text says why."""


@dataclass
class Ended:
    """What became of the noted phases.

    Attributes:
        lines: one for each phase that was put back, and each note that says nothing.
        problems: one for each stack whose phases stay noted, with the way out.
    """

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def begin(layout: Layout, stack: str) -> None:
    """Note the phases of a stack, unless that was done since the last `end`.

    Nothing is noted of a file that cannot be read, which the program reports.
    """
    note = layout.walk / f"{stack}.json"
    if note.exists():
        return
    try:
        phases = _phases(layout, stack)
    except _UnreadableError:
        return
    layout.walk.mkdir(parents=True, exist_ok=True)
    files.write(note, json.dumps(phases))


def end(layout: Layout, set_phase: SetPhase) -> Ended:
    """Put the phases of all noted stacks back, and forget those that are."""
    ended = Ended()
    for note in sorted(layout.walk.glob("*.json")):
        name = _file(layout, note.stem).name
        try:
            before = _noted(note)
        except ValueError:
            ended.lines.append(
                f"{note} is not readable, so the phases in {name} stay as they are. Compare them "
                "yourself with what they were before the first `make up`."
            )
            note.unlink()
            continue
        try:
            # Also the lines of phases in front of one that cannot be set.
            ended.lines.extend(_put_back(layout, note.stem, before, set_phase))
        except (_UnreadableError, NotSetError) as problem:
            ended.problems.append(
                f"{name}: its phases were not put back: {problem}. Correct that, and run `make down` "
                f"again; or remove {note}, to leave the phases as they are."
            )
        else:
            note.unlink()
    return ended


def _noted(note: Path) -> dict[str, str]:
    """The phases in a note.

    Raises:
        ValueError: it was not written to its end, or by somebody else.
    """
    noted = json.loads(note.read_text("utf-8"))
    if not isinstance(noted, dict):
        raise ValueError(note)
    return noted


def _put_back(
    layout: Layout, stack: str, before: Mapping[str, str], set_phase: SetPhase
) -> Iterator[str]:
    """Put the phases of a stack back.

    Yields:
        A line for each that had changed.

    Raises:
        _UnreadableError: its config file cannot be read.
        NotSetError: a phase could not be set.
    """
    name, now = _file(layout, stack).name, _phases(layout, stack)
    for wave, phase in before.items():
        if wave in now and now[wave] != phase:
            set_phase(stack, wave, phase)
            yield (
                f"{name}: the phase of wave {wave} is {phase} again, because its "
                f"machines are gone (it was {now[wave]})"
            )


def _phases(layout: Layout, stack: str) -> dict[str, str]:
    """The phase of each wave in the config file of a stack; nothing if there is no file, or it has none.

    Raises:
        _UnreadableError: the file is not YAML in UTF-8.
    """
    try:
        content: Any = yaml.safe_load(_file(layout, stack).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _UnreadableError(" ".join(str(error).split())) from None
    try:
        waves = content["config"][_WAVES]
        return {name: str(wave["phase"]) for name, wave in waves.items() if "phase" in wave}
    except (LookupError, TypeError, AttributeError):
        # The program reports what is wrong with the file.
        return {}


def _file(layout: Layout, stack: str) -> Path:
    return layout.root / f"Pulumi.{stack}.yaml"


def _with_pulumi(layout: Layout) -> SetPhase:
    """Pulumi's own command, which keeps the comments of the file."""
    there: set[str] = set()

    def pulumi(*command: str) -> None:
        try:
            variables = {
                **os.environ,
                **environment.tools(layout, os.environ),
                **environment.pulumi(layout),
            }
            done = subprocess.run(
                ["pulumi", *command, "--non-interactive"],
                cwd=layout.root,
                env=variables,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
        except (NotReadyError, OSError) as error:
            raise NotSetError(str(error).rstrip(".")) from None
        if done.returncode != 0:
            raise NotSetError(" ".join((done.stderr or done.stdout).split()).rstrip("."))

    def set_phase(stack: str, wave: str, phase: str) -> None:
        if stack not in there:
            # Pulumi sets nothing for a stack that is gone. The next step of `make down` removes it again.
            layout.state.mkdir(parents=True, exist_ok=True)
            pulumi("stack", "select", "--create", stack)
            there.add(stack)
        pulumi("config", "set", "--stack", stack, "--path", f'{_WAVES}["{wave}"].phase', phase)

    return set_phase


def main(arguments: list[str]) -> int:
    """Note phases or put them back. Returns the exit code, which is 1 if phases stay noted."""
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
    ended = end(layout, _with_pulumi(layout))
    for line in ended.lines:
        print(line)
    for problem in ended.problems:
        print(problem, file=sys.stderr)
    return int(bool(ended.problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
